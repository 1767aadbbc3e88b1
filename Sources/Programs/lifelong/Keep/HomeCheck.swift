import Crypto
import Foundation
import KeysFile
import Registry
import Store
import Trust
import Wire

/// What lies beside the database: settings, artifacts, and keys as files. Damage is named by its file.
struct HomeCheck {
    let home: ServerHome

    func findings(_ database: any Database) async throws -> [Audit.Finding] {
        let (releases, authorities) = try await database.read { rows in
            (
                // What was pruned is compared with the ledger (`ArtifactAudit`).
                try rows.query(
                    """
                    SELECT r.sha256 AS sha256, r.size AS size, r.version AS version FROM release r WHERE NOT EXISTS
                        (SELECT 1 FROM artifact a WHERE a.sha256 = r.sha256 AND a.state <> 'here') ORDER BY r.sequence
                    """),
                try rows.query("SELECT name, certificate, key_label FROM authority WHERE key_label IS NOT NULL")
            )
        }
        return settings() + (try artifacts(releases)) + (try keys(authorities))
    }

    private func settings() -> [Audit.Finding] {
        do {
            _ = try ServerConfiguration.read(home.configurationFile)
            return []
        } catch {
            return [.init(what: home.configurationFile, finding: (error as? Refusal)?.detail ?? "It cannot be read.")]
        }
    }

    private func artifacts(_ releases: [Row]) throws -> [Audit.Finding] {
        let folder = try home.artifactFolder(home.configuration())
        return try releases.compactMap { row in
            let (name, size) = (try row.text("sha256"), try row.int("size"))
            let path = folder + "/" + name
            let found = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            guard let found else {
                return .init(what: path, finding: "The artifact of release \(try row.text("version")) is missing.")
            }
            guard found == size, try Self.sha256(path) == name else {
                return .init(
                    what: path,
                    finding: "The artifact of release \(try row.text("version")) is damaged: upload it again.")
            }
            return nil
        }
    }

    static func sha256(_ path: String) throws -> String {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(.unavailable, "\(path) cannot be read.", hint: "Check its mode.")
        }
        defer { try? file.close() }
        var hasher = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hasher.update(data: piece) }
        return Hex.encode(hasher.finalize())
    }

    /// Keys as files only; what a token holds, it looks after itself.
    private func keys(_ authorities: [Row]) throws -> [Audit.Finding] {
        guard FileManager.default.fileExists(atPath: home.keyFolder) else { return [] }
        let store = try FileKeyStore(folder: home.keyFolder)
        let expected = Dictionary(
            authorities.compactMap { row in
                row.optionalText("key_label").flatMap { label in (try? row.bytes("certificate")).map { (label, $0) } }
            }, uniquingKeysWith: { first, _ in first })
        var found: [Audit.Finding] = []
        for label in try store.labels() {
            let path = "\(home.keyFolder)/\(label).key.pem"
            guard let key = try? store.find(label) else {
                found.append(.init(what: path, finding: "The key cannot be read: restore it from the backup."))
                continue
            }
            if let certificate = expected[label.text], try PublicKeys.ofCertificate(certificate) != key.publicKeyDER {
                found.append(.init(what: path, finding: "The key is not that of the authority's certificate."))
            }
        }
        return found
    }
}
