import Foundation
import Testing
import Wire

@Suite struct `A report in its plain form` {
    private func plain(_ bytes: [UInt8]) -> CheckInReport? { bytes.withUnsafeBytes { CheckInReport(plain: $0) } }

    private func report(_ random: inout SystemRandomNumberGenerator) -> CheckInReport {
        let words = ["", "on", "1.4.2", "ü€😀", "a/b", "quote\"", "back\\slash", "tab\t", "lifelong-agent/0.1.0"]
        func word() -> String { words.randomElement(using: &random) ?? "" }
        var posture: [String: String] = [:]
        for _ in 0..<Int.random(in: 0...5, using: &random) { posture[word()] = word() }
        return CheckInReport(
            agent: word(), sequence: .random(in: 0...999_999_999_999_999, using: &random), version: word(),
            slot: Bool.random(using: &random) ? word() : nil, configuration: .random(in: 0...9, using: &random),
            posture: posture, log: [],
            succession: Bool.random(using: &random) ? .random(in: 0...9, using: &random) : nil)
    }

    @Test func `is read as the general decoder reads it, or left to it`() throws {
        var random = SystemRandomNumberGenerator()
        var count = 0
        for _ in 0..<2000 {
            let bytes = try CanonicalJSON.encode(report(&random))
            guard let read = plain(bytes) else { continue }
            count += 1
            #expect(read == (try CanonicalJSON.decode(CheckInReport.self, from: bytes)))
        }
        // Most texts need no escape.
        #expect(count > 200)
    }

    @Test func `is never read differently, whatever byte is changed`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<4000 {
            var bytes = try CanonicalJSON.encode(report(&random))
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                let other = Array("{}[]\":,\\0123456789.eE- \n\tnulltrue".utf8).randomElement(using: &random) ?? 0
                if Bool.random(using: &random) { bytes[at] = other } else { bytes.insert(other, at: at) }
            }
            if let read = plain(bytes) {
                let general = try? CanonicalJSON.decode(CheckInReport.self, from: bytes)
                #expect(read == general, "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test(arguments: [
        "", "{", "{}", "[]", "null", "{\"agent\":\"a\"}",
        "{\"agent\":\"a\",\"agent\":\"b\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":0,\"version\":\"\"}",
        // A number that is too long and the field once more: the second must not stand for the first.
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":1234567890123456,\"sequence\":1,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":1234567890123456,\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":1,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":-1,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":01,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":1e3,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":0,\"version\":\"\"}x",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":0,\"version\":\"\",}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[1],\"posture\":{},\"sequence\":0,\"version\":\"\"}",
        "{\"agent\":\"a\",\"configuration\":0,\"log\":[],\"posture\":{\"a\":1},\"sequence\":0,\"version\":\"\"}",
        "{\"agent\":\"a\\u0041\",\"configuration\":0,\"log\":[],\"posture\":{},\"sequence\":0,\"version\":\"\"}",
    ]) func `is left to the general decoder if it is anything else`(_ text: String) {
        #expect(plain(Array(text.utf8)) == nil)
    }

    @Test func `is answered in the same bytes as the general encoder writes`() throws {
        let instant = Timestamp(milliseconds: 1_790_000_000_123)
        for state in DeviceStatus.State.allCases {
            for text in ["plain", "with \"quotes\"", "back\\slash", "line\nend", "ü/€"] {
                let status = DeviceStatus(
                    state: state, stage: "inUse", reason: text, hint: text, device: DeviceID(trusted: "a.b_c-1"),
                    enrol: state == .enrolled ? "/.well-known/est" : nil, serverTime: instant)
                var desired = DesiredState(status: status, logTaken: 12, nextCheckInSeconds: 300)
                #expect(try desired.json() == CanonicalJSON.encode(desired))
                desired.roots = text
                #expect(try desired.json() == CanonicalJSON.encode(desired))
                desired.configuration = .init(version: 3, document: "{\"a\":1}")
                #expect(try desired.json() == CanonicalJSON.encode(desired))
                desired.configuration = nil
                desired.successions = [Seal(payloadType: "x", payload: [1], signatures: [])]
                #expect(try desired.json() == CanonicalJSON.encode(desired))
                desired.successions = nil
                desired.status.update = .init(
                    manifest: Seal(payloadType: "x", payload: [1], signatures: []), path: "/device/v1/artifacts/00")
                #expect(try desired.json() == CanonicalJSON.encode(desired))
            }
        }
    }
}
