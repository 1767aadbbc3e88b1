import Passport
import Wire

extension Selector {
    /// What a store can look up before anything is judged: whatever the selector matches is of these products and in these
    /// stages; nil is any. More than the selector matches, never less.
    package struct Narrowing: Sendable, Equatable {
        package var products: Set<String>?
        package var stages: Set<Stage>?

        package init(products: Set<String>? = nil, stages: Set<Stage>? = nil) {
            self.products = products
            self.stages = stages
        }
    }

    package var narrowing: Narrowing {
        let stages = values(of: .stage, all: Set(Stage.allCases.map(\.rawValue)), negated: false)
        return Narrowing(
            products: values(of: .product, all: nil, negated: false),
            stages: stages.map { Set($0.compactMap(Stage.init(rawValue:))) })
    }

    /// - Parameter all: every value that there is, if that is known: only then a negation says which are left.
    private func values(of field: Field, all: Set<String>?, negated: Bool) -> Set<String>? {
        switch self {
        case .all: return negated ? [] : nil
        case .not(let inner): return inner.values(of: field, all: all, negated: !negated)
        case .condition(let condition):
            guard condition.field == field else { return nil }
            switch condition.test {
            case .oneOf(let values): return negated ? all?.subtracting(values) : Set(values)
            case .noneOf(let values): return negated ? Set(values) : all?.subtracting(values)
            case .begins, .order: return nil
            }
        case .and(let parts), .or(let parts):
            let found = parts.map { $0.values(of: field, all: all, negated: negated) }
            // A negated "or" is an "and" of negations (De Morgan).
            var isBoth = negated
            if case .and = self { isBoth = !negated }
            guard isBoth else {
                return found.contains(nil) ? nil : found.reduce(into: Set<String>()) { $0.formUnion($1 ?? []) }
            }
            let known = found.compactMap { $0 }
            return known.first.map { first in known.dropFirst().reduce(first) { $0.intersection($1) } }
        }
    }
}
