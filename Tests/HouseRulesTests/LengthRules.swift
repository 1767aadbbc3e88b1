import Testing

/// Aims with a ratchet: what is listed here may shrink, not grow, and leaves the list when it fits.
enum Lengths {
    static let sourceLimit = 400
    static let testLimit = 800
    static let functionLimit = 70

    /// Files over their limit: how many lines they may have, and why.
    static let files: [String: (lines: Int, reason: String)] = [:]

    /// Functions over the limit, by "path function": how many lines they may have, and why.
    static let functions: [String: (lines: Int, reason: String)] = [
        "Sources/Foundations/Passport/Advance.swift apply": (71, "one case an event; a reader wants them in one view"),
    ]
}

@Suite struct `A file` {
    @Test(arguments: Repository.sources + Repository.tests) func `is short enough to be read at once`(_ file: Repository.File) {
        let limit = file.path.hasPrefix("Tests/") ? Lengths.testLimit : Lengths.sourceLimit
        let allowed = Lengths.files[file.path]?.lines ?? limit
        #expect(file.lineCount <= allowed, "\(file.path) has \(file.lineCount) lines; look for the second idea in it")
    }

    @Test func `leaves the list when it fits`() {
        for (path, entry) in Lengths.files {
            let file = (Repository.sources + Repository.tests).first { $0.path == path }
            let limit = path.hasPrefix("Tests/") ? Lengths.testLimit : Lengths.sourceLimit
            #expect((file?.lineCount ?? 0) > limit, "\(path) fits now: take it off the list in LengthRules.swift")
            #expect(!entry.reason.isEmpty)
        }
    }

    @Test(arguments: Repository.sources + Repository.tests)
    func `begins with its imports or with what it is about`(_ file: Repository.File) {
        let first = file.text.split(separator: "\n").first ?? ""
        let isGood = ["import ", "@testable import ", "///", "// swift-tools-version", "#if "].contains { first.hasPrefix($0) }
        #expect(isGood, "\(file.path) begins with \"\(first)\"")
        #expect(file.text.hasSuffix("\n"), "\(file.path) does not end with a line end")
    }

    @Test func `is no placeholder`() {
        for file in Repository.sources + Repository.tests {
            #expect(!file.path.hasSuffix("/Placeholder.swift"), "\(file.path) has done its work")
        }
    }
}

@Suite struct `A function` {
    struct Span {
        let name: String
        let line: Int
        let lines: Int
    }

    @Test(arguments: Repository.sources) func `is short, or a ceremony on the list`(_ file: Repository.File) {
        for span in Self.spans(in: file) {
            let allowed = Lengths.functions["\(file.path) \(span.name)"]?.lines ?? Lengths.functionLimit
            #expect(span.lines <= allowed, "\(file.path):\(span.line) \(span.name) has \(span.lines) lines")
        }
    }

    @Test func `leaves the list when it fits`() {
        for name in Lengths.functions.keys {
            let parts = name.split(separator: " ")
            let file = Repository.sources.first { $0.path == parts[0] }
            let longest = file.map { Self.spans(in: $0).filter { $0.name == parts[1] }.map(\.lines).max() ?? 0 } ?? 0
            #expect(longest > Lengths.functionLimit, "\(name) fits now: take it off the list in LengthRules.swift")
        }
    }

    /// Every function and initialiser that has a body, with the number of its lines from `func` to the closing brace.
    static func spans(in file: Repository.File) -> [Span] {
        let code = file.code
        return code.matches(of: /\b(?:func\s+([A-Za-z_][A-Za-z0-9_]*|`[^`]*`|[^\s(]+)|init[?]?)\s*[(<]/).compactMap { match in
            guard let end = bodyEnd(after: match.range.upperBound, in: code) else { return nil }
            let body = code[match.range.lowerBound..<end]
            return Span(
                name: match.output.1.map(String.init) ?? "init", line: file.lineNumber(of: match.range.lowerBound),
                lines: body.count { $0 == "\n" } + 1)
        }
    }

    /// The end of the body whose parameter list has just been opened; nil for a requirement without a body, and for a call.
    private static func bodyEnd(after start: String.Index, in code: String) -> String.Index? {
        guard var at = closing(from: start, depth: 1, open: "(", close: ")", in: code) else { return nil }
        // Between the parameters and the body: effects, result, where clause. A line that begins something else has no body.
        while at < code.endIndex, code[at] != "{" {
            if code[at] == "}" || code[at] == ";" || code[at] == "=" { return nil }
            if code[at] == "\n" {
                let rest = code[code.index(after: at)...].drop { $0 == " " || $0 == "\n" }
                let continues = ["->", "{", "where", "throws", "async", ")"].contains { rest.hasPrefix($0) }
                if !continues { return nil }
            }
            at = code.index(after: at)
        }
        guard at < code.endIndex else { return nil }
        return closing(from: code.index(after: at), depth: 1, open: "{", close: "}", in: code)
    }

    private static func closing(
        from start: String.Index, depth: Int, open: Character, close: Character, in code: String
    ) -> String.Index? {
        var depth = depth
        var at = start
        while at < code.endIndex {
            if code[at] == open { depth += 1 }
            if code[at] == close {
                depth -= 1
                if depth == 0 { return code.index(after: at) }
            }
            at = code.index(after: at)
        }
        return nil
    }
}
