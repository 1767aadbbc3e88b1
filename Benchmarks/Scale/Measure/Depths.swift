import Foundation
import Ledger
import Passport
import Registry
import Store
import Trust
import Wire

/// Proofs in trees of growing size, and how fast the tree takes new leaves in.
struct LedgerMeasures {
    let house: House

    func measure(_ figures: inout Figures) async throws {
        let all = try await house.read { Int64(try $0.count("SELECT MAX(size) AS n FROM checkpoint")) }
        for size in [Int64(10_000), 100_000, 1_000_000, 10_000_000] where size <= all {
            let (proof, tiles, consistency) = try await house.read { rows in
                var generator = SystemRandomNumberGenerator()
                let counting = CountingTiles(StoredTiles(rows))
                let runs = 300
                let proof = try Durations.of(runs) {
                    let index = Int64.random(in: 0..<size, using: &generator)
                    _ = try Tiles.inclusion(index: index, size: size, reading: counting)
                }
                let tiles = Double(counting.count) / Double(runs)
                let consistency = try Durations.of(runs) {
                    let old = Int64.random(in: 1..<size, using: &generator)
                    _ = try Tiles.consistency(from: old, to: size, reading: counting)
                }
                return (proof.middle, tiles, consistency.middle)
            }
            figures.add("inclusion proof in \(size) leaves", proof * 1e6, "us")
            figures.add("tiles read for it", tiles, "")
            figures.add("consistency proof to \(size) leaves", consistency * 1e6, "us")
        }
        try await integration(&figures)
        try await lookUps(&figures)
    }

    /// Appends through the journal, then integrates: both at the tree's present size.
    private func integration(_ figures: inout Figures) async throws {
        let house = house
        let count = 100_000
        let appended = ContinuousClock.now
        for _ in 0..<20 {
            try await house.change(as: .system) { change in
                for number in 0..<(count / 20) { try change.record(.alarmAcknowledged(index: number)) }
            }
        }
        figures.add("leaves appended, 5,000 a commit", Double(count) / Bar.seconds(since: appended), "a second")
        let publisher = try Publisher(house)
        let began = ContinuousClock.now
        let before = Bar.processor.seconds
        try await publisher.publish()
        let seconds = Bar.seconds(since: began)
        figures.add("leaves integrated and published", Double(count) / seconds, "a second")
        figures.add("integration, processor a leaf", (Bar.processor.seconds - before) / Double(count) * 1e6, "us")
    }

    /// What the device and public planes ask for at each request.
    private func lookUps(_ figures: inout Figures) async throws {
        let found = try await house.read { rows in
            let sample = try rows.query(
                "SELECT id, serial FROM device WHERE stage = 'inUse' ORDER BY id LIMIT 200 OFFSET 1000")
            let serials = try rows.query(
                "SELECT serial FROM certificate WHERE kind = 'operational' LIMIT 200 OFFSET 1000")
            func each(_ body: (Int) throws -> Void) rethrows -> Double {
                var number = 0
                return try Durations.of(max(1, sample.count)) {
                    try body(number)
                    number += 1
                }.middle * 1e6
            }
            return [
                ("look-up of a device by name", try each { _ = try Device.find(sample[$0].text("id"), in: rows) }),
                (
                    "look-up of a device by serial",
                    try each { _ = try Device.find(sample[$0].text("serial"), in: rows) }
                ),
                (
                    "look-up of a certificate's status (OCSP, EST)",
                    try each {
                        _ = try Revocation.status(
                            of: serials[$0 % serials.count].text("serial"), by: Authorities.Name.issuing, in: rows)
                    }
                ),
            ]
        }
        for (name, value) in found { figures.add(name, value, "us") }
    }
}

/// Counts what is read.
final class CountingTiles<Stored: TileReader>: TileReader {
    private let stored: Stored
    private(set) var count = 0
    init(_ stored: Stored) { self.stored = stored }
    func tile(_ id: TileID) throws -> [UInt8]? {
        count += 1
        return try stored.tile(id)
    }
}

/// From one more revocation to the new list that says so.
struct RevocationMeasures {
    let house: House

    func measure(_ figures: inout Figures) async throws {
        var all = Durations()
        var cpu = 0.0
        let runs = 5
        for _ in 0..<runs {
            let house = house
            try await house.change(as: .system) { change in
                let row = try change.rows.first(
                    """
                    SELECT c.serial, c.device FROM certificate c JOIN device d ON d.id = c.device
                    WHERE d.stage = 'inUse' AND c.state = 'issued' ORDER BY d.id LIMIT 1 OFFSET 100
                    """)
                guard let row else { return }
                try Revocation.revoke(row.text("serial"), of: row.id("device"), because: .keyCompromise, in: change)
            }
            let before = Bar.processor.seconds
            let began = ContinuousClock.now
            try await Revocation.publish(house)
            all.add(Bar.seconds(since: began))
            cpu += Bar.processor.seconds - before
        }
        let name = Authorities.Name.issuing
        let (count, bytes) = try await house.read { rows in
            (
                try rows.count(
                    """
                    SELECT COUNT(*) AS n FROM certificate WHERE authority = $1 AND state IN ('revoked', 'abandoned')
                    """, [.text(name)]),
                try rows.first("SELECT LENGTH(der) AS n FROM crl WHERE authority = $1", [.text(name)])?.int("n") ?? 0
            )
        }
        figures.add("revocation list published", all.least * 1000, "ms")
        figures.add("revocation list, processor", cpu / Double(runs) * 1000, "ms")
        figures.add("revocation list, entries", Double(count), "")
        figures.add("revocation list, size", Double(bytes), "bytes")
        // What it would be if half of the fleet had renewed within a month: entries made up, the list real.
        let authority = try house.authorities.signing(name)
        let now = house.clock()
        let entries = (0..<500_000).map { number in
            RevokedCertificate(
                serial: "45" + Digest(LeafCertificate.sha256(Array("\(number)".utf8)).bytes.prefix(15)).description,
                at: now, reason: .superseded)
        }
        let large = try Durations.of(2) {
            _ = try CertificateRevocationList.make(
                by: authority, number: 1, thisUpdate: now, nextUpdate: now.adding(days: 1), entries: entries)
        }
        figures.add("revocation list of 500,000 entries, built and signed", large.least * 1000, "ms")
    }
}

/// Bytes on the disk, table by table.
struct DiskMeasures {
    let house: House
    let folder: String

    func measure(_ devices: Int, _ figures: inout Figures) async throws {
        let tables = try await house.read { rows in
            try rows.query("SELECT name, SUM(pgsize) AS n FROM dbstat GROUP BY name ORDER BY n DESC LIMIT 24")
        }
        var sum = 0
        for row in tables {
            let bytes = try row.int("n")
            sum += bytes
            figures.add("disk a device, \(try row.text("name"))", Double(bytes) / Double(devices), "bytes")
        }
        figures.add("disk a device", Double(sum) / Double(devices), "bytes")
    }
}
