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
              lifelong verify log http://127.0.0.1:8080/ledger --vkey vkey --witness w1.vkey --witness w2.vkey --quorum 1
              lifelong verify checkpoint http://127.0.0.1:8080/ledger --vkey vkey --remember seen.json

            Ends with 0 if verified; with 3 for a fork (two histories), 4 for a rollback (a shorter log), 5 if cosignatures
            are missing, 2 for anything else that is wrong, and 1 if it could not be checked.
            """,
        subcommands: [Passport.self, Proof.self, Checkpoint.self, Consistency.self, Log.self])

    struct Passport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A device's passport with its proofs (from `lifelong passport --evidence`).",
            discussion: "Example:\n  lifelong verify passport passport.json --vkey vkey.txt --witness w1.vkey")
        @Argument(help: "File with the evidence.") var file: String
        @Option(help: "Read the whole log at this URL or folder, too: finds events that were left out.") var log:
            String?
        @OptionGroup var trusted: Trusted
        @OptionGroup var memory: Memory

        func run() async throws {
            let document = try VerifyCommand.evidence(
                file, hint: "Make it: lifelong passport SERIAL --evidence \(file)")
            let (key, quorum) = (try trusted.key(), try trusted.witnesses())
            if let log {
                try trusted.show(
                    try await LogLocation.with(log) { source in
                        var report = try await VerifyPassport.run(
                            document: document, key: key, quorum: quorum, log: source)
                        try await memory.judge(
                            &report, note: VerifyCommand.note(in: document), key: key, tiles: source, isLive: false)
                        return report
                    })
            } else {
                var report = try VerifyPassport.run(document: document, key: key, quorum: quorum)
                try await memory.judge(
                    &report, note: VerifyCommand.note(in: document), key: key, tiles: nil, isLive: false)
                try trusted.show(report)
            }
        }
    }

    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "That entries are in the ledger (evidence from the console or `lifelong ledger proof`).",
            discussion: "Example:\n  lifelong verify proof entry-17.json --vkey vkey.txt --witness w1.vkey")
        @Argument(help: "File with the evidence.") var file: String
        @OptionGroup var trusted: Trusted
        @OptionGroup var memory: Memory

        func run() async throws {
            let document = try VerifyCommand.evidence(file, hint: "Download it from the entry's page in the console.")
            let key = try trusted.key()
            var report = try VerifyProof.run(document: document, key: key, quorum: trusted.witnesses())
            try await memory.judge(&report, note: VerifyCommand.note(in: document), key: key, tiles: nil, isLive: false)
            try trusted.show(report)
        }
    }

    fileprivate static func evidence(_ file: String, hint: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: file), data.count <= Evidence.maximumBytes else {
            throw Refusal(.notFound, "\(file) cannot be read.", hint: hint)
        }
        return Array(data)
    }

    fileprivate static func note(in document: [UInt8]) -> [UInt8] {
        let evidence = try? CanonicalJSON.decode(Evidence.self, from: document, limit: Evidence.maximumBytes)
        return Array((evidence?.checkpoint ?? "").utf8)
    }

    struct Checkpoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A signed checkpoint: file, folder or URL.",
            discussion: "Example:\n  lifelong verify checkpoint http://127.0.0.1:8080/ledger --vkey vkey.txt")
        @Argument(help: "File, folder or URL.") var log: String
        @OptionGroup var trusted: Trusted
        @OptionGroup var memory: Memory

        func run() async throws {
            let (key, quorum) = (try trusted.key(), try trusted.witnesses())
            let note = try await VerifyCheckpoint.note(at: log, key: key, quorum: quorum)
            var report = VerifyCheckpoint.run(note: note, key: key, quorum: quorum)
            if LogLocation.isURL(log), !log.hasSuffix("/checkpoint") {
                report = try await LogLocation.with(log) { [report] source in
                    var report = report
                    try await memory.judge(&report, note: note, key: key, tiles: source, isLive: true)
                    return report
                }
            } else {
                try await memory.judge(&report, note: note, key: key, tiles: nil, isLive: true)
            }
            try trusted.show(report)
        }
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
            let (key, quorum) = (try trusted.key(), try trusted.witnesses())
            let notes = try [old, new].map { path -> [UInt8] in
                guard let data = FileManager.default.contents(atPath: path), data.count <= Note.maximumBytes else {
                    throw Refusal(.notFound, "\(path) cannot be read.", hint: "Name a file that holds a checkpoint.")
                }
                return Array(data)
            }
            let report = try await LogLocation.with(log) { source in
                try await VerifyConsistency.run(
                    old: notes[0], new: notes[1], key: key, quorum: quorum, tiles: source)
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
        @OptionGroup var memory: Memory

        func run() async throws {
            let (key, quorum) = (try trusted.key(), try trusted.witnesses())
            let bar = ProgressBar(unit: "entries")
            let report = try await LogLocation.with(log) { source in
                let note = try await source.checkpointNote(key: key, quorum: quorum)
                var report = try await VerifyLog.run(source, key: key, quorum: quorum, note: note) { done, all in
                    bar.show(Int64(done), of: Int64(all))
                }
                try await memory.judge(&report, note: note, key: key, tiles: source, isLive: true)
                return report
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
    @OptionGroup var trusted: Trusted

    func run() async throws {
        let bar = ProgressBar(unit: "files")
        let (key, quorum) = (try trusted.key(), try trusted.witnesses())
        let report = try await LogLocation.with(url) { source in
            try await MirrorLog.run(from: source, to: folder, key: key, quorum: quorum) {
                bar.show(Int64($0), of: Int64($1))
            }
        }
        bar.end()
        try trusted.show(report)
    }
}
