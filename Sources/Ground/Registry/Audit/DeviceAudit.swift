import Ledger
import Passport
import Store
import Wire

/// Runs of devices by name, each given to one worker: together they hold every name that there can be.
final class DeviceRanges: Sendable {
    /// Devices of one run.
    private static let step = 500

    private struct State {
        var last = ""
        var isOver = false
    }
    private let state = Locked(State())

    /// Names behind `after` up to and with `through`; nil is the end of all names.
    struct Range: Sendable {
        var after: String
        var through: String?
    }

    func next(in rows: any Rows) throws -> Range? {
        try state.withLock { state in
            guard !state.isOver else { return nil }
            let after = state.last
            let through = try rows.first(
                "SELECT id FROM device WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2", [.text(after), Value(Self.step)])?
                .optionalText("id")
            state.last = through ?? ""
            state.isOver = through == nil
            return Range(after: after, through: through)
        }
    }
}

/// Each device's entries folded again, and compared with its row, its certificates and its tenures.
enum DeviceAudit {
    static func run(
        _ database: any Database, _ ranges: DeviceRanges, _ house: HouseAudit.Word, _ notes: Notes
    ) async throws {
        var isOver = false
        while !isOver {
            try Task.checkCancellation()
            isOver = try await database.read { rows in
                guard let range = try ranges.next(in: rows) else { return true }
                var audit = try RunAudit(range, house, notes, in: rows)
                try audit.run()
                return false
            }
        }
    }

    /// Certificates that say of no device that they are its own.
    static func compareStrays(_ database: any Database, _ notes: Notes) async throws {
        let strays = try await database.read { rows in
            try rows.query(
                """
                SELECT serial FROM certificate WHERE device IS NULL AND kind = 'operational' AND state <> 'intended'
                LIMIT 1000
                """)
        }
        for row in strays { notes.find("certificate \(try row.text("serial"))", "It was issued to no device.") }
    }

    /// The numbers that pages show against the rows that they count.
    static func compareCounts(_ database: any Database, _ notes: Notes) async throws {
        let (kept, counted) = try await database.read { rows in
            func table(_ sql: String) throws -> [String: Int] {
                var table: [String: Int] = [:]
                for row in try rows.query(sql) {
                    let place = "stage \(try row.text("stage"))"
                    let owner = try row.text("owner")
                    table[owner.isEmpty ? place : "\(place) of owner \(owner)", default: 0] += try row.int("n")
                }
                return table.filter { $0.value != 0 }
            }
            return (
                try table("SELECT owner, stage, n FROM stage_count"),
                try table("SELECT '' AS owner, stage, COUNT(*) AS n FROM device GROUP BY stage").merging(
                    try table(
                        """
                        SELECT owner, stage, COUNT(*) AS n FROM device WHERE owner IS NOT NULL GROUP BY owner, stage
                        """), uniquingKeysWith: +)
            )
        }
        for place in Set(kept.keys).union(counted.keys).sorted() where kept[place] != counted[place] {
            notes.find(
                "count of \(place)", "It says \(kept[place] ?? 0); \(counted[place] ?? 0) devices stand there.")
        }
        try await compareTallies(database, notes)
    }

    /// What is counted beside the stages; revocation lists and erasure go by it.
    private static func compareTallies(_ database: any Database, _ notes: Notes) async throws {
        let (kept, counted) = try await database.read { rows in
            func table(_ sql: String, _ name: (Row) throws -> String) throws -> [String: Int] {
                try Dictionary(
                    rows.query(sql).map { (try name($0), try $0.int("n")) }, uniquingKeysWith: +
                ).filter { $0.value != 0 }
            }
            let isReplaced = "COALESCE(reason, '') = 'superseded'"
            let revoked = "COUNT(*) AS n FROM certificate WHERE state IN ('revoked', 'abandoned')"
            return (
                try table("SELECT name, n FROM tally WHERE name NOT LIKE 'contacts %'") { try $0.text("name") },
                try table("SELECT authority, \(revoked) AND NOT \(isReplaced) GROUP BY authority") {
                    Tally.revoked(by: try $0.text("authority"))
                }.merging(
                    table("SELECT authority, \(revoked) AND \(isReplaced) GROUP BY authority") {
                        Tally.superseded(by: try $0.text("authority"))
                    }, uniquingKeysWith: +
                ).merging(
                    table("SELECT COUNT(*) AS n FROM tenure WHERE ended IS NOT NULL") { _ in Tally.tenuresEnded },
                    uniquingKeysWith: +
                ).merging(table(Tally.runningByPassport) { try $0.text("name") }, uniquingKeysWith: +)
            )
        }
        for name in Set(kept.keys).union(counted.keys).sorted() where kept[name] != counted[name] {
            notes.find("count of \(name)", "It says \(kept[name] ?? 0); there are \(counted[name] ?? 0).")
        }
    }
}

