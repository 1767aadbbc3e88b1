import Testing

@Suite struct `A word` {
    /// Parts of type names that say nothing, with what to say instead.
    private static let emptyParts: [String: String] = [
        "Manager": "say what it does", "Helper": "say what it does", "Helpers": "say what it does",
        "Util": "say what it does", "Utils": "say what it does", "Utilities": "say what it does",
        "Impl": "name the way it does it", "Base": "name what is shared", "Common": "name what is shared",
        "Misc": "name what is shared",
    ]

    @Test(arguments: Repository.sources + Repository.tests) func `in a type's name means something`(
        _ file: Repository.File
    ) {
        for match in file.code.matches(of: /\b(?:class|struct|enum|protocol|actor|typealias)\s+([A-Z][A-Za-z0-9]*)/) {
            for part in Self.parts(of: match.output.1) {
                guard let advice = Self.emptyParts[part] else { continue }
                let line = file.lineNumber(of: match.range.lowerBound)
                Issue.record("\(file.path):\(line) \(match.output.1): \"\(part)\" is empty; \(advice)")
            }
        }
    }

    /// "FileKeyStore" is File, Key, Store; "Base64" is one word of its own.
    private static func parts(of name: Substring) -> [String] {
        name.matches(of: /[A-Z][a-z]*[0-9]*|[A-Z]+(?![a-z])/).map { String($0.output) }
    }

    /// Regular expression, where it is forbidden, and what to do instead. In code, comments and strings alike.
    @Test(arguments: Repository.sources + Repository.tests) func `that puts work off is not in the code`(
        _ file: Repository.File
    ) {
        if file.target == "HouseRulesTests" { return }
        for (number, line) in file.lines {
            guard ["TODO", "FIXME", "XXX", "HACK"].contains(where: { line.contains($0) }),
                let word = line.firstMatch(of: /\b(?:TODO|FIXME|XXX|HACK)\b/)?.output
            else { continue }
            Issue.record("\(file.path):\(number) says \(word): do it, or open an issue and take the word away")
        }
    }

    @Test(arguments: Repository.sources) func `that ends the program is not in the code`(_ file: Repository.File) {
        for (number, line) in file.codeLines {
            for word in ["fatalError(", "try!", " as!"] where line.contains(word) {
                Issue.record(
                    "\(file.path):\(number) uses \(word): throw a Refusal, or state a precondition with a sentence")
            }
        }
    }

    @Test(arguments: Repository.sources) func `that turns a check off has its proof above it`(_ file: Repository.File) {
        for (number, line) in file.codeLines {
            guard line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") else { continue }
            let above = number >= 2 ? file.lines[number - 2].text.drop { $0 == " " } : ""
            #expect(above.hasPrefix("//"), "\(file.path):\(number) needs a comment above it that shows why it is safe")
        }
    }

    @Test(arguments: Repository.sources) func `is printed by programs only`(_ file: Repository.File) {
        if file.path.hasPrefix("Sources/Programs/") { return }
        for (number, line) in file.codeLines
        where line.contains("rint(") || line.contains("dump(") || line.contains("NSLog(") {
            guard line.contains(/(?:^|[^A-Za-z0-9_.])(?:print|debugPrint|dump|NSLog)\(/) else { continue }
            Issue.record("\(file.path):\(number) prints: log it, or hand it to whoever called")
        }
    }
}

@Suite struct `A refusal in the code` {
    /// What a reader can obey; the compiler demands that it is there, this that it says something.
    @Test(arguments: Repository.sources) func `says what to do`(_ file: Repository.File) {
        for match in file.code.matches(of: /\bRefusal\(\s*\./) {
            let call = Self.arguments(of: file.code, from: match.range.lowerBound)
            let line = file.lineNumber(of: match.range.lowerBound)
            #expect(call.contains("hint:"), "\(file.path):\(line) refuses without a hint")
        }
        let hasEmptyHint = file.text.contains(/Refusal\(\s*\.[^()]*hint: ""/)
        #expect(!hasEmptyHint, "\(file.path) has an empty hint")
    }

    /// The text of a call from its name to the parenthesis that closes it.
    private static func arguments(of code: String, from start: String.Index) -> Substring {
        var depth = 0
        var at = start
        while at < code.endIndex {
            if code[at] == "(" { depth += 1 }
            if code[at] == ")" {
                depth -= 1
                if depth == 0 { break }
            }
            at = code.index(after: at)
        }
        return code[start..<at]
    }
}
