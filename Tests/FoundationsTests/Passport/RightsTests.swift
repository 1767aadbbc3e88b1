import Foundation
import Passport
import Testing
import Wire

/// The table is typed three times: in DESIGN.md, in docs/stages.md (for people) and in StageTable.swift. Here the second
/// and the third are held against each other, cell by cell.
@Suite struct `The rights table` {
    static let words: [String: Ruling] = [
        "no": .no, "yes": .yes, "at a station": .atStation, "remedy only": .remedyOnly, "wipe only": .wipeOnly,
        "with pairing": .withPairing, "by role": .byRole, "by policy": .byPolicy,
    ]

    /// Right, stage and ruling of every cell of the table in docs/stages.md.
    static func documented() throws -> [(Right, Stage, Ruling)] {
        let page = URL(filePath: #filePath).appending(path: "../../../../docs/stages.md").standardizedFileURL
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
        }
        let head = try #require(rows.first { $0.first == "right" })
        let stages = try head.dropFirst().map { try #require(Stage(rawValue: $0), "\($0) is no stage") }
        return try rows.filter { $0.count == head.count && Right(rawValue: $0[0]) != nil }.flatMap { row in
            try zip(stages, row.dropFirst()).map { stage, word in
                (try #require(Right(rawValue: row[0])), stage, try #require(words[word], "\(word) is no ruling"))
            }
        }
    }

    @Test func `is in docs as it is in code`() throws {
        let cells = try Self.documented()
        #expect(cells.count == Right.allCases.count * Stage.allCases.count)
        for (right, stage, ruling) in cells {
            #expect(StageTable.ruling(right, in: stage) == ruling, "\(right) in \(stage)")
        }
    }

    @Test func `gives the verdict that it says, for every right, situation and purpose`() throws {
        for (right, stage, ruling) in try Self.documented() {
            for situation in Situation.allCases where situation.stage == stage {
                let passport = try #require(try Life(situation.life).passport)
                for purpose in [Purpose.ordinary, .remedy, .wipe, .station] {
                    let verdict = passport.may(right, for: purpose)
                    let expected = Self.allows(ruling, purpose, passport)
                    #expect(verdict.allowed == expected, "\(right) in \(situation) for \(purpose)")
                    #expect(verdict.rule == "stage \(stage.rawValue): \(right.rawValue)")
                    #expect(verdict.reason.hasSuffix("."))
                }
            }
        }
    }

    private static func allows(_ ruling: Ruling, _ purpose: Purpose, _ passport: Passport) -> Bool {
        switch (ruling, purpose) {
        case (.yes, _), (.byRole, _): true
        case (.no, _), (.byPolicy, _): false
        case (.atStation, .station): true
        case (.remedyOnly, .remedy): true
        case (.remedyOnly, .wipe), (.wipeOnly, .wipe): passport.wipeOwed
        // A pairing moves the device to inUse in the same event, so that the row before it never grants anything.
        case (.withPairing, _): false
        default: false
        }
    }

    @Test func `lets a wipe through only while one is owed`() throws {
        #expect(try #require(Life(Situation.retiredOwingWipe.life).passport).may(.command, for: .wipe).allowed)
        #expect(try !#require(Life(Situation.retired.life).passport).may(.command, for: .wipe).allowed)
        #expect(try #require(Life(Situation.accepted.life).passport).may(.command, for: .wipe).allowed)
        #expect(try !#require(Life(Situation.offered.life).passport).may(.command, for: .wipe).allowed)
    }

    @Test(arguments: Situation.allCases) func `refuses with a rule and something to do`(_ situation: Situation) throws {
        guard let passport = try Life(situation.life).passport else { return }
        #expect(passport.whatToDo.hasSuffix("."))
        for right in Right.allCases where !passport.may(right).allowed {
            let refusal = #expect(throws: Refusal.self) { try passport.demand(right) }
            #expect(refusal?.code == .forbidden)
            #expect(refusal?.rule == "stage \(passport.stage.rawValue): \(right.rawValue)")
        }
    }
}
