import Passport
import Wire

/// Which devices: one small language that search, policy and rollouts share (docs/rollouts.md).
///
///     product = thermostat-2 and release < 7 and not (stage = quarantined or posture.channel in (beta, "field test"))
///
/// Printed, it is read again as the same. A condition over something that the device has not (no owner, never seen) does not
/// hold, and so its negation does.
package indirect enum Selector: Sendable, Hashable {
    case all
    case condition(Condition)
    case not(Selector)
    case and([Selector])
    case or([Selector])

    package struct Condition: Sendable, Hashable {
        package var field: Field
        package var test: Test
        package init(_ field: Field, _ test: Test) {
            self.field = field
            self.test = test
        }
    }

    package enum Test: Sendable, Hashable {
        case oneOf([String])
        case noneOf([String])
        case begins(String)
        /// A number, seconds, or the rung of a ladder (`Field.Kind.ladder`).
        case order(Order, Int64)
    }

    package enum Order: String, Sendable, CaseIterable {
        case below = "<"
        case atMost = "<="
        case above = ">"
        case atLeast = ">="

        func holds(_ a: Int64, _ b: Int64) -> Bool {
            switch self {
            case .below: a < b
            case .atMost: a <= b
            case .above: a > b
            case .atLeast: a >= b
            }
        }
    }

    /// Most bytes of a selector's text.
    package static let maximumBytes = 4096
    /// Most parentheses and negations inside each other.
    package static let maximumDepth = 32

    /// Both, without nesting what needs none.
    package static func every(of parts: [Selector]) -> Selector {
        let flat = parts.flatMap { part in if case .and(let inner) = part { inner } else { [part] } }
        return flat.count == 1 ? flat[0] : flat.isEmpty ? .all : .and(flat)
    }

    /// Either, without nesting what needs none.
    package static func any(of parts: [Selector]) -> Selector {
        let flat = parts.flatMap { part in if case .or(let inner) = part { inner } else { [part] } }
        return flat.count == 1 ? flat[0] : flat.isEmpty ? .not(.all) : .or(flat)
    }

    package func matches(_ facts: DeviceFacts) -> Bool {
        switch self {
        case .all: true
        case .condition(let condition): condition.holds(facts)
        case .not(let inner): !inner.matches(facts)
        case .and(let parts): parts.allSatisfy { $0.matches(facts) }
        case .or(let parts): parts.contains { $0.matches(facts) }
        }
    }
}

extension Selector.Condition {
    func holds(_ facts: DeviceFacts) -> Bool {
        switch test {
        case .oneOf(let values): facts.word(field).map(values.contains) ?? false
        case .noneOf(let values): !(facts.word(field).map(values.contains) ?? false)
        case .begins(let start): facts.word(field)?.hasPrefix(start) ?? false
        case .order(let order, let bound): facts.number(field).map { order.holds($0, bound) } ?? false
        }
    }
}

/// In JSON a selector is its text.
extension Selector: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        do {
            self = try Selector(text)
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\(error.detail) \(error.hint)"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
