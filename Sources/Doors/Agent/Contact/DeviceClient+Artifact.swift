import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Wire

/// Artifacts: streamed, continued where they ended, and bounded in size and in time.
extension DeviceClient {
    /// Asks for the bytes of `path` from `offset` on (RFC 9110 §14, with If-Range) and hands them over as they arrive.
    ///
    /// - Parameters:
    ///   - etag: entity tag of the bytes that are there already; without it the artifact begins anew.
    ///   - begin: called once before the first byte: where the bytes really begin (`offset` or 0), and their entity tag.
    ///   - take: called with every piece, in order; what it throws ends the transfer.
    package func artifact(
        _ path: String, from offset: Int, etag: String?, begin: (Int, String?) throws -> Void,
        take: ([UInt8]) throws -> Void
    ) async throws(ContactFailure) {
        let began = ContinuousClock.now
        do throws(ContactFailure) {
            try await fetch(path, from: offset, etag: etag, begin: begin, take: take)
            transport.observe?(.now - began, nil)
        } catch {
            transport.observe?(.now - began, error)
            throw error
        }
    }

    /// Asks for the delta from the release that runs to the artifact at `path`.
    /// - Returns: false if the service has none, or does not know what that is.
    package func delta(
        _ path: String, from digest: Wire.Digest, take: ([UInt8]) throws -> Void
    ) async throws(ContactFailure) -> Bool {
        do throws(ContactFailure) {
            try await fetch(
                path + DeviceAPI.deltaFrom + "\(digest)", from: 0, etag: nil, begin: { _, _ in }, take: take)
            return true
        } catch {
            guard case .refused(let refusal) = error, [.notFound, .malformed].contains(refusal.code) else {
                throw error
            }
            return false
        }
    }

    private func fetch(
        _ path: String, from offset: Int, etag: String?, begin: (Int, String?) throws -> Void,
        take: ([UInt8]) throws -> Void
    ) async throws(ContactFailure) {
        var request = try request(.GET, path)
        let continues = offset > 0 && etag != nil
        if continues, let etag {
            request.headers.add(name: "Range", value: "bytes=\(offset)-")
            request.headers.add(name: "If-Range", value: etag)
        }
        do {
            let response = try await transport.http.execute(
                request, deadline: .now() + TimeAmount(transport.limits.exchange))
            if continues, response.status == .rangeNotSatisfiable {
                // What is here is longer than what is there: begin anew.
                return try await fetch(path, from: 0, etag: nil, begin: begin, take: take)
            }
            let start = try await Self.start(of: response, asked: continues ? offset : 0)
            try begin(start, Self.strongTag(response.headers))
            try await stream(response.body, take)
        } catch let failure as ContactFailure {
            throw failure
        } catch {
            throw .from(error, service: service)
        }
    }

    private func stream(_ body: HTTPClientResponse.Body, _ take: ([UInt8]) throws -> Void) async throws {
        let clock = ContinuousClock()
        let began = clock.now
        var count = 0
        for try await piece in body {
            try Task.checkCancellation()
            count += piece.readableBytes
            try take(Array(piece.readableBytesView))
            // One byte now and then would hold the update for ever without ever being silent.
            let elapsed = began.duration(to: clock.now)
            let allowed = (elapsed - transport.limits.silence).components.seconds
            guard allowed <= 0 || count >= Int(allowed) * transport.limits.slowestBytesPerSecond else {
                throw ContactFailure.unreachable(
                    Refusal(
                        .unavailable,
                        "The artifact arrives too slowly: \(count) bytes in \(elapsed.components.seconds) s.",
                        hint: "The rest is fetched at the next attempt."))
            }
            // What is not read fills the socket's buffers, and TCP slows the sender down.
            if let fastest = transport.limits.fastestBytesPerSecond {
                let early = .seconds(Double(count) / Double(fastest)) - began.duration(to: clock.now)
                if early > .zero { try await Task.sleep(for: min(early, transport.limits.silence / 2)) }
            }
        }
        // A cancelled body ends early without an error.
        try Task.checkCancellation()
    }

    /// Where the bytes of an answer begin.
    private static func start(of response: HTTPClientResponse, asked: Int) async throws -> Int {
        switch response.status.code {
        case 200: return 0
        case 206 where asked > 0:
            let range = response.headers.first(name: "Content-Range") ?? ""
            guard range.hasPrefix("bytes \(asked)-") else {
                throw ContactFailure.nonsense(
                    Refusal(
                        .malformed, "The service sent another range than asked for.",
                        hint: "Check what stands between.",
                        rule: "RFC 9110 §14.4"))
            }
            return asked
        default:
            let body = try await response.body.collect(upTo: 64 * 1024)
            let answer = Answer(
                status: Int(response.status.code), headers: response.headers, body: Array(body.readableBytesView))
            throw ContactFailure.refused(refusal(of: answer))
        }
    }

    /// Only a strong tag can vouch for single bytes (RFC 9110 §13.1.5).
    private static func strongTag(_ headers: HTTPHeaders) -> String? {
        guard let tag = headers.first(name: "ETag"), tag.hasPrefix("\""), tag.utf8.count <= 256 else { return nil }
        return tag
    }
}
