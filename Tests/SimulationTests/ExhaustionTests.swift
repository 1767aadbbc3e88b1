import Foundation
import Passport
import Simulation
import Testing

@Suite struct `Every state that a device can be in` {
    private static let explored = Result { try Exhaustion.explore() }

    @Test func `keeps every invariant, with every event, right and purpose`() throws {
        let report = try Self.explored.get()
        print("note: exhaustive search: \(report.states) states, \(report.tried) events, \(report.verdicts) verdicts")
        #expect(report.states > 1000)
        #expect(report.stages == Set(Stage.allCases))
    }

    @Test func `is reached by every kind of event of a device, and by none of the house`() throws {
        let possible = Set(
            Alphabet.Kind.allCases.filter { $0 != .house }.flatMap { Alphabet.events(of: $0, after: nil) }.map(\.kind))
        #expect(try Self.explored.get().kinds == possible)
        for kind in Alphabet.Kind.allCases {
            for event in Alphabet.events(of: kind, after: nil) { #expect(Alphabet.kind(of: event) == kind) }
        }
    }

    /// The table "Stages" of docs/stages.md says with which events a stage comes and ends; so does the machine.
    @Test func `is entered and left by the events that the documentation names`() throws {
        let moves = try Self.explored.get().moves
        let rows = try Documents.table(
            "docs/stages.md", headed: ["stage", "what it means", "comes with the event", "ends with"])
        #expect(rows.count == Stage.allCases.count)
        for row in rows {
            let stage = try #require(Stage(rawValue: row[0]))
            let comes = Set(moves.filter { $0.to == stage }.map(\.event))
            let ends = Set(moves.filter { $0.from == stage }.map(\.event))
            #expect(comes == Documents.words(row[2]), "\(stage) comes")
            #expect(ends == Documents.words(row[3]), "\(stage) ends")
        }
    }

    /// docs/stages.md, as written, gives the verdicts of the second statement, which the search held against the code.
    @Test func `has the rights that the documentation gives it`() throws {
        let stages = ["made", "shipped", "claimable", "inUse", "quarantined", "inTransfer", "retired"]
        let rows = try Documents.table("docs/stages.md", headed: ["right"] + stages)
        #expect(rows.map { $0[0] } == Right.allCases.map(\.rawValue))
        for row in rows {
            let right = try #require(Right(rawValue: row[0]))
            for (name, word) in zip(stages, row.dropFirst()) {
                let stage = try #require(Stage(rawValue: name))
                for purpose in RightsStatement.purposes {
                    for owed in [false, true] {
                        let said = RightsStatement.allows(right, in: stage, for: purpose, .init(wipeOwed: owed))
                        #expect(
                            said == Self.allows(word, purpose, owed),
                            "\(right) in \(stage) for \(purpose), owed \(owed)")
                    }
                }
            }
        }
    }

    private static func allows(_ word: String, _ purpose: Purpose, _ owed: Bool) -> Bool? {
        switch word {
        case "yes", "by role": true
        case "no", "by policy", "with pairing": false
        case "at a station": purpose == .station
        case "remedy only": purpose == .remedy || (purpose == .wipe && owed)
        case "wipe only": purpose == .wipe && owed
        default: nil
        }
    }
}

/// Tables of our own pages.
enum Documents {
    static func lines(_ path: String) throws -> [String] {
        let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
        return try String(contentsOf: root.appending(path: path), encoding: .utf8).components(separatedBy: "\n")
    }

    /// The rows below the line with these headings, without the backquotes.
    static func table(_ path: String, headed head: [String]) throws -> [[String]] {
        let rows = try lines(path).map { line in
            line.split(separator: "|").map { $0.replacing("`", with: "").trimmingCharacters(in: .whitespaces) }
        }
        let start = try #require(rows.firstIndex(of: head), "no table \(head) in \(path)")
        return Array(rows[(start + 2)...].prefix { $0.count == head.count })
    }

    /// "a, b" as a set; "never" is the empty one.
    static func words(_ text: String) -> Set<String> {
        text == "never" ? [] : Set(text.components(separatedBy: ", "))
    }
}
