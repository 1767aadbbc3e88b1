import Crypto
import Foundation
import Mender
import Store
import Wire

/// What stock clients ask of an artifact beside its SHA-256: the older hashes, which prove nothing and which they compare
/// all the same, and how a file of its kind is called. Worked out once, when a release of it is published.
package struct ArtifactForm: Sendable, Equatable {
    package let sha1: Wire.Digest
    package let md5: Wire.Digest
    /// ".swu", ".raucb", ".mender" or ".bin": clients go by it.
    package let suffix: String
    /// What a Mender artifact says of itself; nil of everything else.
    package var mender: MenderArtifact?
    /// What its maker signed of it: judged when it is published, and not kept.
    package var menderManifest: SignedManifest?

    package init(
        sha1: Wire.Digest, md5: Wire.Digest, suffix: String, mender: MenderArtifact? = nil,
        menderManifest: SignedManifest? = nil
    ) {
        (self.sha1, self.md5, self.suffix) = (sha1, md5, suffix)
        (self.mender, self.menderManifest) = (mender, menderManifest)
    }

    /// The same under another suffix, for what does not show its kind at its head.
    package func named(_ suffix: String) -> ArtifactForm { ArtifactForm(sha1: sha1, md5: md5, suffix: suffix) }

    /// Bytes in memory at once.
    private static let pieceBytes = 256 * 1024
    /// Of an artifact that may be packed: each byte of it can become a thousand.
    private static let packedBytes = 8 * 1024

    /// Streams the file; gives way to others after each piece. Refuses what claims to be a Mender artifact and is none.
    package static func read(_ path: String) async throws -> ArtifactForm {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(.unavailable, "The artifact cannot be read.", hint: "Upload it again.", retryAfterSeconds: 10)
        }
        defer { try? file.close() }
        let size = Int(try file.seekToEnd())
        try file.seek(toOffset: 0)
        var sha1 = Insecure.SHA1()
        var md5 = Insecure.MD5()
        var head: [UInt8] = []
        var mender: ArtifactReader?
        while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty {
            if head.isEmpty {
                head = Array(piece.prefix(1024))
                if ArtifactReader.isClaimed(by: Array(piece)) {
                    mender = ArtifactReader(limit: ArtifactReader.limit(ofArtifact: size))
                }
            }
            sha1.update(data: piece)
            md5.update(data: piece)
            await Task.yield()
            guard mender != nil else { continue }
            let bytes = Array(piece)
            for start in stride(from: 0, to: bytes.count, by: packedBytes) {
                try mender?.take(Array(bytes[start..<min(start + packedBytes, bytes.count)]))
                await Task.yield()
            }
        }
        let found = try mender?.finish()
        return ArtifactForm(
            sha1: Wire.Digest(sha1.finalize()), md5: Wire.Digest(md5.finalize()),
            suffix: found == nil ? suffix(of: head) : ".mender", mender: found?.artifact,
            menderManifest: found?.manifest)
    }

    /// SWUpdate's images are cpio archives ("newc", with and without checksums); RAUC's bundles are squashfs.
    package static func suffix(of head: [UInt8]) -> String {
        switch String(decoding: head.prefix(6), as: UTF8.self) {
        case "070701", "070702": ".swu"
        case let magic where magic.hasPrefix("hsqs"): ".raucb"
        default: ".bin"
        }
    }

    package func keep(for sha256: Wire.Digest, in rows: any Rows) throws {
        try rows.execute(
            """
            INSERT INTO artifact_form (sha256, sha1, md5, suffix, mender) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (sha256) DO UPDATE SET suffix = excluded.suffix, mender = excluded.mender
            """,
            [
                Value(sha256), Value(sha1), Value(md5), .text(suffix),
                Value(try mender.map { String(decoding: try CanonicalJSON.encode($0), as: UTF8.self) }),
            ])
    }

    package static func find(_ sha256: Wire.Digest, in rows: any Rows) throws -> ArtifactForm? {
        guard
            let row = try rows.first(
                "SELECT sha1, md5, suffix, mender FROM artifact_form WHERE sha256 = $1", [Value(sha256)])
        else { return nil }
        guard let sha1 = Wire.Digest(hex: try row.text("sha1")), let md5 = Wire.Digest(hex: try row.text("md5")) else {
            throw Row.damaged("sha1")
        }
        let mender = try row.optionalText("mender").map {
            try CanonicalJSON.decode(MenderArtifact.self, from: $0.utf8)
        }
        return ArtifactForm(sha1: sha1, md5: md5, suffix: try row.text("suffix"), mender: mender)
    }
}
