import Testing

/// Aims with a ratchet: what is listed here may shrink, not grow, and leaves the list when it fits.
enum Lengths {
    static let sourceLimit = 400
    static let testLimit = 800
    static let functionLimit = 70

    /// Files over their limit: how many lines they may have, and why.
    static let files: [String: (lines: Int, reason: String)] = [:]

    /// Functions over the limit, by "path function": how many lines they may have, and why.
    static let functions: [String: (lines: Int, reason: String)] = [:]
}

@Suite struct `A file` {
    @Test(arguments: Repository.sources + Repository.tests) func `is short enough to be read at once`(
        _ file: Repository.File
    ) {
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
        let isGood = ["import ", "@testable import ", "///", "// swift-tools-version", "#if "].contains {
            first.hasPrefix($0)
        }
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
        let code = Array(file.code.utf8)
        let lines = file.code.split(separator: "\n", omittingEmptySubsequences: false)
        var at = 0
        var spans: [Span] = []
        for (number, line) in lines.enumerated() {
            defer { at += line.utf8.count + 1 }
            guard let name = name(declaredIn: line), let end = bodyEnd(from: at, in: code) else { continue }
            spans.append(Span(name: name, line: number + 1, lines: code[at..<end].count { $0 == 10 } + 1))
        }
        return spans
    }

    /// The name of the function that a line begins to declare.
    private static func name(declaredIn line: Substring) -> String? {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        for (word, next) in zip(words, words.dropFirst() + [""]) where word == "func" {
            return String(next.prefix { $0 != "(" && $0 != "<" })
        }
        let isInitialiser = words.first { $0.hasPrefix("init") }.map {
            $0.hasPrefix("init(") || $0.hasPrefix("init?(") || $0.hasPrefix("init<")
        }
        return isInitialiser == true ? "init" : nil
    }

    /// The end of the body of what is declared from `start`; nil for a requirement without a body, and for a call.
    private static func bodyEnd(from start: Int, in code: [UInt8]) -> Int? {
        let (open, close, brace, closingBrace) = (UInt8(40), UInt8(41), UInt8(123), UInt8(125))
        guard let list = code[start...].firstIndex(of: open),
            var at = closing(from: list + 1, open: open, close: close, in: code)
        else { return nil }
        // Between the parameters and the body: effects, result, where clause. A line that begins something else has no body.
        while at < code.count, code[at] != brace {
            if code[at] == closingBrace || code[at] == 59 || code[at] == 61 { return nil }
            if code[at] == 10 {
                let rest = code[(at + 1)...].drop { $0 == 32 || $0 == 10 }.prefix(6)
                let next = String(decoding: rest, as: UTF8.self)
                guard ["->", "{", "where", "throws", "async", ")"].contains(where: { next.hasPrefix($0) }) else {
                    return nil
                }
            }
            at += 1
        }
        return at < code.count ? closing(from: at + 1, open: brace, close: closingBrace, in: code) : nil
    }

    /// One behind the character that closes what is open at `start`.
    private static func closing(from start: Int, open: UInt8, close: UInt8, in code: [UInt8]) -> Int? {
        var depth = 1
        for at in start..<code.count {
            if code[at] == open { depth += 1 }
            if code[at] == close { depth -= 1 }
            if depth == 0 { return at + 1 }
        }
        return nil
    }

    @Test func `is measured as a reader would`() {
        let text = """
            struct A {
                init(_ a: Int) {
                    self.a = a
                }
                func one(a: (Int) -> Void = { _ in }) throws
                    -> Int
                {
                    "}"  // }
                }
                func two() -> Int { 2 }
            }
            protocol P {
                func required()
                func other() -> Int
            }
            """
        let file = Repository.File(path: "Sources/A/B/C.swift", text: text, code: SourceText(text).code)
        let spans = Self.spans(in: file)
        #expect(spans.map(\.name) == ["init", "one", "two"])
        #expect(spans.map(\.line) == [2, 5, 10])
        #expect(spans.map(\.lines) == [3, 5, 1])
    }
}
