import Agent
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TUF
import Wire

/// Files of a repository over HTTP, never more bytes than asked for and never slower than bearable.
struct RepositoryFetch {
    let transport: DeviceTransport
    /// Base of metadata; with or without a "/" at its end.
    let metadata: String
    let targets: String?

    /// A metadata file; nil where the repository does not have it.
    func metadata(_ request: MetadataRequest) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        let isThere = try await stream(Self.join(metadata, request.remoteName)) { piece in
            guard piece.count <= request.limit - bytes.count else {
                throw MetadataRefusal(
                    request.role, "5.3.3", .tooLarge(bytes: bytes.count + piece.count, limit: request.limit))
            }
            bytes += piece
        }
        return isThere ? bytes : nil
    }

    func demanded(_ request: MetadataRequest) async throws -> [UInt8] {
        guard let bytes = try await metadata(request) else {
            throw MetadataRefusal(request.role, "5.3.3", .notFetched)
        }
        return bytes
    }

    func target(_ target: FoundTarget, _ take: (UnsafeRawBufferPointer) throws -> Void) async throws {
        guard let targets, try await stream(Self.join(targets, target.remotePath), take) else {
            throw MetadataRefusal(target.role, "5.7.3", .notFetched)
        }
    }

    private static func join(_ base: String, _ name: String) -> String {
        base.hasSuffix("/") ? base + name : "\(base)/\(name)"
    }

    /// False where there is no such file; 403 is how some stores say that.
    private func stream(_ address: String, _ take: (UnsafeRawBufferPointer) throws -> Void) async throws -> Bool {
        var request = HTTPClientRequest(url: address)
        request.headers.add(name: "User-Agent", value: "lifelong-tuf-client/0.1.0")
        let response = try await transport.http.execute(
            request, deadline: .now() + TimeAmount(transport.limits.exchange))
        if [.notFound, .forbidden].contains(response.status) { return false }
        guard response.status == .ok else {
            throw Refusal(
                .unavailable, "The repository answers \(response.status.code).", hint: "Look at its server's log.")
        }
        let clock = ContinuousClock()
        let began = clock.now
        var count = 0
        for try await piece in response.body {
            count += piece.readableBytes
            try piece.withUnsafeReadableBytes { try take($0) }
            // One byte now and then would hold the update for ever without ever being silent.
            let allowed = (began.duration(to: clock.now) - transport.limits.silence).components.seconds
            guard allowed <= 0 || count >= Int(allowed) * transport.limits.slowestBytesPerSecond else {
                throw Refusal(.unavailable, "The repository sends too slowly.", hint: "Try again, or another mirror.")
            }
        }
        try Task.checkCancellation()
        return true
    }
}