/// One run of devices, in one state of the database.
private struct RunAudit {
    private let range: DeviceRanges.Range
    private let house: HouseAudit.Word
    private let notes: Notes
    private let rows: any Rows
    private var devices: [String: Row] = [:]
    private var certificates: [String: [Row]] = [:]
    private var tenures: [String: [Row]] = [:]
    private var configurations: [String: [Row]] = [:]
    private var receipts = NamedReceipts()

    /// What the entries of one device say.
    private struct Replayed {
        var passport: Passport?
        var certificates: [String: Digest] = [:]
        var revoked: Set<String> = []
        var commitments: [TenureID: Digest] = [:]
        var ended: Set<TenureID> = []
        var documents = DeviceDocuments()
    }

    init(_ range: DeviceRanges.Range, _ house: HouseAudit.Word, _ notes: Notes, in rows: any Rows) throws {
        self.range = range
        self.house = house
        self.notes = notes
        self.rows = rows
        for row in try select("\(Device.columns), stage, version, product, batch", from: "device", by: "id") {
            devices[try row.text("id")] = row
        }
        let stored = try select(
            "serial, device, state, der", from: "certificate", by: "device",
            and: "kind = 'operational' AND state <> 'intended'")
        for row in stored { certificates[try row.text("device"), default: []].append(row) }
        for row in try select("id, device, owner, ended, commitment, data_key", from: "tenure", by: "device") {
            tenures[try row.text("device"), default: []].append(row)
        }
        let documents = try select(
            "c.device AS device, c.version AS version, c.document AS document",
            from: "tenure t JOIN configuration c ON c.tenure = t.id", by: "t.device")
        for row in documents { configurations[try row.text("device"), default: []].append(row) }
    }

    private func select(_ columns: String, from table: String, by key: String, and more: String? = nil) throws -> [Row]
    {
        var conditions = Conditions()
        conditions.add("\(key) > ?", .text(range.after))
        if let through = range.through { conditions.add("\(key) <= ?", .text(through)) }
        if let more { conditions.add(more) }
        return try rows.query("SELECT \(columns) FROM \(table) \(conditions.sql)", conditions.arguments)
    }

    mutating func run() throws {
        var current: String?
        var replayed = Replayed()
        var (device, index) = (range.after, Int64.max)
        var count = 0
        while true {
            let page = try entries(after: device, index)
            for row in page {
                device = try row.text("device")
                index = Int64(try row.int("idx"))
                if device != current {
                    if let current { try compare(current, replayed) }
                    (current, replayed) = (device, Replayed())
                    count += 1
                }
                try replay(row, index, of: device, into: &replayed)
            }
            notes.pass(entries: page.count)
            guard page.count == Self.page else { break }
        }
        if let current { try compare(current, replayed) }
        try receipts.look(in: rows, notes)
        notes.pass(entries: 0, devices: count)
        try compareUnheard()
    }

    private static let page = 1000

    private func entries(after device: String, _ index: Int64) throws -> [Row] {
        var conditions = Conditions()
        conditions.add("(device, idx) > (?, ?)", .text(device), .int(index))
        if let through = range.through { conditions.add("device <= ?", .text(through)) }
        return try rows.query(
            "SELECT device, idx, entry, kind FROM ledger \(conditions.sql) ORDER BY device, idx LIMIT \(Self.page)",
            conditions.arguments)
    }

    private mutating func replay(_ row: Row, _ index: Int64, of device: String, into replayed: inout Replayed) throws {
        guard let entry = LedgerRow.entry(row, index, device: device, notes), let id = entry.device else { return }
        do {
            replayed.passport = try Passport.advance(replayed.passport, device: id, by: entry.event, at: entry.at)
        } catch {
            notes.find("ledger entry \(index)", "The stage machine refuses it: \(error.detail)")
        }
        switch entry.event {
        case .enrolled(_, let certificate), .renewed(_, let certificate, _):
            replayed.certificates[certificate.serial] = certificate.sha256
        case .certificateRevoked(let serial, _): replayed.revoked.insert(serial)
        case .paired(let tenure, _, let owner): replayed.commitments[tenure] = owner
        case .tenureEnded(let tenure): replayed.ended.insert(tenure)
        default: break
        }
        if let receipt = replayed.documents.take(entry.event) { try receipts.add(receipt, in: rows, notes) }
    }

