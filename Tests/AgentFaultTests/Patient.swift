import Agent
import Crypto
import Foundation
import KeysFile
import Pairing
import Passport
import Registry
import Retirement
import Store
import Transfer
import Trust
import Use
import Wire
import Workbench

/// One device with a home on the disk and the server that it lives with.
struct Patient: Sendable {
    let door: DeviceBench
    let unit: BenchUnit
    let home: UnitHome
    let ada: Principal
    let ben: Principal
    var footing = Footing.plain
    /// Stands in the owner's data and configuration, and must be nowhere after a wipe.
    var secret: String { "SECRET-\(unit.serial)" }
    var house: House { door.house }
    var path: String { home.place.folder }

    func passport() async throws -> Passport {
        try await house.read { try Device.require(unit.serial, in: $0).passport }
    }

    /// The home's own agent in this process, until nothing is due: for what comes before the verb that is tested.
    func live() async throws { _ = try await home.agent().run(once: true) }

    func enrol() async throws {
        _ = try await house.perform(PairDevice(device: unit.serial, grade: .declared), as: ada)
        try await live()
    }

    func configure() async throws {
        _ = try await house.perform(
            ConfigureDevice(device: unit.serial, document: "{\"note\":\"\(secret)\"}"), as: ada)
    }

    /// The owner's own file, as whatever runs on the device keeps it.
    func plant() throws {
        try PosixDisk().write(Array(secret.utf8), to: home.place.data + "/diary")
    }

    func giveAway() async throws {
        let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben)
    }

    func offer(_ sequence: Int, remedy: Bool? = nil) async throws {
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial], remedy: remedy),
            as: .system)
    }

    static func image(_ sequence: Int) -> [UInt8] {
        (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8 &+ sequence) }
    }

    /// Published once for all.
    static func publish(_ sequence: Int, _ artifact: [UInt8]? = nil, at house: House) async throws {
        let bytes = artifact ?? image(sequence)
        let sha256 = Wire.Digest(SHA256.hash(data: bytes))
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "\(sequence)",
                hardware: [HouseBench.hardware],
                sha256: sha256, size: bytes.count), as: .system)
    }

    // MARK: - Looking at it afterwards

    func count(_ kind: String) async throws -> Int {
        try await house.read {
            try $0.count(
                "SELECT COUNT(*) AS n FROM ledger WHERE device = $1 AND kind = $2", [Value(unit.device), .text(kind)])
        }
    }

    /// What is wrong whatever the verb was; empty if nothing is.
    func complaints() async throws -> [String] {
        var wrong: [String] = []
        let disk = PosixDisk()
        let status: HomeStatus
        do { status = try HomeStatus(of: home.place, on: disk, board: footing.board(home.place)) } catch {
            return ["its status cannot be read: \(error)"]
        }
        if let broken = status.log.brokenAt { wrong.append("its log is broken at \(broken)") }
        if !status.image.whole { wrong.append("its image is not whole") }
        if status.image.onTrial { wrong.append("its release is still on trial") }
        if status.wipeOutstanding { wrong.append("its wipe is not finished") }
        let alarms = try await count("alarmRaised")
        if alarms > 0 { wrong.append("\(alarms) alarms were raised") }
        let passport = try await passport()
        // A remedy's receipt that arrived, and then the power went before it left the outbox, waits for the next check-in: with no
        // offer open the service takes none from a quarantined device. That it arrived once is what the verb demands.
        if status.receiptsWaiting > 0, passport.stage != .quarantined {
            wrong.append("\(status.receiptsWaiting) receipts were not sent")
        }
        // Before this test opens the folder itself: opening is what removes them.
        let half = try disk.names(in: home.place.keys).filter { $0.hasSuffix(".new") }
        if !half.isEmpty { wrong.append("a key that was never whole is left: \(half)") }
        let keys = try FileKeyStore(folder: home.place.keys).labels()
        if passport.stage == .inUse || passport.stage == .quarantined {
            if passport.certificates.count != 1 {
                wrong.append("\(passport.certificates.count) certificates are alive")
            }
            let record = try disk.read(OperationalRecord.self, from: home.place.current)
            let held = try record.flatMap { Base64.decode($0.certificate) }.map {
                try CertificateReference(of: $0).serial
            }
            if held != passport.certificates.first?.serial {
                wrong.append("it holds another certificate: \(held ?? "none")")
            }
            let wanted = [DeviceKeys.birth, try record.map { try .init($0.key) }].compactMap { $0 }.sorted()
            if keys != wanted { wrong.append("its keys are \(keys), not \(wanted)") }
        } else if keys != [DeviceKeys.birth] {
            wrong.append("its keys are \(keys)")
        }
        return wrong
    }

    /// Files below the home that still have the secret or a key that must be gone.
    func traces(of texts: [String]) -> [String] {
        let files = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return files.filter { name in
            guard let bytes = FileManager.default.contents(atPath: path + "/" + name) else { return false }
            return texts.contains { bytes.range(of: Data($0.utf8)) != nil }
        }
    }
}
