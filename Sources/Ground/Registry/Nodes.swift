import Foundation
import Keys
import Ledger
import Logging
import Store
import Trust
import Wire

/// What several servers of one database need of each other. None holds state of the fleet; what each remembers of the house
/// itself is its authorities.
extension House {
    /// Refuses to start beside others with another idea of the world: another ledger's name, other keys, other files.
    package func demandSameWorld() async throws {
        let (note, artifacts) = try await read { rows in
            (
                try rows.first("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")?.text("note"),
                try rows.query(
                    """
                    SELECT DISTINCT r.sha256 AS sha256 FROM release r WHERE NOT EXISTS
                        (SELECT 1 FROM artifact a WHERE a.sha256 = r.sha256 AND a.state <> 'here') ORDER BY sha256
                    """
                ).map { try $0.text("sha256") }
            )
        }
        if let note, note.prefix(while: { $0 != "\n" }) != settings.ledgerOrigin {
            throw Refusal(
                .conflict, "The database holds the ledger \"\(note.prefix(while: { $0 != "\n" }))\".",
                hint: "Set ledgerOrigin in lifelong.yaml to the same; it is fixed for the ledger's whole life.")
        }
        // One that was succeeded counts as well: the newest checkpoint may be from before.
        let signers = try authorities.labels(of: .ledger).compactMap { try keys.find($0) }
            .map { try NoteSigner(name: settings.ledgerOrigin, key: $0).verifierKey }
        if let note, !signers.isEmpty {
            guard (try? Note(Array(note.utf8)).verified(by: signers)) != nil else {
                throw Refusal(
                    .conflict, "The ledger's key here is not the one that signed the newest checkpoint.",
                    hint: "Give every server of a database the same key store.")
            }
        }
        for authority in authorities.all {
            guard let label = authority.keyLabel, let key = try keys.find(label) else { continue }
            guard try PublicKeys.ofCertificate(authority.certificate) == key.publicKeyDER else {
                throw Refusal(
                    .conflict, "The key \"\(label)\" here is not the one of the authority in the database.",
                    hint: "Give every server of a database the same key store.")
            }
        }
        for sha256 in artifacts
        where !FileManager.default.fileExists(atPath: settings.artifactFolder + "/\(sha256)") {
            throw Refusal(
                .conflict, "The artifact \(sha256) of a release is not in \(settings.artifactFolder).",
                hint: "Set artifacts in lifelong.yaml to the folder that all servers of the database share.")
        }
    }

    /// Keeps memory in step with the ledger, and learns what other nodes added: a batch's CA that one of them made is known
    /// to all within a second. While the ledger cannot be read, memory does not count. Runs until its task is cancelled.
    package func follow() async {
        let news = CommitSignal()
        let changes = database.changes()
        let listener = Task { for await _ in changes { news.signal() } }
        defer { listener.cancel() }
        var outage = Outage("the ledger cannot be followed", log: log)
        var unread = Outage("authorities cannot be read", log: log)
        var looked = ContinuousClock.now
        while !Task.isCancelled {
            do {
                let isNews = try await passports.catchUp(with: database)
                if authorities.isStale {
                    // The ledger is followed all the same: a key's token that is away makes memory no less true.
                    do {
                        try await authorities.load(from: self)
                        unread.works()
                    } catch {
                        unread.failed(error)
                    }
                } else if isNews {
                    let count = try await read { try $0.count("SELECT COUNT(*) AS n FROM authority") }
                    if count != authorities.all.count { try await authorities.load(from: self) }
                }
                outage.works()
                // That is no outage: it has a voice of its own.
                if looked.duration(to: .now) > .seconds(1) {
                    looked = .now
                    try? await nodeClock.look(at: database)
                }
            } catch {
                outage.failed(error)
                try? await Task.sleep(for: outage.pause)
                continue
            }
            // A busy database is looked at a few times a second, not at every commit; a quiet one often enough to be trusted.
            try? await Task.sleep(for: .milliseconds(100))
            await news.wait(atMost: .milliseconds(200))
        }
    }
}
