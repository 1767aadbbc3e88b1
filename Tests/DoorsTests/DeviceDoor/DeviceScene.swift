import Agent
import Foundation
import NIOHTTP1
import Passport
import Registry
import Server
import Testing
import Trust
import Use
import Wire
import Workbench

/// A house, an owner and one unit of it that is paired and enrolled.
struct DeviceScene: Sendable {
    let bench: HouseBench
    let ada: Principal
    let unit: BenchUnit
    let operational: Operational

    init(settings: (inout HouseSettings) -> Void = { _ in }) async throws {
        bench = try await HouseBench(atRealTime: settings)
        ada = try await bench.ownership()
        unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: ada)
        operational = try await bench.enrol(unit)
    }

    func report(_ log: [DeviceLogEntry] = []) -> CheckInReport {
        CheckInReport(agent: "test/1", sequence: 0, version: "1.0.0", log: log)
    }

    func quarantine() async throws {
        _ = try await bench.house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
    }

    func seal(_ receipt: Receipt, with key: any SigningKey) throws -> Seal {
        try Seal.sign(type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: key)
    }

    func passport() async throws -> Passport {
        try await bench.house.read { try Device.require(unit.serial, in: $0).passport }
    }
}

/// The answer has that status and, as its body, a refusal that says the rule and what to do.
func expectRefusal(
    _ answer: BenchClient.Answer, _ status: Int, rule: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.refusal != nil, "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.headers.first(name: "Content-Type") == "application/json", sourceLocation: sourceLocation)
    if let rule { #expect(answer.refusal?.rule == rule, "\(answer.text)", sourceLocation: sourceLocation) }
}

extension DeviceScene {
    /// Answers the order to wipe that the status gives.
    func wipe(_ door: DeviceBench) async throws {
        let client = try door.birth(unit)
        let nonce = try #require(try await client.status().wipe).nonce
        let receipt = Receipt(kind: .wiped, device: unit.device, at: bench.clock.now, nonce: nonce)
        #expect(try await client.post(DeviceAPI.receipts, json: seal(receipt, with: unit.key)).status == 200)
    }
}
