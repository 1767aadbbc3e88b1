import Crypto
import Foundation
import Release
import Use
import Wire

/// An artifact that was uploaded. Where it is to be encrypted, it is before it leaves this machine, once for everybody; its key goes
/// to the server beside it.
struct EncryptedUpload {
    /// What was uploaded.
    let sha256: Wire.Digest
    let size: Int
    /// Nil: it was uploaded as it is.
    var secret: PayloadSecret?

    static func run(_ path: String, encrypting: Bool, to client: RestClient) async throws -> EncryptedUpload {
        guard !encrypting else { return try await run(path, to: client) }
        let (sha256, size) = try await ArtifactFile.upload(path, to: client)
        return EncryptedUpload(sha256: sha256, size: size)
    }

    /// Of a RAUC bundle of the format `crypt`, and of an archive of SWUpdate with encrypted images, only the part with their keys is
    /// held back; anything else becomes chunks for our agent.
    private static func run(_ path: String, to client: RestClient) async throws -> EncryptedUpload {
        guard let file = FileHandle(forReadingAtPath: path) else { throw ArtifactFile.unreadable(path) }
        defer { try? file.close() }
        let size = Int(try file.seekToEnd())
        if let head = try archive(file) { return try await upload(file, size, behind: head, to: client) }
        if let range = try bundle(file, size) { return try await upload(file, size, message: range, to: client) }
        return try await encrypt(file, size, to: client)
    }

    // MARK: - RAUC

    private static func bundle(_ file: FileHandle, _ size: Int) throws -> Range<Int>? {
        guard size > RAUCBundle.trailerBytes else { return nil }
        try file.seek(toOffset: UInt64(size - RAUCBundle.trailerBytes))
        let trailer = try file.read(upToCount: RAUCBundle.trailerBytes) ?? Data()
        guard let range = RAUCBundle.message(in: size, trailer: Array(trailer)) else { return nil }
        // A DER SEQUENCE, and so hardly chance.
        try file.seek(toOffset: UInt64(range.lowerBound))
        return try file.read(upToCount: 1)?.first == 0x30 ? range : nil
    }

    private static func upload(
        _ file: FileHandle, _ size: Int, message range: Range<Int>, to client: RestClient
    ) async throws -> EncryptedUpload {
        try file.seek(toOffset: UInt64(range.lowerBound))
        let message = Array(try file.read(upToCount: range.count) ?? Data())
        try RAUCBundle.demandCrypt(message)
        var whole = SHA256()
        try file.seek(toOffset: 0)
        try pieces(of: file, range.lowerBound) { whole.update(data: $0) }
        let payload = Wire.Digest(whole.finalize())
        whole.update(data: RAUCBundle.end(message))
        try file.seek(toOffset: 0)
        try await client.upload(file, size: Int64(range.lowerBound), sha256: payload)
        return EncryptedUpload(
            sha256: payload, size: range.lowerBound,
            secret: PayloadSecret(
                kind: .rauc, secret: message, sha256: Wire.Digest(whole.finalize()), size: size))
    }

    // MARK: - SWUpdate

    /// The first entry of an archive of SWUpdate; nil if it is none.
    private static func archive(_ file: FileHandle) throws -> [UInt8]? {
        try file.seek(toOffset: 0)
        let begin = Array(try file.read(upToCount: SWUpdateArchive.largestHead) ?? Data())
        guard SWUpdateArchive.begins(begin) else { return nil }
        return Array(begin.prefix(try SWUpdateArchive.headBytes(begin)))
    }

    private static func upload(
        _ file: FileHandle, _ size: Int, behind head: [UInt8], to client: RestClient
    ) async throws -> EncryptedUpload {
        try file.seek(toOffset: UInt64(head.count))
        try SWUpdateArchive.demand(head, before: Array(try file.read(upToCount: SWUpdateArchive.peekBytes) ?? Data()))
        let stored = size - head.count
        var (rest, whole) = (SHA256(), SHA256())
        whole.update(data: head)
        try file.seek(toOffset: UInt64(head.count))
        try pieces(of: file, stored) {
            rest.update(data: $0)
            whole.update(data: $0)
        }
        let sha256 = Wire.Digest(rest.finalize())
        try file.seek(toOffset: UInt64(head.count))
        try await client.upload(file, size: Int64(stored), sha256: sha256)
        return EncryptedUpload(
            sha256: sha256, size: stored,
            secret: PayloadSecret(kind: .swupdate, secret: head, sha256: Wire.Digest(whole.finalize()), size: size))
    }

    // MARK: - Chunks

    private static func encrypt(_ file: FileHandle, _ size: Int, to client: RestClient) async throws -> EncryptedUpload
    {
        let key = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        var sealer = try ChunkSealer(key: key, size: size)
        let path = FileManager.default.temporaryDirectory.appending(path: "lifelong-\(UUID().uuidString)").path
        // Only what is encrypted already is in it.
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let stored = FileHandle(forUpdatingAtPath: path)
        else {
            throw Refusal(
                .unavailable, "No temporary file can be made at \(path).", hint: "Set TMPDIR to a folder with space.")
        }
        defer {
            try? stored.close()
            try? FileManager.default.removeItem(atPath: path)
        }
        var (plain, encrypted, count) = (SHA256(), SHA256(), 0)
        try file.seek(toOffset: 0)
        while sealer.next > 0 {
            let piece = Array(try file.read(upToCount: sealer.next) ?? Data())
            plain.update(data: piece)
            let sealed = try sealer.seal(piece)
            encrypted.update(data: sealed)
            try stored.write(contentsOf: sealed)
            count += sealed.count
        }
        let sha256 = Wire.Digest(encrypted.finalize())
        try stored.seek(toOffset: 0)
        try await client.upload(stored, size: Int64(count), sha256: sha256)
        return EncryptedUpload(
            sha256: sha256, size: count,
            secret: PayloadSecret(kind: .chunks, secret: key, sha256: Wire.Digest(plain.finalize()), size: size))
    }

    private static func pieces(of file: FileHandle, _ size: Int, _ take: (Data) -> Void) throws {
        var left = size
        while left > 0, let piece = try file.read(upToCount: min(left, 1 << 20)), !piece.isEmpty {
            take(piece)
            left -= piece.count
        }
    }
}
