import Crypto
import Keys
import SwiftASN1
import Trust
import Wire
import X509

/// A batch that a station may give identities in: opened with a permit, for one process at a time. Safe from any thread.
package final class Batch: Sendable {
    /// What the operator chooses for a run.
    package struct Options: Sendable {
        /// Beginning of serials that the station assigns; nil for the product's name.
        package var serialPrefix: String?
        /// Whether labels carry a pairing secret (grade `secret`) beside the label code (grade `label`).
        package var labelSecrets = true

        package init(serialPrefix: String? = nil, labelSecrets: Bool = true) {
            self.serialPrefix = serialPrefix
            self.labelSecrets = labelSecrets
        }
    }

    package let permit: VerifiedPermit
    package let folder: BatchFolder
    package let station: String
    let options: Options
    let prefix: String
    let journal: BirthJournal
    let labels: LabelFiles
    let hardwareType: OID
    let clock: @Sendable () -> Timestamp
    let random: RandomBytes
    let breakpoints: Breakpoints
    private let lock: StationLock

    /// Largest step that the clock may have gone back since the last birth: what a time server corrects.
    private static let toleratedClockStepSeconds: Int64 = 300

    /// - Parameters:
    ///   - successions: what came with the permit of how the keys that sign permits were succeeded.
    ///   - makerKey: SPKI of the key that signs permits; may be nil if it was pinned at `InitializeStation`.
    ///   - breakpoints: for tests that stop the station between two steps.
    package static func open(
        _ home: StationHome, permit seal: Seal, successions: [Seal] = [], makerKey: [UInt8]? = nil,
        keys: any KeyStore, options: Options = Options(),
        clock: @escaping @Sendable () -> Timestamp, random: @escaping RandomBytes = SystemRandom.bytes,
        breakpoints: Breakpoints = Breakpoints()
    ) throws -> Batch {
        func judge() throws -> (record: StationRecord, believed: BelievedKeys, permit: VerifiedPermit) {
            let record = try home.record()
            let believed = try record.following(successions, given: makerKey)
            let own = try StationKeys.of(seal, record, in: keys)
            let permit = try VerifiedPermit(
                seal, makerKeys: believed.keys, birthKey: own.birthAuthority, manifestKey: own.manifest, at: clock())
            return (record, believed, permit)
        }
        // A permit that is refused is refused as such also while another process works; and judged again once that one
        // has ended, because it may have moved the station's keys or followed a succession.
        _ = try judge()
        let lock = try home.lock()
        let (record, believed, permit) = try judge()
        try record.keep(believed, in: home)
        let folder = home.folder(of: permit.permit.batch)
        try keep(seal, permit.permit, in: folder)
        let journal = try BirthJournal(
            folder, quantity: permit.permit.quantity, elsewhere: try elsewhere(home, but: permit.permit.batch),
            keyOf: Self.key)
        let batch = try Batch(
            permit: permit, folder: folder, station: record.name, options: options, journal: journal, clock: clock,
            random: random, breakpoints: breakpoints, lock: lock)
        try batch.checkClock()
        try batch.labels.removeOrphans(born: Set(journal.births.map(\.serial)))
        return batch
    }

    private init(
        permit: VerifiedPermit, folder: BatchFolder, station: String, options: Options, journal: BirthJournal,
        clock: @escaping @Sendable () -> Timestamp, random: @escaping RandomBytes, breakpoints: Breakpoints,
        lock: StationLock
    ) throws(Refusal) {
        self.permit = permit
        self.folder = folder
        self.station = station
        self.options = options
        prefix = options.serialPrefix ?? UnitSerial.defaultPrefix(permit.permit.product)
        try UnitSerial.checkPrefix(prefix)
        self.journal = journal
        labels = LabelFiles(folder)
        hardwareType = HardwareType.identifier(permit.permit.hardware)
        self.clock = clock
        self.random = random
        self.breakpoints = breakpoints
        self.lock = lock
    }

    package var births: [Birth] { journal.births }
    package var remaining: Int { max(0, permit.permit.quantity - journal.count) }

    /// All labels so far on A4 pages (`BatchFolder.sheet`).
    package func writeLabelSheet() throws(Refusal) { try labels.writeSheet(of: births.map(\.serial)) }

    /// Keeps the permit in the batch's folder. A newer permit for the same batch may replace one that ended.
    private static func keep(_ seal: Seal, _ permit: Permit, in folder: BatchFolder) throws {
        guard !StationFile.exists(folder.manifest) else {
            throw Refusal(
                .conflict, "Batch \(permit.batch) is closed.", hint: "Ask the maker for a permit for another batch.",
                rule: "batch closed")
        }
        if let bytes = try StationFile.read(folder.permit, limit: 1 << 20) {
            let known = try CanonicalJSON.decode(
                Permit.self, from: try CanonicalJSON.decode(Seal.self, from: bytes).payloadBytes())
            guard known.product == permit.product, known.hardware == permit.hardware else {
                throw Refusal(
                    .conflict, "Batch \(permit.batch) was begun for \(known.product) on \(known.hardware).",
                    hint: "Ask the maker for a permit with a batch name of its own.", rule: "permit batch")
            }
        }
        try StationFile.makeFolder(folder.labels)
        try StationFile.write(try CanonicalJSON.encode(seal), to: folder.permit)
    }

    private static func elsewhere(_ home: StationHome, but batch: BatchID) throws -> BirthJournal.Elsewhere {
        var elsewhere = BirthJournal.Elsewhere()
        for other in home.batches() where other != batch {
            for birth in try BirthJournal.read(home.folder(of: other)) {
                elsewhere.serials[birth.serial] = other
                elsewhere.keys[try key(birth)] = other
            }
        }
        return elsewhere
    }

    /// SHA-256 of the SubjectPublicKeyInfo of a birth's certificate.
    private static func key(_ birth: Birth) throws(Refusal) -> Wire.Digest {
        do {
            let certificate = try X509.Certificate(derEncoded: Base64.decode(birth.certificate) ?? [])
            return PublicKeys.digest(try certificate.publicKey.serializeAsPEM().derBytes)
        } catch {
            throw Refusal(
                .unavailable, "The stored certificate of \(birth.serial) cannot be read.",
                hint: "Restore the station's folder from its backup.")
        }
    }

    /// A clock that went back would give certificates from before births that are already known.
    private func checkClock() throws(Refusal) {
        guard let last = journal.births.map(\.at).max(), clock() < last.adding(seconds: -Self.toleratedClockStepSeconds)
        else { return }
        throw Refusal(
            .unavailable, "The clock says \(clock()), but the last birth of this batch was at \(last).",
            hint: "Set this computer's clock and run the command again.")
    }
}

/// The arc that names a kind of hardware in a birth certificate (hwType, RFC 4108 §5).
enum HardwareType {
    /// Under 2.25 (ITU-T X.667) nobody needs to register: 63 bits of the name's SHA-256.
    static func identifier(_ hardware: String) -> OID {
        let number = SHA256.hash(data: Array(hardware.utf8)).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
        return [2, 25, number]
    }
}

/// Where a test can stop the station, as a power cut would.
package struct Breakpoints: Sendable {
    package enum Step: Sendable, CaseIterable { case labelWritten, intentStored, signed, birthStored }
    package var reached: @Sendable (Step) throws -> Void

    package init(reached: @escaping @Sendable (Step) throws -> Void = { _ in }) { self.reached = reached }
}
