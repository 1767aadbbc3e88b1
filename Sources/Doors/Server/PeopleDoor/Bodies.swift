import HTTPTypes
import Hummingbird
import NIOCore
import Wire

/// Reading bodies of people's requests within bounds of size and time.
enum Bodies {
    /// A body that takes longer than this, in seconds, is given up: it would hold a connection for ever.
    static let limitSeconds: Int64 = 30

    static func collect(_ request: Request, limit: Int, seconds: Int64 = limitSeconds) async throws -> [UInt8] {
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
                try await Task.sleep(for: .seconds(seconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let bytes = first else {
                throw Refusal(
                    .malformed, "The body did not arrive within \(seconds) seconds.",
                    hint: "Send it faster, or in smaller requests.", rule: "slow body")
            }
            return bytes
        }
    }

    private static func tooLarge(_ limit: Int) -> Refusal {
        Refusal(
            .tooLarge, "The body has more than \(limit) bytes.", hint: "Send a smaller one, or send it in parts.")
    }
}
