import Logging
import Wire

/// The one place where what was thrown becomes a refusal, and a refusal becomes bytes, on the planes that devices and
/// anybody call; and what the other side may see of one, on all planes.
package enum Answers {
    /// The refusal as JSON, as the other side may see it.
    package static func shown(_ refusal: Refusal) -> [UInt8] {
        (try? CanonicalJSON.encode(face(of: refusal))) ?? Array("{}".utf8)
    }

    /// What is internal is for the log: it may quote the database or a key store.
    static func face(of refusal: Refusal) -> Refusal {
        guard refusal.code == .internal else { return refusal }
        return Refusal(
            .internal, "Something inside went wrong; nothing was changed by this request.",
            hint: "Try again; if it stays, look into the server's log.")
    }

    /// Whatever was thrown, as a refusal; what is not one is logged here and told to nobody.
    package static func asRefusal(_ error: any Error, log: Logger) -> Refusal {
        switch error {
        case let refusal as Refusal:
            if refusal.code == .internal { log.error("internal", metadata: ["refusal": "\(refusal)"]) }
            return refusal
        case is CancellationError:
            return Refusal(.unavailable, "The server is stopping.", hint: "Try again.", retryAfterSeconds: 2)
        default:
            log.error("unexpected error", metadata: ["type": "\(type(of: error))", "error": "\(loggable(error))"])
            return Refusal(.internal, "unexpected", hint: "Look into the server's log.")
        }
    }

    /// What a log may say of an error: one that quotes what was sent is not repeated, because that may be a secret.
    static func loggable(_ error: any Error) -> String {
        error is DecodingError || error is EncodingError ? "not shown" : String(String(describing: error).prefix(500))
    }
}
