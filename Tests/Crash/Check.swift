import Auditor
import Foundation
import Ledger
import Passport
import Registry
import Store
import Wire
import Workbench

/// Looks into the database after a restart: is everything there that was answered, and nothing that must not be?
actor Check {
    private let world: World
    private let program: String
    /// Facts that were found once are looked at again only at the end of the home.
    private var confirmed = 0
    /// SHA-256 of what was meant to be signed, by serial: it never changes.
    private var intents: [String: Digest] = [:]
    private var leaves: [Digest] = []
    private var seenCheckpoints = 0
    private var key: VerifierKey?

    init(_ world: World, program: String) {
        self.world = world
        self.program = program
    }

    /// One sentence for everything that is wrong; empty is good.
    func run(over url: String, all: Bool = false) async throws -> [String] {
        let key = try await verifierKey(url)
        let audit = try await ServerProcess.run(
            [program, "audit", "--home", world.home], log: world.folder + "/audit.log")
        var troubles = audit.code == 0 ? [] : ["lifelong audit ended with \(audit.code): \(audit.said)"]
        let (facts, seen) = (world.notebook.facts, world.notebook.checkpoints)
        let due = all ? facts[...] : facts[min(confirmed, facts.count)...]
        let intents = intents
        let from = leaves.count
        let asked = world.notebook.askedTitles(World.product.text)
        // Opened anew: a connection that outlives the server would spare it the recovery that is tested here.
        let database = try world.openDatabase()
        defer { try? database.close() }
        let world = world
        let looked = try await database.read { rows in
            var looked = Look(rows: rows, home: world.home, askedTitles: asked, answered: facts)
            try looked.judge(due)
            try looked.judgeIntents(intents)
            looked.leaves = try rows.query("SELECT entry FROM ledger WHERE idx >= $1 ORDER BY idx", [Value(from)]).map {
                MerkleTree.leafHash(try $0.bytes("entry"))
            }
            return looked.outcome
        }
        troubles += looked.troubles
        self.intents = looked.intents
        leaves += looked.leaves
        troubles += judge(seen[min(seenCheckpoints, seen.count)...], key)
        // What was found is told, also if the server would not live to be asked.
        guard troubles.isEmpty else { return troubles }
        if let old = seen.last, let trouble = try await consistency(from: old, key, url) { return [trouble] }
        (confirmed, seenCheckpoints) = (facts.count, seen.count)
        return []
    }

    private func verifierKey(_ url: String) async throws -> VerifierKey {
        if let key { return key }
        let text = try await BenchClient(base: url, tls: nil).get("/ledger/vkey").text
        let read = try VerifierKey(text.trimmingCharacters(in: .whitespacesAndNewlines))
        key = read
        return read
    }

    /// Every checkpoint that anybody ever saw is a beginning of today's ledger, computed anew from its entries.
    private func judge(_ seen: ArraySlice<String>, _ key: VerifierKey) -> [String] {
        seen.compactMap { note in
            guard let head = try? Checkpoint(note: Array(note.utf8), key: key).head else {
                return "a checkpoint is not signed by the ledger's key: \(note)"
            }
            guard head.size <= leaves.count else {
                return "the ledger shrank: a checkpoint of \(head.size) was seen, \(leaves.count) entries are there"
            }
            let root = MerkleTree.root(of: Array(leaves.prefix(Int(head.size))))
            return root == head.root ? nil : "the ledger is not an extension of the checkpoint of size \(head.size)"
        }
    }

    /// The same over the wire, as an auditor does it: tiles, proof, signatures.
    private func consistency(from old: String, _ key: VerifierKey, _ url: String) async throws -> String? {
        let report = try await WebLog.with(prefix: url + "/ledger") { log in
            guard let new = try await log.read("checkpoint", limit: 1 << 16) else {
                throw Refusal(.notFound, "There is no checkpoint.", hint: "Look at the server.")
            }
            return try await VerifyConsistency.run(old: Array(old.utf8), new: new, key: key, tiles: log)
        }
        return report.verified ? nil : "over the wire: \(report.lines.joined(separator: "; "))"
    }
}

/// One look at one state of the database.
private struct Look {
    struct Outcome: Sendable {
        var troubles: [String]
        var intents: [String: Digest]
        var leaves: [Digest]
    }

    let rows: any Rows
    let home: String
    let askedTitles: Set<String>
    private var troubles: [String] = []
    private var intents: [String: Digest] = [:]
    var leaves: [Digest] = []
    private var entries: [String: [(kind: String, text: String)]] = [:]
    /// How often each was answered: as many entries there must be.
    private let answers: [Fact: Int]
    var outcome: Outcome { Outcome(troubles: troubles, intents: intents, leaves: leaves) }

