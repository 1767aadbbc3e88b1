import Design
import Foundation
import Keys
import Manufacture
import Pairing
import Passport
import Registry
import Store
import Transfer
import Trust
import Use
import Wire
import Workbench

/// A house of which single steps can be made to fail, and everything that a step needs to be tried on.
final class FaultScene: Sendable {
    let bench: HouseBench
    let faults: Faults
    let ada: Principal
    let ben: Principal
    /// Units in boxes, taken one after another.
    private let stock: Stock

    private actor Stock {
        private var units: [BenchUnit] = []
        private var batches = 0
        private var numbers = 0

        func next(_ bench: HouseBench) async throws -> BenchUnit {
            if units.isEmpty {
                batches += 1
                units = try await bench.makeUnits(12, station: "stock-\(batches)")
            }
            return units.removeFirst()
        }

        private var updates: UpdateBench?
        /// A house that publishes update metadata; made once.
        func updates(_ bench: HouseBench) async throws -> UpdateBench {
            if let updates { return updates }
            let made = try await UpdateBench(bench)
            updates = made
            return made
        }

        func number() -> Int {
            numbers += 1
            return numbers
        }
    }

    init(signsAtOnce: Bool = false) async throws {
        faults = Faults(signsAtOnce: signsAtOnce)
        bench = try await HouseBench(
            faults: faults,
            settings: {
                $0.confirmUpdates = true
                $0.outsideCheck = try? OutsideCheck(url: "http://127.0.0.1:1", key: BenchClock.random(32))
            })
        ada = try await bench.ownership("Ada")
        ben = try await bench.ownership("Ben")
        stock = Stock()
        try await bench.publishProduct()
    }

    var house: House { bench.house }

    /// Grows with every call: for names and sequences.
    func number() async -> Int { await stock.number() }

    func updates() async throws -> UpdateBench { try await stock.updates(bench) }

    func unit() async throws -> BenchUnit { try await stock.next(bench) }

    func paired() async throws -> BenchUnit {
        let unit = try await unit()
        try await bench.pair(unit, with: ada)
        return unit
    }

    func enrolled() async throws -> (unit: BenchUnit, operational: Operational) {
        let unit = try await paired()
        return (unit, try await bench.enrol(unit))
    }

    func offered() async throws -> (unit: BenchUnit, code: String) {
        let unit = try await enrolled().unit
        return (unit, try await house.perform(OfferDevice(device: unit.serial), as: ada).code)
    }

    // MARK: - What is there

    func passport(_ unit: BenchUnit) async throws -> Passport {
        try await house.read { rows in try Device.require(unit.serial, in: rows).passport }
    }

    func count(_ sql: String, _ arguments: [Value] = []) async throws -> Int {
        try await house.read { rows in try rows.count(sql, arguments) }
    }

    /// Entries of this kind, of one device or of the house.
    func entries(_ kind: String, of unit: BenchUnit? = nil) async throws -> Int {
        if let unit {
            return try await count(
                "SELECT COUNT(*) AS n FROM ledger WHERE kind = $1 AND device = $2", [.text(kind), Value(unit.device)])
        }
        return try await count("SELECT COUNT(*) AS n FROM ledger WHERE kind = $1", [.text(kind)])
    }

    func issued(to unit: BenchUnit) async throws -> Int {
        try await count(
            "SELECT COUNT(*) AS n FROM certificate WHERE device = $1 AND state = 'issued' AND kind = 'operational'",
            [Value(unit.device)])
    }

    // MARK: - What devices say

    func receipt(_ receipt: Receipt, by key: any SigningKey) throws -> Seal {
        try Seal.sign(type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: key)
    }

    /// The certificate that a connection shows.
    func shown(birthOf unit: BenchUnit) throws -> VerifiedCertificate {
        try house.authorities.verifier(for: .birth).verify(
            leaf: unit.certificate, at: bench.clock.now, purpose: .birth
        ).get()
    }

    func shown(_ operational: Operational) throws -> VerifiedCertificate {
        try house.authorities.verifier(for: .operational).verify(
            leaf: operational.certificate, at: bench.clock.now, purpose: .operational
        ).get()
    }

    func wipeNonce(_ unit: BenchUnit) async throws -> String? {
        try await house.read { rows in try WipeOrders.pending(for: unit.device, in: rows) }
    }

    /// An artifact of its own bytes, in the store.
    func artifact() async throws -> (sha256: Digest, size: Int) {
        let bytes = Array("artifact \(await number())".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        return (sha256, bytes.count)
    }
}
