import Foundation
import Keys
import Store
import SwiftASN1
import Trust
import Wire
import X509

/// One key of a house, as people read of it.
package struct KeyEntry: Codable, Sendable {
    /// "root", "issuing", "service", or a `KeyRole`.
    package var role: String
    package var label: String
    /// Whether it has the role now; the others are needed by what is from before.
    package var isCurrent: Bool
    /// Where it lives; nil: not here.
    package var place: String?
    package var algorithm: String?
    /// SHA-256 of its SubjectPublicKeyInfo.
    package var key: Digest?
    /// Since when it has the role; nil: since the house was founded.
    package var since: Timestamp?
    /// End of its certificate, where it has one.
    package var until: Timestamp?
}

/// The keys of a house, from its database and its key store, without opening it: works beside a running server.
package enum KeyListing {
    package static func run(_ rows: any Rows, _ keys: any KeyStore) throws -> [KeyEntry] {
        try authorities(rows, keys) + roles(rows, keys)
    }

    private static func authorities(_ rows: any Rows, _ keys: any KeyStore) throws -> [KeyEntry] {
        let known = try rows.query(
            """
            SELECT name, kind, certificate, key_label, at FROM authority WHERE kind NOT IN ('birth', 'link')
            ORDER BY at DESC, name DESC
            """)
        var seen: Set<String> = []
        return try known.compactMap { row -> KeyEntry? in
            let kind = try row.text("kind")
            let name = try row.text("name")
            let family =
                [Authorities.Name.makerRoot, Authorities.Name.operationalRoot]
                .first { kind == "root" && Authorities.generation(name, of: $0) > 0 } ?? kind
            let isCurrent = seen.insert(family).inserted
            guard let label = row.optionalText("key_label") else { return nil }
            let certificate = try Certificate(derEncoded: row.bytes("certificate"))
            let until = Timestamp(seconds: Int64(certificate.notValidAfter.timeIntervalSince1970))
            return try entry(
                role: family, KeyLabel(label), isCurrent: isCurrent, since: row.time("at"),
                until: until, keys)
        }.reversed()
    }

    private static func roles(_ rows: any Rows, _ keys: any KeyStore) throws -> [KeyEntry] {
        let labels = try KeyRole.labels(in: rows)
        return try KeyRole.allCases.flatMap { role in
            try (labels[role] ?? []).enumerated().map { index, label in
                let since = try rows.first(
                    "SELECT since FROM key_role WHERE role = $1 AND label = $2",
                    [.text(role.rawValue), Value(label)])?.time("since")
                var entry = try entry(
                    role: role.rawValue, label, isCurrent: index == 0,
                    since: since.flatMap { $0.milliseconds == 0 ? nil : $0 }, until: nil, keys)
                // Made by the next start: until then there is nothing to miss.
                if role == .wrapping, entry.place == nil, try !WrappedKeys.need(label, in: rows) {
                    entry.place = "made when needed"
                }
                return entry
            }
        }
    }

    private static func entry(
        role: String, _ label: KeyLabel, isCurrent: Bool, since: Timestamp?, until: Timestamp?, _ keys: any KeyStore
    ) throws -> KeyEntry {
        let key = try keys.find(label)
        return KeyEntry(
            role: role, label: label.text, isCurrent: isCurrent, place: try keys.place(of: label),
            algorithm: key?.algorithm.rawValue, key: key?.keyDigest, since: since, until: until)
    }

    /// Uses every key once. Returns what is wrong, a sentence each; nothing if all is well.
    package static func check(_ rows: any Rows, _ keys: any KeyStore) throws -> [String] {
        var findings: [String] = []
        let probe = Array("lifelong: a check of a key".utf8)
        for entry in try run(rows, keys) where entry.role != KeyRole.wrapping.rawValue {
            do {
                let key = try keys.require(KeyLabel(entry.label))
                let signature = try key.signature(over: probe)
                guard PublicKeys.verify(signature: signature, over: probe, spki: key.publicKeyDER) else {
                    findings.append("\(entry.label): its signature does not verify.")
                    continue
                }
                let row = try rows.first("SELECT certificate FROM authority WHERE key_label = $1", [.text(entry.label)])
                if let row, try PublicKeys.ofCertificate(row.bytes("certificate")) != key.publicKeyDER {
                    findings.append("\(entry.label): its certificate is for another key.")
                }
            } catch let refusal as Refusal { findings.append("\(entry.label): \(refusal.detail)") }
        }
        // One of each kind that each wrapping key wrapped: enough to see that it is the right key.
        for label in try KeyRole.labels(in: rows)[.wrapping] ?? [] {
            do {
                for key in try WrappedKeys.newest(label, in: rows) {
                    _ = try keys.unwrap(key.wrapped, under: label, context: key.context)
                }
            } catch let refusal as Refusal { findings.append("\(label): \(refusal.detail)") }
        }
        return findings
    }
}
