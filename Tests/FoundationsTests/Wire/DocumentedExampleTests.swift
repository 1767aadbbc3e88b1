import Foundation
import Testing
import Wire

/// docs/openapi/device.yaml keeps each example as one line of JSON under a name that begins with its type; here each is
/// read with the code that reads it on the wire.
@Suite struct `An example in the documentation of the device API` {
    static let examples: [(name: String, json: String)] = {
        let page = URL(filePath: #filePath).appending(path: "../../../../docs/openapi/device.yaml").standardizedFileURL
        guard let text = try? String(contentsOf: page, encoding: .utf8) else { return [] }
        let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        return zip(lines, lines.dropFirst()).compactMap { name, value in
            guard name.hasSuffix(":"), value.hasPrefix("value: {") else { return nil }
            return (String(name.dropLast()), String(value.dropFirst(7)))
        }
    }()

    @Test func `is there for everything that is sent`() {
        let types = Set(Self.examples.map { $0.name.prefix { $0 != "-" } })
        #expect(types.isSuperset(of: ["DeviceStatus", "CheckInReport", "DesiredState", "Seal", "Refusal"]))
        let states = Set(Self.examples.map(\.name).filter { $0.hasPrefix("DeviceStatus-") }.map { $0.dropFirst(13) })
        #expect(states == Set(DeviceStatus.State.allCases.map { $0.rawValue[...] }))
        let codes = Set(
            Self.examples.map(\.name).filter { $0.hasPrefix("Refusal-") }.map { $0.dropFirst(8).prefix { $0 != "-" } })
        // Nothing on the device plane counts attempts.
        #expect(codes == Set(Refusal.Code.allCases.filter { $0 != .tooMany }.map { $0.rawValue[...] }))
    }

    @Test(arguments: examples) func `is read by the code that it describes`(_ name: String, _ json: String) throws {
        let bytes = Array(json.utf8)
        switch name.prefix(while: { $0 != "-" }) {
        case "DeviceStatus":
            let status = try CanonicalJSON.decode(DeviceStatus.self, from: bytes)
            #expect(name == "DeviceStatus-\(status.state.rawValue)")
            try expectSame(status, json)
        case "CheckInReport": try expectSame(CanonicalJSON.decode(CheckInReport.self, from: bytes), json)
        case "DesiredState": try expectSame(CanonicalJSON.decode(DesiredState.self, from: bytes), json)
        case "Seal":
            let seal = try CanonicalJSON.decode(Seal.self, from: bytes)
            #expect(seal.payloadType == Seal.PayloadType.receipt)
            _ = try CanonicalJSON.decode(Receipt.self, from: seal.payloadBytes())
            try expectSame(seal, json)
        case "PayloadEnvelope": try expectSame(CanonicalJSON.decode(PayloadEnvelope.self, from: bytes), json)
        case "Receipt": try expectSame(CanonicalJSON.decode(Receipt.self, from: bytes), json)
        case "ReleaseManifest": try expectSame(CanonicalJSON.decode(ReleaseManifest.self, from: bytes), json)
        case "Refusal":
            let refusal = try CanonicalJSON.decode(Refusal.self, from: bytes)
            #expect(name.hasPrefix("Refusal-\(refusal.code.rawValue)"))
            try expectSame(refusal, json)
        case "Done": #expect(json == "{}")
        default: Issue.record("\(name) begins with no type that is known here")
        }
    }

    /// Nothing in the example is unknown to the type, and nothing of the type is missing from the example.
    private func expectSame(_ value: some Encodable, _ json: String) throws {
        let written = try JSONSerialization.jsonObject(with: Data(CanonicalJSON.encode(value))) as? NSDictionary
        let documented = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? NSDictionary
        #expect(written == documented)
    }
}
