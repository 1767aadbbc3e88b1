import Crypto
import Foundation
import Glibc
import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Registry
import Wire

/// `PUT /api/v1/artifacts/{sha256}`: the bytes of a release's artifact, before the release is published.
///
/// Streams to a temporary file beside the others; only what has the hash of its name is synced and renamed into place,
/// so that an artifact in the folder is whole. Sending it twice does no harm.
struct Artifacts: Sendable {
    let house: House
    /// Most bytes of one.
    let limit: Int

    package struct Answer: Codable, Sendable {
        package var sha256: Wire.Digest
        package var size: Int
    }

    var route: PeopleRoute {
        PeopleRoute(
            method: .put, path: "\(PeopleRoute.prefix)/artifacts/{sha256}",
            summary: "Uploads an artifact under its SHA-256.", tag: "use", request: "application/octet-stream",
            reply: "ArtifactAnswer"
        ) { request, context in
            let principal = try context.principal
            try Access.demand(.publish, of: principal)
            try request.demandMediaType("application/octet-stream")
            guard let name = context.parameters.get("sha256"), name.utf8.count == 64, name == name.lowercased(),
                let sha256 = Wire.Digest(hex: name)
            else {
                throw Refusal(
                    .malformed, "The path does not end in a SHA-256.", hint: "Use 64 lower-case hexadecimal digits.")
            }
            return try .json(try await take(request, as: sha256, by: principal), status: .created)
        }
    }

    /// At the server's start: what a crash left of uploads.
    static func sweep(_ folder: String) { Upload.sweep(folder) }

    private func take(_ request: Request, as sha256: Wire.Digest, by principal: Principal) async throws -> Answer {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
        let upload = try Upload(folder: house.artifacts.path)
        do {
            var hasher = SHA256()
            var size = 0
            for try await chunk in request.body {
                let bytes = Array(buffer: chunk)
                size += bytes.count
                guard size <= limit else { throw tooLarge }
                hasher.update(data: bytes)
                try await NIOThreadPool.singleton.runIfActive { try upload.write(bytes) }
            }
            guard size > 0 else {
                throw Refusal(.malformed, "The artifact is empty.", hint: "Send its bytes as the body.")
            }
            let found = Wire.Digest(hasher.finalize())
            guard found == sha256 else {
                throw Refusal(
                    .conflict, "The bytes have the SHA-256 \(found).",
                    hint: "Upload under that name, or send the right file.",
                    rule: "artifact: named by its hash")
            }
            try await upload.keep(as: sha256, in: house, by: principal)
            return Answer(sha256: sha256, size: size)
        } catch {
            upload.discard()
            throw error
        }
    }

    private var tooLarge: Refusal {
        Refusal(.tooLarge, "The artifact has more than \(limit) bytes.", hint: "Send a smaller one.")
    }
}

/// One temporary file that is either kept, durably, or removed.
final class Upload: Sendable {
    private let folder: String
    private let path: String
    private let descriptor: Int32

    init(folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        path = folder + "/\(Self.prefix)\(UUID().uuidString)"
        descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        // Held for as long as it grows: without its lock it is a leftover.
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw Self.refusal("made") }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Self.refusal("written")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Under its name, of which nobody prunes it from here on.
    func keep(as sha256: Wire.Digest, in house: House, by principal: Principal) async throws {
        let wasRemoved = try await ArtifactRecords.expect(sha256, in: house, as: principal)
        try await NIOThreadPool.singleton.runIfActive { [self] in try keep(as: sha256.description) }
        if wasRemoved { try await ArtifactRecords.arrive(sha256, in: house, as: principal) }
    }

    private func keep(as name: String) throws {
        guard fsync(descriptor) == 0, rename(path, folder + "/" + name) == 0 else { throw Self.refusal("kept") }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Self.refusal("kept") }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Self.refusal("kept") }
    }

    func discard() { unlink(path) }

    private static let prefix = ".upload-"

    /// Removes what uploads left behind whose server was killed; those that go on, here or on another node, are locked.
    static func sweep(_ folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasPrefix(prefix) {
            let file = open(folder + "/" + name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(folder + "/" + name) }
            close(file)
        }
    }

    private static func refusal(_ what: String) -> Refusal {
        let isFull = errno == ENOSPC || errno == EDQUOT
        return Refusal(
            .unavailable, isFull ? "The disk is full; nothing was kept." : "The artifact could not be \(what).",
            hint: isFull ? "Free space, then send it again." : "Check the owner and mode of the artifact folder.",
            retryAfterSeconds: 30)
    }
}
