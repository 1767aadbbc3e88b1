/// The one error that crosses a door: what was wrong, why, and what to do about it.
///
/// Doors turn it into HTTP or terminal text in one place each. Anything that is not a `Refusal` is reported as
/// `internal` and logged, never shown. `hint` is an imperative that the reader can obey.
package struct Refusal: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    /// The closed list of reasons; each maps to one HTTP status (`httpStatus`).
    package enum Code: String, Codable, Sendable, CaseIterable {
        /// The bytes are not what the format demands (400).
        case malformed
        /// Nobody was authenticated, or with something that is not valid (401).
        case unauthenticated
        /// Authenticated, but the stage, the role or a policy says no (403).
        case forbidden
        /// There is no such thing (404).
        case notFound
        /// It collides with what is already there, or with the present state (409).
        case conflict
        /// It was there and is over: expired, used up, superseded (410).
        case gone
        /// More bytes than the bound allows (413).
        case tooLarge
        /// The sender has not the right media type (415).
        case unsupported
        /// Too many attempts; wait (429).
        case tooMany
        /// A broken promise inside; details are in the server's log only (500).
        case `internal`
        /// The service cannot do it now: disk full, database locked, key store away (503).
        case unavailable
    }

    package var code: Code
    /// One sentence: what was wrong.
    package var detail: String
    /// One imperative sentence: what to do.
    package var hint: String
    /// The rule that refused, for a reader of `docs/stages.md` or of a standard ("RFC 7030 §4.2.2", "stage retired: pair").
    package var rule: String?
    /// Seconds after which a new attempt makes sense, for `tooMany` and `unavailable`.
    package var retryAfterSeconds: Int?

    package init(_ code: Code, _ detail: String, hint: String, rule: String? = nil, retryAfterSeconds: Int? = nil) {
        self.code = code
        self.detail = detail
        self.hint = hint
        self.rule = rule
        self.retryAfterSeconds = retryAfterSeconds
    }

    package var description: String {
        "\(code.rawValue): \(detail)" + (rule.map { " [\($0)]" } ?? "") + " — \(hint)"
    }

    /// RFC 9110 status of the code.
    package var httpStatus: Int {
        switch code {
        case .malformed: 400
        case .unauthenticated: 401
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .gone: 410
        case .tooLarge: 413
        case .unsupported: 415
        case .tooMany: 429
        case .internal: 500
        case .unavailable: 503
        }
    }
}
