/// How long to wait after contacts that failed: a random part of a bound that doubles from one second to ten minutes ("full
/// jitter"), on top of what the service asked for. A fleet that was refused in one moment does not come back in one.
package struct Patience: Sendable, Equatable {
    static let longest = 600.0
    /// Never less than this, in seconds: a service that is down is not asked in a loop.
    static let shortest = 0.1
    private var failures = 0

    package init() {}

    package mutating func reset() { failures = 0 }

    /// - Parameters:
    ///   - asked: seconds that the service asked to wait; never less is waited.
    ///   - chance: 0 to 1.
    package mutating func next(asked: Int?, chance: Double) -> Duration {
        let asked = Double(min(max(asked ?? 0, 0), 86_400))
        // Everybody may have been told the same number: spread over as long again.
        let bound = max(min(Self.longest, Double(1 << min(failures, 20))), asked)
        failures += 1
        return .seconds(max(Self.shortest, asked + bound * chance))
    }

    /// A steady interval, moved by a tenth either way.
    package static func around(_ interval: Duration, chance: Double) -> Duration {
        interval * (0.9 + chance / 5)
    }
}
