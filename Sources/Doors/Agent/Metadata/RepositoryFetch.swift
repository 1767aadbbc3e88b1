import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import TUF
import Wire

/// Files of a repository over HTTP, never more bytes than asked for and never slower than bearable.
package struct RepositoryFetch: Sendable {
    let transport: DeviceTransport
    /// Base of metadata; with or without a "/" at its end.
    let metadata: String
    /// Nil where the repository is open to anybody.
    let tls: TLSConfiguration?

    package init(transport: DeviceTransport, metadata: String, tls: TLSConfiguration? = nil) {
        self.transport = transport
        self.metadata = metadata
        self.tls = tls
    }

    /// Bytes of an answer that there is no such file, which nobody reads.
    private static let largestAbsence = 16 * 1024

    /// A metadata file; nil where the repository does not have it.
    func metadata(_ request: MetadataRequest) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        let isThere = try await file(Self.join(metadata, request.remoteName)) { piece in
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

    package static func join(_ base: String, _ name: String) -> String {
        base.hasSuffix("/") ? base + name : "\(base)/\(name)"
    }

    /// False where there is no such file; 403 is how some stores say that.
    package func file(_ address: String, _ take: (UnsafeRawBufferPointer) throws -> Void) async throws -> Bool {
        do {
            return try await exchange(address, take)
        } catch let refusal as MetadataRefusal {
            throw refusal
        } catch {
            throw ContactFailure.from(error, service: address)
        }
    }

    private func exchange(
        _ address: String, _ take: (UnsafeRawBufferPointer) throws -> Void
    ) async throws -> Bool {
        var request = HTTPClientRequest(url: address)
        request.tlsConfiguration = tls
        request.headers.add(name: "User-Agent", value: DeviceClient.agent)
        let response = try await transport.http.execute(
            request, deadline: .now() + TimeAmount(transport.limits.exchange))
        if [.notFound, .forbidden].contains(response.status) {
            var left = Self.largestAbsence
            // Read to its end, so that the connection serves the next request too.
            try await stream(response.body) { piece in
                left -= piece.count
                guard left >= 0 else { throw Self.failure("says at great length that a file is missing") }
            }
            return false
        }
        guard response.status == .ok else { throw Self.failure("answers \(response.status.code)") }
        try await stream(response.body, take)
        return true
    }

    private func stream(
        _ body: HTTPClientResponse.Body, _ take: (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        let clock = ContinuousClock()
        let began = clock.now
        var count = 0
        for try await piece in body {
            count += piece.readableBytes
            try piece.withUnsafeReadableBytes { try take($0) }
            // One byte now and then would hold the update for ever without ever being silent.
            let allowed = (began.duration(to: clock.now) - transport.limits.silence).components.seconds
            guard allowed <= 0 || count >= Int(allowed) * transport.limits.slowestBytesPerSecond else {
                throw Self.failure("sends too slowly")
            }
        }
        // A cancelled body ends early without an error.
        try Task.checkCancellation()
    }

    private static func failure(_ what: String) -> ContactFailure {
        .unreachable(
            Refusal(
                .unavailable, "The repository of update metadata \(what).",
                hint: "Look at its server, or at what stands between."))
    }
}

extension DeviceClient {
    /// Update metadata at the service itself.
    func repository() -> RepositoryFetch {
        RepositoryFetch(transport: transport, metadata: service + DeviceAPI.metadata, tls: tls)
    }
}
