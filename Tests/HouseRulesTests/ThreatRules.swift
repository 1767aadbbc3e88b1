import Testing

@Suite struct `The threat model` {
    private static let page = Repository.text("docs/threat-model.md") ?? ""

    /// "`suite › test`", as the page cites them.
    private static let cited = page.matches(of: /`([^`›]+) › ([^`]+)`/).map {
        (String($0.output.1), String($0.output.2))
    }
    .filter { $0 != ("suite", "test") }

    @Test func `cites only tests that exist`() {
        #expect(Self.cited.count >= 40)
        for (suite, test) in Self.cited {
            let file = Repository.tests.first {
                $0.text.contains("struct `\(suite)`") && $0.text.contains("func `\(test)`")
            }
            #expect(file != nil, "there is no test \(suite) › \(test)")
        }
    }

    @Test func `has a test or an accepted reason for every threat, and every letter of STRIDE`() {
        let rows = Self.page.split(separator: "\n").filter {
            $0.hasPrefix("| S") || $0.hasPrefix("| T") || $0.hasPrefix("| R")
                || $0.hasPrefix("| I") || $0.hasPrefix("| D") || $0.hasPrefix("| E")
        }
        #expect(rows.count >= 45)
        var letters: Set<Character> = []
        for row in rows {
            let cells = row.split(separator: "|").map { $0.drop { $0 == " " } }
            #expect(cells.count >= 4, "\(row)")
            letters.formUnion(cells.first?.filter(\.isLetter) ?? "")
            let last = cells.dropFirst(3).joined()
            #expect(last.contains("›") || last.contains("Accepted"), "neither test nor reason: \(row)")
        }
        #expect(letters == Set("STRIDE"))
    }

    @Test func `is named where somebody looks for it`() {
        #expect(Repository.text("SECURITY.md")?.contains("docs/threat-model.md") == true)
    }
}