    init(rows: any Rows, home: String, askedTitles: Set<String>, answered: [Fact]) {
        self.rows = rows
        self.home = home
        self.askedTitles = askedTitles
        answers = answered.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    mutating func judge(_ facts: ArraySlice<Fact>) throws {
        var judged: Set<Fact> = []
        for fact in facts where judged.insert(fact).inserted {
            guard try !holds(fact) else { continue }
            troubles.append("answered and not there, or not \(answers[fact, default: 1]) times: \(fact)")
        }
    }

    private mutating func holds(_ fact: Fact) throws -> Bool {
        switch fact {
        case .certificate(let serial, let sha256, let device):
            let row = try rows.first(
                "SELECT der, device, state FROM certificate WHERE serial = $1", [.text(serial)])
            guard let row, LeafCertificate.sha256(try row.bytes("der")) == sha256 else { return false }
            return row.optionalText("device") == device && ["issued", "revoked"].contains(row.optionalText("state"))
        case .device(let serial, let certificate):
            let row = try rows.first("SELECT birth_certificate FROM device WHERE serial = $1", [.text(serial)])
            return try row.map { LeafCertificate.sha256(try $0.bytes("birth_certificate")) == certificate } ?? false
        case .entry(let device, let kind, let word):
            return try entries(of: device, kind, saying: word) >= answers[fact, default: 1]
        case .houseEntry(let kind, let word):
            return try entries(of: nil, kind, saying: word) >= answers[fact, default: 1]
        case .row(let table, let column, let value):
            return try rows.count("SELECT COUNT(*) AS n FROM \(table) WHERE \(column) = $1", [.text(value)]) == 1
        case .credential(let hash):
            return try rows.count("SELECT COUNT(*) AS n FROM credential WHERE hash = $1", [.text(hash)]) == 1
        case .artifact(let sha256):
            guard let data = FileManager.default.contents(atPath: "\(home)/artifacts/\(sha256)") else { return false }
            return LeafCertificate.sha256(Array(data)) == sha256
        case .product(let id, let title):
            let now = try rows.first("SELECT name FROM product WHERE id = $1", [.text(id)])?.optionalText("name")
            return now.map { $0 == title || askedTitles.contains($0) } ?? false
        }
    }

    private mutating func entries(of device: String?, _ kind: String, saying word: String) throws -> Int {
        try entries(of: device).count { $0.kind == kind && Self.says($0.text, word) }
    }

    /// Whether the entry has the word, and not as the beginning of a longer number or name.
    private static func says(_ text: String, _ word: String) -> Bool {
        if word.isEmpty { return true }
        return text.ranges(of: word).contains { found in
            guard found.upperBound < text.endIndex else { return true }
            let next = text[found.upperBound]
            return !next.isLetter && !next.isNumber
        }
    }

    private mutating func entries(of device: String?) throws -> [(kind: String, text: String)] {
        if let known = entries[device ?? ""] { return known }
        let found =
            try device.map {
                try rows.query("SELECT kind, entry FROM ledger WHERE device = $1 ORDER BY idx", [.text($0)])
            } ?? rows.query("SELECT kind, entry FROM ledger WHERE device IS NULL ORDER BY idx")
        let read = try found.map { (try $0.text("kind"), String(decoding: try $0.bytes("entry"), as: UTF8.self)) }
        entries[device ?? ""] = read
        return read
    }

    /// What was meant to be signed under a serial never changes, and is what was signed.
    mutating func judgeIntents(_ known: [String: Digest]) throws {
        intents = known
        for row in try rows.query("SELECT serial, intent, der, state FROM certificate") {
            let serial = try row.text("serial")
            let intent = try row.bytes("intent")
            let digest = LeafCertificate.sha256(intent)
            if let before = intents[serial], before != digest {
                troubles.append("serial \(serial): what is to be signed was changed")
            }
            intents[serial] = digest
            guard let der = try? row.bytes("der") else { continue }
            // Certificate ::= SEQUENCE { tbsCertificate, … }: the intent stands right behind the outer header.
            if der.count < intent.count + 4 || !der[4...].starts(with: intent) {
                troubles.append("serial \(serial): the certificate is not what was meant to be signed")
            }
        }
        for serial in known.keys where intents[serial] == nil { troubles.append("serial \(serial) is gone") }
    }
}
