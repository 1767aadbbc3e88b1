/// A selector as it is typed: read again, it is the same.
extension Selector: CustomStringConvertible {
    package var description: String {
        switch self {
        case .all: "all"
        case .condition(let condition): condition.description
        case .not(let inner): "not \(inner.operand(isLoose: inner.isAnd || inner.isOr))"
        case .and(let parts): parts.map { $0.operand(isLoose: $0.isOr || $0.isAnd) }.joined(separator: " and ")
        case .or(let parts): parts.map { $0.operand(isLoose: $0.isOr) }.joined(separator: " or ")
        }
    }

    private var isAnd: Bool { if case .and = self { true } else { false } }
    private var isOr: Bool { if case .or = self { true } else { false } }
    private func operand(isLoose: Bool) -> String { isLoose ? "(\(description))" : description }
}

extension Selector.Condition: CustomStringConvertible {
    package var description: String {
        switch test {
        case .oneOf(let values): "\(field.name) \(Self.list(values, one: "=", many: "in"))"
        case .noneOf(let values): "\(field.name) \(Self.list(values, one: "!=", many: "not in"))"
        case .begins(let start): "\(field.name) ~ \(Self.quoted(start))"
        case .order(let order, let bound): "\(field.name) \(order.rawValue) \(shown(bound))"
        }
    }

    private static func list(_ values: [String], one: String, many: String) -> String {
        values.count == 1
            ? "\(one) \(quoted(values[0]))" : "\(many) (\(values.map(quoted).joined(separator: ", ")))"
    }

    private func shown(_ bound: Int64) -> String {
        switch field.kind {
        case .ladder(let rungs): rungs.indices.contains(Int(bound)) ? rungs[Int(bound)] : "\(bound)"
        case .duration: Self.duration(bound)
        default: "\(bound)"
        }
    }

    /// In the largest unit that says it without a rest.
    private static func duration(_ seconds: Int64) -> String {
        let unit = SelectorParser.units.first { seconds > 0 && seconds % $0.seconds == 0 }
        return unit.map { "\(seconds / $0.seconds)\($0.letter)" } ?? "\(seconds)s"
    }

    private static func quoted(_ value: String) -> String {
        guard
            value.isEmpty || !value.unicodeScalars.allSatisfy(SelectorParser.isWord)
                || SelectorParser.keywords.contains(value)
        else { return value }
        return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
