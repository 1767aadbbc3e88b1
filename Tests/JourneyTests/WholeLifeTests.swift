import Agent
import Ledger
import Manufacture
import Pairing
import Passport
import Registry
import Release
import Retirement
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

/// Birth to disposal, in one process and on a simulated clock, through the rooms' own actions.
@Suite struct `A whole life` {
    @Test func `has the rights of its stage at every step, and the audit finds nothing`() async throws {
        var life = try await SteppedLife()
        try await life.demand(.made, after: "birth")
        try await sell(&life)
        try await use(&life)
        try await resell(&life)
        try await end(life)
    }

    private func sell(_ life: inout SteppedLife) async throws {
        let (house, serial) = (life.house, life.unit.serial)
        let ada = try await life.bench.ownership("Ada")
        #expect(
            try await SteppedLife.refusal {
                _ = try await house.perform(PairDevice(device: serial, grade: .declared), as: ada)
            } == .forbidden)
        _ = try await house.perform(ShipDevices(devices: [serial]), as: life.maker)
        try await life.demand(.shipped, after: "shipping")

        let asked = try await house.perform(PairDevice(device: serial, grade: .proven), as: ada)
        #expect(asked.state == .waitingForProof)
        let challenge = try #require(try await life.status().pairing)
        let proof = Receipt(
            kind: .pairingProof, device: life.unit.device, at: life.bench.clock.now, nonce: challenge.nonce)
        _ = try await house.perform(ProvePresence(seal: life.receipt(proof)), as: life.device)
        #expect(try await life.passport().tenure?.grade == .proven)
        try await life.demand(.inUse, after: "pairing")
        #expect(try await life.status().state == .notEnrolled)

        try await life.enrol()
        try await life.demand(.inUse, after: "enrolment")
        #expect(try await life.status().state == .enrolled)

        _ = try await house.perform(ConfigureDevice(device: serial, document: "{\"setpoint\":21}"), as: ada)
        let desired = try await life.checkIn()
        #expect(desired.configuration?.document == "{\"setpoint\":21}")
        let applied = Receipt(kind: .configured, device: life.unit.device, at: life.bench.clock.now, configuration: 1)
        _ = try await house.perform(RecordReceipt(seal: life.receipt(applied)), as: life.device)
        #expect(try await life.passport().configurationApplied == 1)
        try await life.demand(.inUse, after: "configuration")
        await offer(life, as: ada)
    }

    /// The offer is taken back: a way out of the stage that the resale does not take.
    private func offer(_ life: SteppedLife, as ada: Principal) async {
        await #expect(throws: Never.self) {
            _ = try await life.house.perform(OfferDevice(device: life.unit.serial), as: ada)
            try await life.demand(.inTransfer, after: "an offer")
            _ = try await life.house.perform(WithdrawOffer(device: life.unit.serial), as: ada)
            try await life.demand(.inUse, after: "its withdrawal")
        }
    }

    private func use(_ life: inout SteppedLife) async throws {
        let house = life.house
        try await life.offerRelease(1)
        let desired = try await life.checkIn(configuration: 1)
        let offered = try #require(desired.update)
        let release = try VerifiedRelease(
            offered.manifest, releaseKeys: house.signingKeys(.release).map(\.publicKeyDER), product: HouseBench.product,
            fit: ReleaseFit(hardware: HouseBench.hardware), runningSequence: 0)
        let updated = Receipt(
            kind: .updated, device: life.unit.device, at: life.bench.clock.now, release: release.digest, sequence: 1,
            artifact: release.manifest.sha256)
        _ = try await house.perform(RecordReceipt(seal: life.receipt(updated)), as: life.device)
        #expect(try await life.passport().installed?.sequence == 1)
        try await life.demand(.inUse, after: "an update")
        try await life.checkIn(sequence: 1, configuration: 1, log: Self.log(from: 0, after: nil))
        try await life.demand(.inUse, after: "a page of its log")

        _ = try await house.perform(QuarantineDevice(device: life.unit.serial, reason: "drill"), as: life.maker)
        try await life.demand(.quarantined, after: "quarantine")
        #expect(try await SteppedLife.refusal { try await life.checkIn(sequence: 1) } == .forbidden)
        _ = try await house.perform(RestoreDevice(device: life.unit.serial), as: life.maker)
        try await life.demand(.inUse, after: "restoring")
        try await life.checkIn(sequence: 1, configuration: 1)
    }

    private static func log(from index: Int, after previous: Digest?) -> [DeviceLogEntry] {
        [DeviceLog.entry(index: index, at: Timestamp(seconds: 1), kind: "boot", text: "Started.", after: previous)]
    }

    private func resell(_ life: inout SteppedLife) async throws {
        let (house, serial) = (life.house, life.unit.serial)
        let before = try await life.passport()
        let owner = try await house.read { rows in try Device.require(serial, in: rows).owner }
        let ada = Principal(role: .owner, owner: owner)
        let grace = try await life.bench.ownership("Grace")
        let code = try await house.perform(OfferDevice(device: serial), as: ada).code
        try await life.demand(.inTransfer, after: "the offer")
        #expect(
            try await SteppedLife.refusal {
                _ = try await house.perform(AcceptDevice(device: serial, code: "0000-0000-0000-0000"), as: grace)
            } == .forbidden)
        _ = try await house.perform(AcceptDevice(device: serial, code: code), as: grace)
        try await life.demand(.inTransfer, after: "the acceptance")
        let between = try await life.passport()
        #expect(between.tenure == nil && between.certificates.isEmpty && between.wipeOwed)
        #expect(try await SteppedLife.refusal { try await life.enrol() } == .forbidden)

        try await life.wipe()
        try await life.demand(.inUse, after: "the wipe")
        let after = try await life.passport()
        #expect(after.tenure?.grade == .proven && after.tenure?.id != before.tenure?.id)
        #expect(after.endedTenures == [before.tenure?.id].compactMap { $0 })
        #expect(after.configurationVersion == 0)
        try await life.enrol()
        try await life.demand(.inUse, after: "the fresh enrolment")
        #expect(try await life.checkIn(sequence: 1).configuration == nil)
        #expect(
            try await SteppedLife.refusal {
                _ = try await house.perform(ConfigureDevice(device: serial, document: "{}"), as: ada)
            } == .forbidden)
    }

    private func end(_ life: SteppedLife) async throws {
        _ = try await life.house.perform(RetireDevice(device: life.unit.serial, how: .recycled), as: life.maker)
        try await life.demand(.retired, after: "retirement")
        #expect(try await SteppedLife.refusal { try await life.checkIn(sequence: 1) } == .forbidden)
        try await life.wipe()
        try await life.demand(.retired, after: "the last wipe")
        let passport = try await life.passport()
        #expect(!passport.wipeOwed && passport.certificates.isEmpty && passport.tenure == nil)
        #expect(try await life.status().wipe == nil)
        let evidence = try await published(life)
        #expect(evidence.count == passport.version)
    }

    /// Indices of the device's entries, each proven against a signed checkpoint.
    private func published(_ life: SteppedLife) async throws -> [Int64] {
        try await life.bench.publisher.publish()
        let evidence = try await life.bench.reading.evidence(life.unit.serial, as: life.maker)
        return try evidence.verify(vkey: life.bench.publisher.verifierKey).entries.map(\.index)
    }
}
