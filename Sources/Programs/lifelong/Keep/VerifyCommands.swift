import ArgumentParser
import Auditor
import Foundation
import Ledger
import Wire

/// `lifelong verify …`: everything here trusts one key that the user gives, and nothing else.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify passports, proofs and the whole ledger, offline, without trusting the server.",
        discussion: """
            The log's verifier key (vkey) must come from somewhere you trust, not from the server that you check.

            Examples:
              lifelong verify passport passport.json --vkey "$(cat vkey)"
              lifelong verify log http://127.0.0.1:8080/ledger --vkey "$(cat vkey)"
            """,
        subcommands: [Passport.self, Proof.self, Checkpoint.self, Consistency.self, Log.self])

    struct Trusted: ParsableArguments {
        @Option(help: "The log's verifier key, or a file that holds it.") var vkey: String
        @Flag(help: "The report as JSON.") var json = false

        func key() throws -> VerifierKey {
            if let data = FileManager.default.contents(atPath: vkey), data.count <= 4096 {
                return try VerifierKey(
                    String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
            }
            return try VerifierKey(vkey)
        }

        func show(_ report: some AuditReport) throws {
            if json { print(try CanonicalJSON.pretty(report)) } else { report.lines.forEach { print($0) } }
            if !report.verified { throw ExitCode(2) }
        }
    }

    struct Passport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A device's passport with its proofs (from `lifelong passport --evidence`).",
            discussion: "Example:\n  lifelong verify passport passport.json --vkey vkey.txt")
        @Argument(help: "File with the evidence.") var file: String
        @Option(help: "Read the whole log at this URL or folder, too: finds events that were left out.") var log:
            String?
        @OptionGroup var trusted: Trusted

        func run() async throws {
            guard let data = FileManager.default.contents(atPath: file), data.count <= Evidence.maximumBytes else {
                throw Refusal(
                    .notFound, "\(file) cannot be read.", hint: "Make it: lifelong passport SERIAL --evidence \(file)")
            }
            let key = try trusted.key()
            if let log {
                let report = try await LogLocation.with(log) { source in
                    try await VerifyPassport.run(document: Array(data), key: key, log: source)
                }
                try trusted.show(report)
            } else {
                try trusted.show(try VerifyPassport.run(document: Array(data), key: key))
            }
        }
    }

    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "That entries are in the ledger (evidence from the console or `lifelong ledger proof`).",
            discussion: "Example:\n  lifelong verify proof entry-17.json --vkey vkey.txt")
        @Argument(help: "File with the evidence.") var file: String
        @OptionGroup var trusted: Trusted

        func run() async throws {
            guard let data = FileManager.default.contents(atPath: file), data.count <= Evidence.maximumBytes else {
                throw Refusal(
                    .notFound, "\(file) cannot be read.", hint: "Download it from the entry's page in the console.")
            }
            try trusted.show(try VerifyProof.run(document: Array(data), key: trusted.key()))
        }
    }

    struct Checkpoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A signed checkpoint: file, folder or URL.",
            discussion: "Example:\n  lifelong verify checkpoint http://127.0.0.1:8080/ledger --vkey vkey.txt")
        @Argument(help: "File, folder or URL.") var log: String
        @OptionGroup var trusted: Trusted

        func run() async throws { try trusted.show(try await VerifyCheckpoint.run(at: log, key: trusted.key())) }
    }

    struct Consistency: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "That a newer checkpoint only added to an older one.",
            discussion:
                "Example:\n  lifelong verify consistency old.txt new.txt --log http://127.0.0.1:8080/ledger --vkey vkey.txt"
        )
        @Argument(help: "File of the older checkpoint.") var old: String
        @Argument(help: "File of the newer checkpoint.") var new: String
        @Option(help: "URL or folder with the tiles.") var log: String
        @OptionGroup var trusted: Trusted

        func run() async throws {
            let key = try trusted.key()
            let notes = try [old, new].map { path -> [UInt8] in
                guard let data = FileManager.default.contents(atPath: path), data.count <= Note.maximumBytes else {
                    throw Refusal(.notFound, "\(path) cannot be read.", hint: "Name a file that holds a checkpoint.")
                }
                return Array(data)
            }
            let report = try await LogLocation.with(log) { source in
                try await VerifyConsistency.run(old: notes[0], new: notes[1], key: key, tiles: source)
            }
            try trusted.show(report)
        }
    }

    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The whole log: every entry, every tile, the root, the signature.",
            discussion: "Example:\n  lifelong verify log http://127.0.0.1:8080/ledger --vkey vkey.txt")
        @Argument(help: "Folder or URL of the log.") var log: String
        @OptionGroup var trusted: Trusted

        func run() async throws {
            let key = try trusted.key()
            let bar = ProgressBar(unit: "entries")
            let report = try await LogLocation.with(log) { source in
                try await VerifyLog.run(source, key: key) { done, all in bar.show(Int64(done), of: Int64(all)) }
            }
            bar.end()
            try trusted.show(report)
        }
    }
}

/// `lifelong mirror`: a copy of the public ledger for checks offline.
struct MirrorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror", abstract: "Copy the public ledger into a folder; goes on where it stopped.",
        discussion: "Example:\n  lifelong mirror http://127.0.0.1:8080/ledger ledger-copy --vkey vkey.txt")
    @Argument(help: "URL of the log.") var url: String
    @Argument(help: "Folder.") var folder: String
    @OptionGroup var trusted: VerifyCommand.Trusted

    func run() async throws {
        let bar = ProgressBar(unit: "files")
        let key = try trusted.key()
        let report = try await LogLocation.with(url) { source in
            try await MirrorLog.run(from: source, to: folder, key: key) { bar.show(Int64($0), of: Int64($1)) }
        }
        bar.end()
        try trusted.show(report)
    }
}
