import Foundation
import Registry
import Release
import Wire

/// What opens an encrypted artifact, on its way from the maker to the key store's protection (`PayloadKeys`).
package struct PayloadSecret: Codable, Sendable, CustomStringConvertible, CustomReflectable {
    package var kind: EncryptedForm.Kind
    /// Base64. Of chunks the payload key; of a RAUC bundle the signed message from its end, in which the key stands; of an archive
    /// of SWUpdate its first entry, in which the keys stand.
    package var secret: String
    /// SHA-256 of the artifact as its maker has it: before it was encrypted, or whole.
    package var sha256: Digest
    package var size: Int

    package init(kind: EncryptedForm.Kind, secret: [UInt8], sha256: Digest, size: Int) {
        self.kind = kind
        self.secret = Base64.encode(secret)
        self.sha256 = sha256
        self.size = size
    }

    /// Whatever prints it prints no secret.
    package var description: String { "\(kind.rawValue) of \(sha256)" }
    package var customMirror: Mirror { Mirror(self, children: ["kind": kind.rawValue]) }

    private static let pieceBytes = 1 << 20

    /// Shows, before anybody is offered it, that the stored bytes are once they are opened what is said of them here.
    /// - Returns: the secret.
    func admit(_ path: String, of stored: Int) async throws -> [UInt8] {
        guard self.secret.utf8.count <= 2 * RAUCBundle.largestMessage, let secret = Base64.decode(self.secret),
            sha256.bytes.count == 32
        else {
            throw Refusal(
                .malformed, "The secret of the encrypted artifact is not base64, or too long.",
                hint: "Publish it with: lifelong release publish --encrypt", rule: "release: payload key")
        }
        var check = ArtifactCheck(sha256: sha256, size: size)
        switch kind {
        case .chunks:
            guard stored == EncryptedArtifact.size(of: size) else { throw otherSize }
            var opener = try ChunkOpener(key: secret, size: size)
            try await read(path) { try opener.take($0) { try check.take($0) } }
            try opener.finish()
            try check.finish()
        case .rauc:
            try RAUCBundle.demandCrypt(secret)
            let end = RAUCBundle.end(secret)
            guard stored % RAUCBundle.blockBytes == 0, size == stored + end.count else { throw otherSize }
            try await read(path) { try check.take($0) }
            try check.take(end)
            try check.finish()
        case .swupdate:
            try SWUpdateArchive.demand(secret, before: try begin(path))
            guard size == secret.count + stored else { throw otherSize }
            try check.take(secret)
            try await read(path) { try check.take($0) }
            try check.finish()
        }
        return secret
    }

    private func begin(_ path: String) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else { throw unreadable }
        defer { try? file.close() }
        return Array(try file.read(upToCount: SWUpdateArchive.peekBytes) ?? Data())
    }

    private var unreadable: Refusal {
        Refusal(.unavailable, "The artifact cannot be read.", hint: "Upload it again.", retryAfterSeconds: 10)
    }

    /// Streams the file; gives way to others after each piece.
    private func read(_ path: String, _ take: ([UInt8]) throws -> Void) async throws {
        guard let file = FileHandle(forReadingAtPath: path) else { throw unreadable }
        defer { try? file.close() }
        while let piece = try file.read(upToCount: Self.pieceBytes), !piece.isEmpty {
            try take(Array(piece))
            await Task.yield()
        }
    }

    private var otherSize: Refusal {
        Refusal(
            .malformed, "The encrypted artifact has not the size that belongs to one of \(size) bytes.",
            hint: "Publish it with: lifelong release publish --encrypt", rule: "release: size")
    }
}
