import ArgumentParser
import Ledger
import Registry
import Wire

/// `lifelong ledger …`
struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The Merkle log of all events.",
        subcommands: [LedgerShow.self, LedgerEntries.self, LedgerEntry.self, LedgerProof.self, LedgerWitnesses.self])
}

struct LedgerShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Its size, root and newest checkpoint.",
        discussion: "Example:\n  lifelong ledger show")
    @OptionGroup var connection: Connection

    func run() async throws {
        let view: LedgerView = try await connection.client().read("ledger")
        try connection.show(view) {
            [
                "\(view.origin)", "  entries    \(view.size), of which \(view.publishedSize) are published",
                "  root       \(view.root?.description ?? "-")", "  last entry \(Plain.time(view.lastEntryAt))",
                "  published  \(Plain.time(view.publishedAt))", "  vkey       \(view.vkey)", "", view.checkpoint ?? "",
            ]
        }
    }
}

struct LedgerEntries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entries", abstract: "Its entries, oldest first.",
        discussion: "Example:\n  lifelong ledger entries --after 100 --limit 20")
    @Option(help: "Entries behind this one.") var after: Int64?
    @Option(help: "Entries before this one, newest first.") var before: Int64?
    @Option(help: "Entries on a page, 1 to 200.") var limit: Int?
    @OptionGroup var connection: Connection

    func run() async throws {
        let page: LedgerEntryPage = try await connection.client().read(
            "ledger/entries",
            query: [
                ("after", after.map(String.init)), ("before", before.map(String.init)),
                ("limit", limit.map(String.init)),
            ])
        try connection.show(page) {
            Plain.table(
                ["ENTRY", "WHEN", "BY", "DEVICE", "WHAT"],
                page.entries.map { ["\($0.index)", Plain.time($0.at), $0.byRole, $0.serial ?? "-", $0.sentence] })
                + (page.next.map { ["", "More: add --\(before == nil ? "after" : "before") \($0)"] } ?? [])
        }
    }
}

struct LedgerEntry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "entry", abstract: "One entry with its bytes.", discussion: "Example:\n  lifelong ledger entry 17")
    @Argument(help: "Its index, from 0.") var index: Int64
    @OptionGroup var connection: Connection

    func run() async throws {
        let leaf: LedgerLeafView = try await connection.client().read("ledger/entries/\(index)")
        try connection.show(leaf) {
            [
                "\(leaf.entry.index)  \(Plain.time(leaf.entry.at))  \(leaf.entry.sentence)", "  hash  \(leaf.hash)",
                "  leaf  \(String(decoding: Base64.decode(leaf.leaf) ?? [], as: UTF8.self))",
            ]
        }
    }
}

struct LedgerProof: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proof", abstract: "How an entry hangs in the tree, up to the signed root.",
        discussion: "Example:\n  lifelong ledger proof 17 --evidence proof.json")
    @Argument(help: "Its index, from 0.") var index: Int64
    @Option(help: ArgumentHelp("Write what lifelong verify takes to this file.", valueName: "file")) var evidence:
        String?
    @OptionGroup var connection: Connection

    func run() async throws {
        let proof: ProofView = try await connection.client().read("ledger/proof/\(index)")
        if let evidence { try OutputFile.write(try CanonicalJSON.pretty(proof.evidence) + "\n", to: evidence) }
        try connection.show(proof) {
            ["entry \(index)  \(proof.entry.sentence)", "  leaf   \(proof.leafHash)"]
                + proof.path.map {
                    "  + \($0.side.rawValue.padding(to: 5))\($0.sibling)  → entries \($0.first) to \($0.end - 1)"
                }
                + ["  root   \(proof.root)  of \(proof.size) entries"]
        }
    }
}

struct LedgerWitnesses: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witnesses", abstract: "Who cosigns its checkpoints, and how far each is.",
        discussion: "Example:\n  lifelong ledger witnesses")
    @OptionGroup var connection: Connection

    func run() async throws {
        let list: WitnessList = try await connection.client().read("ledger/witnesses")
        try connection.show(list) {
            Plain.table(
                ["WITNESS", "LAST COSIGNED", "ENTRIES", "BEHIND BY", "STANDING"],
                list.witnesses.map {
                    [$0.name, Plain.time($0.cosignedAt), "\($0.size)", "\($0.behind)", $0.standing.rawValue]
                }) + list.witnesses.compactMap { witness in witness.trouble.map { "\(witness.name): \($0)" } }
                + ["", "With \(list.quorum) cosignatures: \(list.witnessedSize) of \(list.publishedSize) entries"]
        }
    }
}
