import Foundation
import Testing

@Suite struct `A document` {
    /// Paths in backticks that begin with a folder of ours, without a trailing "…" or a wildcard.
    private static func paths(in text: String) -> [String] {
        text.matches(of: /`((?:Sources|Tests|docs|scripts|Benchmarks)\/[A-Za-z0-9_.+\/-]+)`/).map {
            String($0.output.1)
        }
    }

    @Test(arguments: Repository.documents) func `names no file that is not there`(_ document: String) throws {
        let text = try #require(Repository.text(document))
        for path in Self.paths(in: text) {
            #expect(Repository.exists(path), "\(document) names \(path), which is not there")
        }
        let folder = URL(filePath: "/" + document).deletingLastPathComponent()
        let links =
            text.matches(of: /\]\(([^)#:]+)(?:#[^)]*)?\)/).map { String($0.output.1) }
            + text.matches(of: /(?:src|srcset)="([^":]+)"/).map { String($0.output.1) }
        for link in links {
            let path = String(folder.appending(path: link).standardizedFileURL.path.dropFirst())
            #expect(Repository.exists(path), "\(document) links to \(link), which is not there")
        }
    }

    @Test func `tells the life of a device with a file for each step`() throws {
        let text = try #require(Repository.text("docs/life-of-a-device.md"))
        let steps = text.split(separator: "\n## ").dropFirst()
        #expect(steps.count >= 8)
        for step in steps {
            let title = step.split(separator: "\n").first ?? ""
            #expect(
                Self.paths(in: String(step)).contains { $0.hasSuffix(".swift") }, "the step \"\(title)\" names no file")
        }
    }

    @Test func `of the architecture stays short and names every target`() throws {
        let text = try #require(Repository.text("ARCHITECTURE.md"))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 300)
        for target in Floors.allowed.keys { #expect(text.contains(target), "ARCHITECTURE.md does not name \(target)") }
    }

    @Test func `for beginners gives commands that are there`() throws {
        let readme = try #require(Repository.text("README.md"))
        let makefile = try #require(Repository.text("Makefile"))
        let doors = Set(makefile.matches(of: /(?m)^([a-z]+):/).map { $0.output.1 })
        for match in readme.matches(of: /[`\n]make ([a-z]+)\b/) {
            #expect(doors.contains(match.output.1), "README.md says make \(match.output.1)")
        }
        let verbs = Set(
            Repository.sources.filter { $0.path.hasPrefix("Sources/Programs/") }
                .flatMap { $0.text.matches(of: /commandName:\s*"([a-z-]+)"/).map { $0.output.1 } })
        for document in ["README.md", "docs/operating.md", "docs/verify.md"] {
            let text = try #require(Repository.text(document))
            for match in text.matches(of: /[`\/\n]lifelong ([a-z][a-z-]*)\b/) {
                #expect(
                    verbs.contains(match.output.1), "\(document) says lifelong \(match.output.1), which is no command")
            }
        }
    }

    /// What a person, a program or a device can ask stands in an interface's page; signing in and out is done with a browser.
    @Test(arguments: Repository.sources) func `lists every action`(_ file: Repository.File) {
        let pages = ["docs/openapi/people.yaml", "docs/openapi/device.yaml", "docs/operating.md"].compactMap(
            Repository.text)
        #expect(pages.count == 3)
        for match in file.text.matches(of: /package static let name = "([a-z]+\/[a-z-]+)"/) {
            #expect(
                pages.contains { $0.contains(match.output.1) },
                "\(match.output.1) is not in docs/openapi, nor in docs/operating.md")
        }
    }

    @Test func `of a decision says when to look at it again`() throws {
        let decisions = Repository.paths(in: "docs/decisions").filter { $0.hasSuffix(".md") }
        #expect(decisions.count >= 7)
        for path in decisions {
            let text = try #require(Repository.text(path))
            for part in ["**Context.**", "**Decision.**", "**Consequence.**", "**Revisit**"] {
                #expect(text.contains(part), "\(path) has no \(part)")
            }
        }
    }

    /// OpenAPI files against the OpenAPI 3.1 schema, with a tool that is not ours.
    @Test(.enabled(if: hasValidator, "openapi-spec-validator is not in .venv (make test puts it there): not run"))
    func `of an interface is valid OpenAPI`() throws {
        let pages = Repository.paths(in: "docs/openapi").filter { $0.hasSuffix(".yaml") }
        #expect(!pages.isEmpty)
        for page in pages {
            let answer = try #require(Repository.run(Self.validator, [page]))
            #expect(answer.status == 0, "\(page): \(answer.output.suffix(2000))")
        }
    }

    private static let validator = Repository.root.appending(path: ".venv/bin/openapi-spec-validator").path
    static let hasValidator = {
        let isThere = FileManager.default.isExecutableFile(atPath: validator)
        if !isThere { print("notice: .venv has no openapi-spec-validator; docs/openapi is not validated") }
        return isThere
    }()
}
