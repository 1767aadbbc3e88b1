import Ledger
import Passport
import Store
import Wire

/// What the ledger says must be there of one device's documents, in its open tenure.
struct DeviceDocuments {
    private var configurations: [Int: Digest] = [:]
    /// How much of its own log was taken.
    private var log: (from: Int, to: Int, head: Digest)?

    /// Returns the receipt that the event names.
    mutating func take(_ event: Event) -> Digest? {
        switch event {
        case .updated(_, _, let receipt), .updateFailed(_, _, _, let receipt),
            .configurationApplied(_, let receipt), .wiped(let receipt):
            return receipt
        case .configured(let version, let document): configurations[version] = document
        // A forged entry may name any numbers; the tree does not have it, and nothing is reckoned with it.
        case .logTaken(let from, let to, let head) where 0 <= from && from < to: log = (log?.from ?? from, to, head)
        case .tenureEnded: self = DeviceDocuments()
        default: break
        }
        return nil
    }

    /// - Parameter stored: its rows of the configuration table.
    func compare(_ device: String, _ stored: [Row], _ rows: any Rows, _ notes: Notes) throws {
        var left = configurations
        for row in stored {
            let version = try row.int("version")
            let digest = (try? row.bytes("document")).map { LeafCertificate.sha256($0) }
            if left.removeValue(forKey: version) != digest {
                notes.find("configuration \(version) of \(device)", "It is not what its owner gave.")
            }
        }
        for version in left.keys {
            notes.find("configuration \(version) of \(device)", "Its row is gone from the registry.")
        }
        try compareLog(device, rows, notes)
    }

    /// The last entry that was taken has the hash that the ledger names, and none before it is missing.
    private func compareLog(_ device: String, _ rows: any Rows, _ notes: Notes) throws {
        guard let log else { return }
        let count = try rows.count(
            "SELECT COUNT(*) AS n FROM device_log WHERE device = $1 AND idx >= $2 AND idx < $3",
            [.text(device), Value(log.from), Value(log.to)])
        let last = try rows.first(
            "SELECT entry FROM device_log WHERE device = $1 AND idx = $2", [.text(device), Value(log.to - 1)])
        let entry = last.flatMap { try? CanonicalJSON.decode(DeviceLogEntry.self, from: $0.bytes("entry")) }
        if count == log.to - log.from, entry?.hash == log.head { return }
        notes.find("log of \(device)", "Entries are missing or changed.")
    }
}

/// Receipts that the ledger names: looked up many at a time.
struct NamedReceipts {
    private static let step = 200
    private var waiting: [String] = []

    mutating func add(_ receipt: Digest, in rows: any Rows, _ notes: Notes) throws {
        waiting.append(receipt.description)
        if waiting.count == Self.step { try look(in: rows, notes) }
    }

    mutating func look(in rows: any Rows, _ notes: Notes) throws {
        guard let first = waiting.first else { return }
        // Always as many, so that there is one statement.
        let asked = waiting + Array(repeating: first, count: Self.step - waiting.count)
        let places = (1...Self.step).map { "$\($0)" }.joined(separator: ", ")
        let found = try rows.query("SELECT sha256 FROM receipt WHERE sha256 IN (\(places))", asked.map { .text($0) })
        for name in Set(waiting).subtracting(try found.map { try $0.text("sha256") }) {
            notes.find("receipt \(name)", "Its row is gone from the registry.")
        }
        waiting = []
    }
}
