import Wire

/// Which token, how to get in, and how much it may be asked at once.
package struct TokenSettings: Sendable {
    /// How the token is told from others in the same module; without any, the only one there.
    package enum Choice: Sendable, Equatable, CustomStringConvertible {
        case label(String)
        case serial(String)
        case slot(UInt)
        case only

        package var description: String {
            switch self {
            case .label(let label): "\"\(label)\""
            case .serial(let serial): "with serial \(serial)"
            case .slot(let slot): "in slot \(slot)"
            case .only: "of the module"
            }
        }
    }

    /// Absolute path of the PKCS#11 library.
    package var module: String
    package var token: Choice
    package var pin: PINSource
    /// Stands before every label in the token, so that two houses can share one.
    package var prefix = ""
    /// Sessions at most: how many signatures the token is asked for at once.
    package var sessions = 8
    /// Callers that may wait for a session; more are told to come back.
    package var waiting = 256
    /// Seconds that a caller waits for its answer, its turn included.
    package var timeoutSeconds = 10.0

    package init(module: String, token: Choice, pin: PINSource) {
        self.module = module
        self.token = token
        self.pin = pin
    }
}
