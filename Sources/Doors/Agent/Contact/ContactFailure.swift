import AsyncHTTPClient
import NIOCore
import NIOSSL
import Wire

/// Why a call to the service had no result.
package enum ContactFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The service answered, and said no.
    case refused(Refusal)
    /// Nobody answered, or not in time.
    case unreachable(Refusal)
    /// Whoever answered could not prove to be the service.
    case untrusted(Refusal)
    /// The answer was not what the interface promises.
    case nonsense(Refusal)
    /// The fault is on this side: the disk, a key, or what the caller handed in.
    case local(Refusal)

    package var refusal: Refusal {
        switch self {
        case .refused(let it), .unreachable(let it), .untrusted(let it), .nonsense(let it), .local(let it): it
        }
    }

    package var description: String { refusal.description }

    /// The certificate that was shown is not, or no longer, good for what was asked.
    package var deniesIdentity: Bool {
        guard case .refused(let refusal) = self else { return false }
        return refusal.code == .unauthenticated || refusal.code == .forbidden
    }

    /// Whether the same request can never succeed, so that repeating it is idle.
    package var isFinal: Bool {
        guard case .refused(let refusal) = self else { return false }
        switch refusal.code {
        case .malformed, .notFound, .conflict, .gone, .tooLarge, .unsupported: return true
        case .unauthenticated, .forbidden, .tooMany, .internal, .unavailable: return false
        }
    }

    static func from(_ error: any Error, service: String) -> ContactFailure {
        switch error {
        case let failure as ContactFailure: failure
        case let refusal as Refusal: .local(refusal)
        case is TimedOut: timedOut(service)
        case let error as HTTPClientError
        where error == .deadlineExceeded || error == .readTimeout
            || error == .connectTimeout || error == .tlsHandshakeTimeout || error == .getConnectionFromPoolTimeout:
            timedOut(service)
        case is NIOTooManyBytesError:
            .nonsense(
                Refusal(
                    .tooLarge, "The answer of \(service) is larger than allowed.", hint: "Check the service's version.")
            )
        case let error where isDistrust(error):
            .untrusted(
                Refusal(
                    .unauthenticated,
                    "The certificate of \(service) does not chain to the anchors from birth, or is for another name.",
                    hint: "Check the address of the service, its certificate, and this device's clock.",
                    rule: "RFC 7030 §3.6.1"))
        default:
            .unreachable(
                Refusal(
                    .unavailable, "No answer from \(service): \(String("\(error)".prefix(200))).",
                    hint: "Check the network and that the service runs."))
        }
    }

    private static func timedOut(_ service: String) -> ContactFailure {
        .unreachable(
            Refusal(
                .unavailable, "No answer from \(service) in time.", hint: "Check the network and that the service runs."
            ))
    }

    private static func isDistrust(_ error: any Error) -> Bool {
        if let extra = error as? NIOSSLExtraError { return extra == .failedToValidateHostname }
        guard error is NIOSSLError || error is BoringSSLError else { return false }
        // BoringSSL's reason has no typed form across NIOSSL's interface.
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
    }
}

struct TimedOut: Error {}

/// Runs `work`, but not longer than `limit`.
func within<T: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> T
) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else { throw TimedOut() }
        return value
    }
}
