import Foundation
import Keys
import KeysFile
import Ledger
import Logging
import Passport
import Registry
import Store
import StorePostgreSQL
import StoreSQLite
import Trust
import Wire

/// A house on the disk that is measured, with the program's own engines.
struct Bench {
    let folder: String
    let house: House
    let publisher: Publisher
    let seconds: Double

    /// - Parameter server: a PostgreSQL connection string; nil for SQLite.
    init(folder: String, seconds: Double, server: String? = nil) async throws {
        self.folder = folder
        self.seconds = seconds
        let log = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        house = try await House(
            database: server.map { try PostgreSQLDatabase(ConnectionPlan($0), migrations: Schema.migrations) }
                ?? SQLiteDatabase(path: folder + "/lifelong.db", migrations: Schema.migrations),
            keys: FileKeyStore(folder: folder + (server == nil ? "/keys" : "/keys-postgresql")),
            settings: HouseSettings(), log: log,
            clock: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
            random: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            })
        publisher = try Publisher(house)
    }

    /// How many of `body` end a second when `workers` of them are always under way.
    func concurrently(_ workers: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws
        -> Double
    {
        let clock = ContinuousClock()
        let began = clock.now
        let limit = Duration.seconds(seconds)
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var count = 0
                    while ContinuousClock().now - began < limit {
                        try await body(worker &* 1_000_000 &+ count)
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        let took = clock.now - began
        return Double(counts) / (Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18)
    }

    /// Events a second, each durable before its answer.
    func appends(workers: Int) async throws -> Double {
        let house = house
        return try await concurrently(workers) { number in
            try await house.change(as: .system) { change in _ = try change.record(.alarmAcknowledged(index: number)) }
        }
    }

    /// Grows the ledger to that many entries, and publishes it.
    func fill(to size: Int) async throws {
        let house = house
        var now = try await house.read {
            Int(try $0.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
        }
        while now < size {
            let count = min(5000, size - now)
            try await house.change(as: .system) { change in
                for number in 0..<count { try change.record(.alarmAcknowledged(index: number)) }
            }
            now += count
        }
        try await publisher.publish()
    }

    /// Inclusion proofs a second, each with its leaf and the checkpoint; and plain reads of a row by its key, as the peer.
    func proofs() async throws -> (proofs: Double, reads: Double) {
        let key = publisher.verifierKey
        let seconds = seconds
        return try await house.read { rows in
            let size = try LedgerReader.checkpoint(in: rows).size
            var generator = SystemRandomNumberGenerator()
            let proofs = try rate(seconds: seconds) {
                _ = try LedgerReader.proof(of: Int64.random(in: 0..<size, using: &generator), key: key, in: rows)
            }
            let reads = try rate(seconds: seconds) {
                let index = Int64.random(in: 0..<size, using: &generator)
                _ = try rows.first("SELECT entry FROM ledger WHERE idx = $1", [.int(index)])
            }
            return (proofs, reads)
        }
    }

    /// Operational certificates a second: intent stored, signed, result stored, with their share of two syncs each.
    func certificates(workers: Int) async throws -> Double {
        let house = house
        let spki = try house.keys.findOrMake(KeyLabel(trusted: "bench-device"), algorithm: .p256).publicKeyDER
        return try await concurrently(workers) { number in
            _ = try await Issuer.issue(by: Authorities.Name.issuing, as: .system, in: house) { change, issuer, serial in
                let intent = try Profile.operational(
                    under: issuer, spki: spki, device: "bench-\(number)", organisation: house.settings.organisation,
                    serial: serial, notBefore: change.now, notAfter: change.now.adding(days: 90),
                    urls: PublicURLs.of(Authorities.Name.issuing, house.settings))
                return (intent, Issuer.Subject())
            } record: { change, certificate, _ in
                // Stands for `enrolled`, which would need a device for each.
                try change.record(.authorityCreated(name: "bench", certificate: certificate.sha256))
            }
        }
    }

    /// Events a second through the stage machine, whole lives over and over.
    func advances() throws -> Double {
        let life = try Self.life()
        let device = DeviceID(trusted: "bench-device")
        let lives = try rate(seconds: seconds) {
            var passport: Passport?
            for (event, at) in life { passport = try Passport.advance(passport, device: device, by: event, at: at) }
        }
        return lives * Double(life.count)
    }

    private static func life() throws -> [(Event, Timestamp)] {
        let digest = Digest([UInt8](repeating: 7, count: 32))
        let start = Timestamp(year: 2026, month: 1, day: 1)
        func certificate(_ number: UInt8) -> CertificateName {
            let name = Digest([UInt8](repeating: number, count: 32))
            return CertificateName(serial: "c\(number)", sha256: name, key: name, notAfter: start.adding(days: 90))
        }
        let tenure = try TenureID("tenure-1")
        let events: [Event] = [
            .born(product: try ProductID("product"), batch: try BatchID("batch"), birthCertificate: certificate(0)),
            .shipped,
            .paired(tenure: tenure, grade: .proven, owner: digest),
            .enrolled(tenure: tenure, certificate: certificate(1)),
            .configured(version: 1, document: digest), .configurationApplied(version: 1, receipt: digest),
            .updateOffered(release: digest, sequence: 1), .updated(release: digest, sequence: 1, receipt: digest),
            .logTaken(from: 0, to: 10, head: digest), .quarantined(reason: "test"), .restored,
            .certificateRevoked(serial: "c1", reason: .cessationOfOperation), .tenureEnded(tenure: tenure),
            .retired(how: .recycled), .wiped(receipt: digest),
        ]
        return events.enumerated().map { ($0.element, start.adding(seconds: Int64($0.offset))) }
    }
}
