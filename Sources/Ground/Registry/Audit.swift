import Ledger
import Passport
import Store
import Wire

/// Replays the ledger through the stage machine and compares the result with the registry, row by row: what was changed
/// behind the registry's back is found and named.
package enum Audit {
    package struct Finding: Codable, Sendable, Equatable {
        /// "device 0192…", "ledger entry 17", "certificate 4a…"
        package var what: String
        /// One sentence.
        package var finding: String

        package init(what: String, finding: String) {
            self.what = what
            self.finding = finding
        }
    }

    package struct Report: Codable, Sendable {
        package var entries: Int64
        package var devices: Int
        package var findings: [Finding]
        package var root: Digest

        package init(entries: Int64, devices: Int, findings: [Finding], root: Digest) {
            self.entries = entries
            self.devices = devices
            self.findings = findings
            self.root = root
        }
    }

    /// What is kept per device while the ledger is replayed.
    private struct Replayed {
        var passports: [DeviceID: Passport] = [:]
        var certificates: [String: (device: DeviceID, sha256: Digest)] = [:]
        var revoked: Set<String> = []
        var commitments: [TenureID: Digest] = [:]
        var ended: Set<TenureID> = []
        var leaves: [Digest] = []
        var findings: [Finding] = []
    }

    /// - Parameter progress: called with (entries done, all entries).
    package static func run(
        _ database: any Database, progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> Report {
        try await database.read { rows in
            let size = Int64(try rows.first("SELECT size FROM ledger_size WHERE one = 1")?.int("size") ?? 0)
            var replayed = Replayed()
            var next: Int64 = 0
            while next < size {
                let page = try rows.query(
                    "SELECT idx, entry, hash, device, kind FROM ledger WHERE idx >= $1 ORDER BY idx LIMIT 1000",
                    [.int(next)])
                guard !page.isEmpty else { break }
                for row in page {
                    let index = Int64(try row.int("idx"))
                    while next < index {
                        replayed.findings.append(
                            Finding(what: "ledger entry \(next)", finding: "It is missing from the table."))
                        next += 1
                    }
                    try replay(row, index, into: &replayed)
                    next = index + 1
                }
                progress(next, size)
            }
            if next < size {
                replayed.findings.append(
                    Finding(what: "ledger entries \(next) to \(size - 1)", finding: "They are missing from the table."))
            }
            let root = try compareTree(&replayed, rows)
            try compareDevices(&replayed, rows)
            try compareCertificates(&replayed, rows)
            try compareTenures(&replayed, rows)
            replayed.findings += try AuditDocuments.findings(in: rows)
            return Report(
                entries: size, devices: replayed.passports.count, findings: replayed.findings, root: root)
        }
    }

    private static func replay(_ row: Row, _ index: Int64, into replayed: inout Replayed) throws {
        func find(_ finding: String) {
            replayed.findings.append(Finding(what: "ledger entry \(index)", finding: finding))
        }
        let bytes = try row.bytes("entry")
        let hash = MerkleTree.leafHash(bytes)
        replayed.leaves.append(hash)
        if Digest(try row.bytes("hash")) != hash { find("Its bytes do not have the hash that is stored beside them.") }
        guard let entry = try? CanonicalJSON.decode(Entry.self, from: bytes) else {
            find("Its bytes are not an entry.")
            return
        }
        if entry.device?.text != row.optionalText("device") || entry.event.kind != row.optionalText("kind") {
            find("The columns beside it do not say what it says.")
        }
        guard let device = entry.device else {
            if case .certificateAbandoned(let serial) = entry.event { replayed.revoked.insert(serial) }
            return
        }
        do {
            replayed.passports[device] = try Passport.advance(
                replayed.passports[device], device: device, by: entry.event, at: entry.at)
        } catch {
            find("The stage machine refuses it: \(error.detail)")
        }
        switch entry.event {
        case .enrolled(_, let certificate), .renewed(_, let certificate, _):
            replayed.certificates[certificate.serial] = (device, certificate.sha256)
        case .certificateRevoked(let serial, _): replayed.revoked.insert(serial)
        case .paired(let tenure, _, let owner): replayed.commitments[tenure] = owner
        case .tenureEnded(let tenure): replayed.ended.insert(tenure)
        default: break
        }
    }

    /// The tree that the leaves give against the tiles and the checkpoint that were published.
    private static func compareTree(_ replayed: inout Replayed, _ rows: any Rows) throws -> Digest {
        guard let row = try rows.first("SELECT size, root FROM checkpoint ORDER BY size DESC LIMIT 1") else {
            return MerkleTree.emptyRoot
        }
        let size = try row.int("size")
        guard size <= replayed.leaves.count else {
            replayed.findings.append(
                Finding(what: "checkpoint \(size)", finding: "It covers more entries than the ledger has."))
            return MerkleTree.emptyRoot
        }
        let root = MerkleTree.root(of: Array(replayed.leaves.prefix(size)))
        if root.description != (try row.text("root")) {
            replayed.findings.append(
                Finding(
                    what: "checkpoint \(size)",
                    finding: "Its root is not the root of the entries: history was rewritten."))
        }
        return root
    }

    private static func compareDevices(_ replayed: inout Replayed, _ rows: any Rows) throws {
        var seen: Set<DeviceID> = []
        var last = ""
        while true {
            let page = try rows.query(
                "SELECT \(Device.columns), stage, version, product, batch FROM device WHERE id > $1 ORDER BY id LIMIT 1000",
                [.text(last)])
            guard let final = page.last else { break }
            last = try final.text("id")
            for row in page {
                let id: DeviceID = try row.id("id")
                seen.insert(id)
                guard let passport = replayed.passports[id] else {
                    replayed.findings.append(
                        Finding(
                            what: "device \(id)", finding: "The registry has it, the ledger never heard of its birth."))
                    continue
                }
                for finding in differences(row, passport) {
                    replayed.findings.append(Finding(what: "device \(id)", finding: finding))
                }
            }
        }
        for id in replayed.passports.keys.sorted() where !seen.contains(id) {
            replayed.findings.append(
                Finding(what: "device \(id)", finding: "The ledger knows it, its row is gone from the registry."))
        }
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

    private static func compareCertificates(_ replayed: inout Replayed, _ rows: any Rows) throws {
        let stored = try rows.query(
            "SELECT serial, device, state, der FROM certificate WHERE kind = 'operational' AND state <> 'intended'")
        var seen: Set<String> = []
        for row in stored {
            let serial = try row.text("serial")
            seen.insert(serial)
            func find(_ finding: String) {
                replayed.findings.append(Finding(what: "certificate \(serial)", finding: finding))
            }
            let state = try row.text("state")
            if state != "issued", !replayed.revoked.contains(serial) { find("It is \(state) without an event.") }
            if state == "issued", replayed.revoked.contains(serial) {
                find("The ledger revoked it; the registry says issued.")
            }
            guard state != "abandoned", let der = try? row.bytes("der") else { continue }
            guard let known = replayed.certificates[serial] else {
                find("It was issued without an event.")
                continue
            }
            if known.device.text != row.optionalText("device") { find("It belongs to another device by the ledger.") }
            if known.sha256 != LeafCertificate.sha256(der) { find("Its bytes are not the ones that were issued.") }
        }
        for serial in replayed.certificates.keys.sorted() where !seen.contains(serial) {
            replayed.findings.append(
                Finding(what: "certificate \(serial)", finding: "Its row is gone from the registry."))
        }
    }

    private static func compareTenures(_ replayed: inout Replayed, _ rows: any Rows) throws {
        let stored = try rows.query("SELECT id, ended, commitment, data_key FROM tenure")
        for row in stored {
            let id: TenureID = try row.id("id")
            func find(_ finding: String) {
                replayed.findings.append(Finding(what: "tenure \(id)", finding: finding))
            }
            guard let commitment = replayed.commitments[id] else {
                find("The ledger never heard of it.")
                continue
            }
            if commitment.description != (try row.text("commitment")) { find("Its commitment is not the ledger's.") }
            let isEnded = replayed.ended.contains(id)
            if isEnded != (row.optionalInt("ended") != nil) { find("Whether it has ended differs from the ledger.") }
            if isEnded, (try? row.bytes("data_key")) != nil { find("It has ended and its data key still exists.") }
        }
    }
}
