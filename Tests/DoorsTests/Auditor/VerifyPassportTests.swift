import Auditor
import Ledger
import Passport
import Testing
import Trust
import Wire

private let device = DeviceID(trusted: "device-1")
private let other = DeviceID(trusted: "device-2")

private func leaf(_ event: Event, of device: DeviceID?, second: Int64) throws -> [UInt8] {
    try CanonicalJSON.encode(
        Entry(at: Timestamp(seconds: 1_800_000_000 + second), device: device, by: Actor(role: "maker"), event: event))
}

private func certificate(_ serial: String) -> CertificateName {
    CertificateName(
        serial: serial, sha256: Digest([1]), key: Digest(Array(serial.utf8)),
        notAfter: Timestamp(seconds: 2_000_000_000))
}

/// Two devices, and events of the house between theirs.
private func lives() throws -> [[UInt8]] {
    let born = { (device: DeviceID) in
        Event.born(
            product: ProductID(trusted: "lamp"), batch: BatchID(trusted: "b1"),
            birthCertificate: certificate(device.text))
    }
    let tenure = TenureID(trusted: "t1")
    let events: [(Event, DeviceID?)] = [
        (.tokenIssued(person: PersonID(trusted: "p1")), nil), (born(device), device), (born(other), other),
        (.shipped, device), (.shipped, other), (.paired(tenure: tenure, grade: .proven, owner: Digest([3])), device),
        (.enrolled(tenure: tenure, certificate: certificate("0a")), device),
        (.quarantined(reason: "finding"), device), (.restored, device),
    ]
    return try events.enumerated().map { try leaf($1.0, of: $1.1, second: Int64($0)) }
}

@Suite struct `A passport under audit` {
    private let ours: [Int64] = [1, 3, 5, 6, 7, 8]

    @Test func `shows the device's proven life`() throws {
        let log = try LogFixture(lives())
        let report = try VerifyPassport.run(document: log.evidence(ours), key: log.key)
        #expect(report.verified, "\(report.lines)")
        #expect(report.device == device)
        #expect(report.life.map(\.stage) == [.made, .shipped, .inUse, .inUse, .quarantined, .inUse])
        #expect(report.life.map(\.kind).first == "born")
        #expect(report.passport?.stage == .inUse)
        #expect(report.complete == nil)
        #expect(report.lines[0] == "VERIFIED: passport of device-1, 6 events, now inUse")
        #expect(try CanonicalJSON.decode(PassportReport.self, from: CanonicalJSON.encode(report)) == report)
    }

    @Test func `is complete if the whole log says so`() async throws {
        let log = try LogFixture(lives())
        let document = try log.evidence(ours)
        let report = try await VerifyPassport.run(document: document, key: log.key, log: DirectoryLog(log.path))
        #expect(report.verified && report.complete == true, "\(report.lines)")
        // A log that has grown since contains it all the same.
        try log.append([try leaf(.alarmRaised(alarm: .keySeenTwice), of: device, second: 60)])
        let later = try await VerifyPassport.run(document: document, key: log.key, log: DirectoryLog(log.path))
        #expect(later.verified && later.complete == true, "\(later.lines)")
    }

    @Test func `cannot hide an event from whoever has the log`() async throws {
        let log = try LogFixture(lives())
        let document = try log.evidence([1, 3, 5, 6])
        #expect(try VerifyPassport.run(document: document, key: log.key).verified)
        let report = try await VerifyPassport.run(document: document, key: log.key, log: DirectoryLog(log.path))
        #expect(!report.verified)
        #expect(report.complete == false)
        #expect(report.findings.map(\.entry) == [7, 8])
    }

    @Test func `is not found in another history`() async throws {
        let log = try LogFixture(lives())
        var leaves = try lives()
        leaves[0] = Array("{}".utf8)
        let forged = try LogFixture(leaves, signer: log.signer)
        let report = try await VerifyPassport.run(
            document: log.evidence(ours), key: log.key, log: DirectoryLog(forged.path))
        #expect(!report.verified && report.complete == false)
        let short = try LogFixture(Array(lives().prefix(8)), signer: log.signer)
        let older = try await VerifyPassport.run(
            document: log.evidence(ours), key: log.key, log: DirectoryLog(short.path))
        #expect(!older.verified && older.complete == false)
    }

    @Test func `does not verify with the stage machine broken, though every entry is in the log`() throws {
        let log = try LogFixture(lives())
        for (indices, culprit) in [([3, 5], 3), ([1, 5], 5), ([1, 3, 5, 8], 8), ([1, 2], 2), ([0], 0)]
            as [([Int64], Int64)]
        {
            let report = try VerifyPassport.run(document: log.evidence(indices), key: log.key)
            #expect(!report.verified)
            #expect(report.findings.first?.detail.hasPrefix("Entry \(culprit): ") == true, "\(report.lines)")
        }
        #expect(try !VerifyPassport.run(document: log.evidence([]), key: log.key).verified)
    }

    @Test func `does not verify under another key or with a leaf changed`() throws {
        let log = try LogFixture(lives())
        let stranger = try LogFixture(lives())
        #expect(try !VerifyPassport.run(document: log.evidence(ours), key: stranger.key).verified)
        var evidence = try CanonicalJSON.decode(Evidence.self, from: log.evidence(ours))
        evidence.entries[1].leaf = Base64.encode(try leaf(.shipped, of: device, second: 4))
        #expect(try !VerifyPassport.run(document: CanonicalJSON.encode(evidence), key: log.key).verified)
    }

    @Test func `is refused when it is not evidence at all`() throws {
        let log = try LogFixture(lives())
        for text in ["", "[]", "{}", "{\"v\":1}"] {
            #expect(throws: Refusal.self) { try VerifyPassport.run(document: Array(text.utf8), key: log.key) }
        }
    }
}
