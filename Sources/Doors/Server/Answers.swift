import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Wire

/// The one place where values and refusals become HTTP answers.
package enum Answers {
    package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        bytes(try CanonicalJSON.encode(value), type: "application/json", status: status)
    }

    package static func bytes(
        _ bytes: some Collection<UInt8>, type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: Array(bytes))))
    }

    /// The refusal as JSON, with its status and, where waiting helps, Retry-After.
    package static func refusal(_ refusal: Refusal) -> Response {
        var shown = refusal
        if refusal.code == .internal {
            shown = Refusal(
                .internal, "Something inside went wrong; nothing was changed by this request.",
                hint: "Try again; if it stays, look into the server's log.")
        }
        let body = (try? CanonicalJSON.encode(shown)) ?? Array("{}".utf8)
        var response = bytes(body, type: "application/json", status: .init(code: refusal.httpStatus))
        if let seconds = refusal.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    /// Whatever was thrown, as a refusal; what is not one is logged here and told to nobody.
    package static func asRefusal(_ error: any Error, log: Logger) -> Refusal {
        switch error {
        case let refusal as Refusal:
            if refusal.code == .internal { log.error("internal", metadata: ["refusal": "\(refusal)"]) }
            return refusal
        case let error as any HTTPResponseError:
            switch error.status.code {
            case 404:
                return Refusal(.notFound, "There is nothing at this path.", hint: "See docs/openapi for the paths.")
            case 405:
                return Refusal(
                    .notFound, "This path does not know the method.", hint: "See docs/openapi for the methods.")
            case 413: return Refusal(.tooLarge, "The body is larger than allowed.", hint: "Send a smaller one.")
            default: return Refusal(.malformed, "The request cannot be read.", hint: "Send well-formed HTTP/1.1.")
            }
        case is CancellationError:
            return Refusal(.unavailable, "The server is stopping.", hint: "Try again.", retryAfterSeconds: 2)
        default:
            log.error("unexpected error", metadata: ["type": "\(type(of: error))", "error": "\(error)"])
            return Refusal(.internal, "unexpected", hint: "Look into the server's log.")
        }
    }
}

/// Reading bodies within bounds of size and time.
package enum Bodies {
    /// A body that takes longer than this, in seconds, is given up: it would hold a connection for ever.
    package static let limitSeconds: Int64 = 30

    package static func collect(
        _ request: Request, limit: Int, seconds limitSeconds: Int64 = limitSeconds
    ) async throws -> [UInt8] {
        if let stated = request.headers[.contentLength].flatMap({ Int($0) }), stated > limit { throw tooLarge(limit) }
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            let body = request.body
            group.addTask {
                var bytes: [UInt8] = []
                for try await part in body {
                    guard bytes.count + part.readableBytes <= limit else { throw tooLarge(limit) }
                    bytes += part.readableBytesView
                }
                return bytes
            }
            group.addTask {
                try await Task.sleep(for: .seconds(limitSeconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let bytes = first else {
                throw Refusal(
                    .malformed, "The body did not arrive within \(limitSeconds) seconds.",
                    hint: "Send it faster, or in smaller requests.", rule: "slow body")
            }
            return bytes
        }
    }

    private static func tooLarge(_ limit: Int) -> Refusal {
        Refusal(.tooLarge, "The body is larger than \(limit) bytes.", hint: "Send a smaller one.")
    }
}