    private mutating func compare(_ device: String, _ replayed: Replayed) throws {
        let held = tenures.removeValue(forKey: device) ?? []
        if let row = devices.removeValue(forKey: device) {
            if let passport = replayed.passport {
                for finding in Self.differences(row, passport) { notes.find("device \(device)", finding) }
            }
            // Who that is, only the tenure's commitment says, to whoever has its key; but the two rows say the same.
            let open = held.first { $0.optionalInt("ended") == nil }
            if let open, let owner = row.optionalText("owner"), owner != open.optionalText("owner") {
                notes.find("device \(device)", "Its owner is not the one of its open tenure.")
            }
        } else {
            notes.find("device \(device)", "The ledger knows it, its row is gone from the registry.")
        }
        try compareCertificates(certificates.removeValue(forKey: device) ?? [], replayed)
        try compareTenures(held, replayed)
        try replayed.documents.compare(device, configurations.removeValue(forKey: device) ?? [], rows, notes)
    }

    /// Rows of devices without a single entry.
    private func compareUnheard() throws {
        for device in devices.keys {
            notes.find("device \(device)", "The registry has it, the ledger never heard of its birth.")
        }
        for rows in certificates.values { try compareCertificates(rows, Replayed()) }
        for rows in tenures.values { try compareTenures(rows, Replayed()) }
        for (device, stored) in configurations { try DeviceDocuments().compare(device, stored, rows, notes) }
    }

    private static func differences(_ row: Row, _ passport: Passport) -> [String] {
        var found: [String] = []
        func compare(_ column: String, _ expected: String) {
            let actual = row.optionalText(column) ?? row.optionalInt(column).map { String($0) } ?? "nothing"
            if actual != expected {
                found.append("Its \(column) is \(actual) in the registry, \(expected) by the ledger.")
            }
        }
        compare("stage", passport.stage.rawValue)
        compare("version", String(passport.version))
        compare("product", passport.product.text)
        compare("batch", passport.batch.text)
        guard let device = try? Device(row) else { return found + ["Its row cannot be read."] }
        if device.passport != passport { found.append("Its passport is not what its events give.") }
        if LeafCertificate.sha256(device.birthCertificate) != passport.birthCertificate.sha256 {
            found.append("Its birth certificate is not the one it was born with.")
        }
        if (device.owner != nil) != (passport.tenure != nil) {
            found.append(
                device.owner == nil ? "It has an open tenure and no owner." : "It has an owner without an open tenure.")
        }
        return found
    }

    private func compareCertificates(_ stored: [Row], _ replayed: Replayed) throws {
        var missing = replayed.certificates
        for row in stored {
            let serial = try row.text("serial")
            let known = missing.removeValue(forKey: serial)
            func find(_ finding: String) { notes.find("certificate \(serial)", finding) }
            let state = try row.text("state")
            var isRevoked = replayed.revoked.contains(serial) || house.abandoned.contains(serial)
            if state == "abandoned", !isRevoked { isRevoked = try house.isAbandoned(serial, in: rows) }
            if state != "issued", !isRevoked { find("It is \(state) without an event.") }
            if state == "issued", isRevoked { find("The ledger revoked it; the registry says issued.") }
            guard state != "abandoned", let der = try? row.bytes("der") else { continue }
            guard let known else {
                find("It was issued to its device without an event.")
                continue
            }
            if known != LeafCertificate.sha256(der) { find("Its bytes are not the ones that were issued.") }
        }
        for serial in missing.keys {
            notes.find("certificate \(serial)", "Its row is gone from the registry, or is another device's.")
        }
    }

    private func compareTenures(_ stored: [Row], _ replayed: Replayed) throws {
        var missing = replayed.commitments
        for row in stored {
            let name = try row.text("id")
            func find(_ finding: String) { notes.find("tenure \(name)", finding) }
            guard let id = try? TenureID(name), let commitment = missing.removeValue(forKey: id) else {
                find("The ledger never heard of it.")
                continue
            }
            if commitment.description != (try row.text("commitment")) { find("Its commitment is not the ledger's.") }
            let isEnded = replayed.ended.contains(id)
            if isEnded != (row.optionalInt("ended") != nil) { find("Whether it has ended differs from the ledger.") }
            if isEnded, (try? row.bytes("data_key")) != nil { find("It has ended and its data key still exists.") }
        }
        for id in missing.keys {
            notes.find("tenure \(id)", "Its row is gone from the registry, or is another device's.")
        }
    }
}
