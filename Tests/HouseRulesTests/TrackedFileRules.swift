import Testing

@Suite(.enabled(if: Repository.tracked != nil, "not a git work tree")) struct `What git publishes` {
    @Test func `is nothing that is built, installed or run`() {
        let forbidden = [".build/", "Package.resolved", ".venv/", "run-home/", ".swiftpm/"]
        for path in Repository.tracked ?? [] {
            #expect(
                !forbidden.contains { path == $0 || path.hasPrefix($0) }, "\(path) does not belong in the repository")
            #expect(
                ![".db", ".db-wal", ".profraw", ".pyc", ".o"].contains { path.hasSuffix($0) }, "\(path) is a product")
        }
    }

    @Test func `is no large file`() {
        for path in Repository.tracked ?? [] {
            let bytes = Repository.size(path)
            #expect(bytes < 3_000_000, "\(path) has \(bytes) bytes")
        }
    }

    /// Files whose keys are published test vectors.
    private static let vectors: Set<String> = ["Tests/FoundationsTests/Ledger/NoteTests.swift"]

    @Test func `is no secret`() {
        // A word that must be there at all, so that the slow expression runs on few files.
        let patterns: [(String, Regex<Substring>, String)] = [
            ("PRIVATE KEY-----", /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+\/=]{40,}/, "a private key"),
            (
                "PRIVATE+KEY+", /PRIVATE\+KEY\+[A-Za-z0-9.\/_-]+\+[0-9a-f]{8}\+[A-Za-z0-9+\/=]{40,}/,
                "the key of a note signer"
            ),
            ("AKIA", /\bAKIA[0-9A-Z]{16}\b/, "an access key of AWS"),
            ("gh", /\bgh[pousr]_[A-Za-z0-9]{36,}/, "a token of GitHub"),
            ("xox", /\bxox[abpr]-[0-9A-Za-z-]{20,}/, "a token of Slack"),
            ("glpat-", /\bglpat-[0-9A-Za-z_-]{20,}/, "a token of GitLab"),
        ]
        for path in Repository.tracked ?? [] where !Self.vectors.contains(path) {
            guard let text = Repository.text(path) else { continue }
            for (word, pattern, what) in patterns where text.utf8.firstRange(of: word.utf8) != nil {
                #expect(text.firstMatch(of: pattern) == nil, "\(path) holds \(what)")
            }
        }
    }
}

@Suite struct `The lexer of these rules` {
    @Test(arguments: [
        ("let a = 1 // try! b", "let a = 1          "), ("\"try!\"", "\"    \""),
        ("\"\\(f(\"x\"))\" + y", "\" (f(\" \"))\" + y"),
        ("#\"a\"b\"# c", "#\"   \"# c"), ("/* a\nb */ c", "    \n     c"),
        ("\"\"\"\n x\n\"\"\" y", "\"\"\"\n  \n\"\"\" y"),
        ("\"\\\"\" z", "\"  \" z"),
    ]) func `sees code and nothing else`(_ text: String, _ code: String) {
        #expect(SourceText(text).code == code)
    }
}
