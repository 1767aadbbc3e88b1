/// How long to wait after contacts that failed: doubling from one second to ten minutes, spread so that a fleet does not
/// come back in one moment, and never less than the service asked for.
package struct Patience: Sendable, Equatable {
    static let longest = 600.0
    private var failures = 0

    package init() {}

    package mutating func reset() { failures = 0 }

    /// - Parameters:
    ///   - asked: seconds that the service asked to wait.
    ///   - chance: 0 to 1.
    package mutating func next(asked: Int?, chance: Double) -> Duration {
        let bound = min(Self.longest, Double(1 << min(failures, 20)))
        failures += 1
        let spread = bound / 2 + bound / 2 * chance
        return .seconds(max(spread, Double(asked ?? 0) * (1 + chance / 10)))
    }

    /// A steady interval, moved by a tenth either way.
    package static func around(_ interval: Duration, chance: Double) -> Duration {
        interval * (0.9 + chance / 5)
    }
}
