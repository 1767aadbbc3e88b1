import Foundation
import Testing
import Wire

/// What a cell of the crossing must answer: a status, and the rule that a refusal names.
struct Expected: Sendable, Equatable {
    var status: Int
    /// Nil: no rule is looked at.
    var rule: String?

    init(_ status: Int, _ rule: String? = nil) {
        self.status = status
        self.rule = rule
    }
    static let yes = Expected(200)
}

/// Counts the cells, and collects those that answered otherwise: one message for all, because a broken rule breaks many.
actor Crossing {
    private(set) var cells = 0
    private var wrong: [String] = []
    private var routes: Set<String> = []
    private var skipped: [String] = []

    /// A cell that could not be tried.
    func skip(_ cell: String) { skipped.append(cell) }

    func compare(
        _ route: String, _ who: String, _ expected: Expected, status: Int, refusal: Refusal?,
        body: @autoclosure () -> String
    ) {
        cells += 1
        routes.insert(route)
        // A page for a browser tells the rule in words.
        let isPage = refusal == nil && body().hasPrefix("<!doctype html>")
        let isRight = status == expected.status && (expected.rule == nil || isPage || refusal?.rule == expected.rule)
        if !isRight {
            wrong.append(
                "\(route) by \(who): \(status) [\(refusal?.rule ?? "")] instead of \(expected.status) "
                    + "[\(expected.rule ?? "any rule")]: \(body().prefix(160))")
        }
    }

    /// Fails if a cell was wrong, or a route that the server has was not tried.
    func conclude(_ name: String, all: Set<String>, sourceLocation: SourceLocation = #_sourceLocation) {
        print("notice: crossing of the \(name): \(cells) cells over \(routes.count) routes")
        #expect(
            wrong.isEmpty, "\(wrong.count) of \(cells): \n\(wrong.prefix(25).joined(separator: "\n"))",
            sourceLocation: sourceLocation)
        #expect(skipped.isEmpty, "not tried: \(skipped)", sourceLocation: sourceLocation)
        let missing = all.subtracting(routes).sorted()
        #expect(missing.isEmpty, "not crossed: \(missing)", sourceLocation: sourceLocation)
        let invented = routes.subtracting(all).sorted()
        #expect(invented.isEmpty, "crossed, and not there: \(invented)", sourceLocation: sourceLocation)
    }
}
