import Wire

extension Selector {
    /// Every field that is asked about.
    package var fields: Set<Field> {
        switch self {
        case .all: []
        case .condition(let condition): [condition.field]
        case .not(let inner): inner.fields
        case .and(let parts), .or(let parts): parts.reduce(into: []) { $0.formUnion($1.fields) }
        }
    }

    /// The same with each group replaced by what it means.
    package func resolved(_ meaning: (String) throws -> Selector) throws -> Selector {
        switch self {
        case .all: return self
        case .not(let inner): return .not(try inner.resolved(meaning))
        case .and(let parts): return .every(of: try parts.map { try $0.resolved(meaning) })
        case .or(let parts): return .any(of: try parts.map { try $0.resolved(meaning) })
        case .condition(let condition):
            guard condition.field == .group else { return self }
            switch condition.test {
            case .oneOf(let names): return .any(of: try names.map(meaning))
            case .noneOf(let names): return .not(.any(of: try names.map(meaning)))
            case .begins, .order:
                throw Refusal(
                    .malformed, "A group is named in full.", hint: "Use group = NAME, or group in (A, B).",
                    rule: "selector")
            }
        }
    }
}
