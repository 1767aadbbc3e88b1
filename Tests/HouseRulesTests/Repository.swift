import Foundation
import Testing

/// The repository that these tests are part of, read once.
enum Repository {
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL

    struct File: Sendable, CustomTestStringConvertible {
        /// From the root: "Sources/Foundations/Wire/Seal.swift".
        let path: String
        let text: String
        let code: String

        var lineCount: Int { lines.count - 1 }
        var testDescription: String { path }
        /// "Wire" for Sources/Foundations/Wire/…, "RoomsTests" for Tests/RoomsTests/….
        var target: String { String(path.split(separator: "/")[path.hasPrefix("Tests/") ? 1 : 2]) }

        /// Line number, from 1, and what stands there.
        let lines: [(number: Int, text: Substring)]
        let codeLines: [(number: Int, text: Substring)]

        init(path: String, text: String, code: String) {
            self.path = path
            self.text = text
            self.code = code
            lines = Self.numbered(text)
            codeLines = Self.numbered(code)
        }

        private static func numbered(_ text: String) -> [(number: Int, text: Substring)] {
            text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
                ($0.offset + 1, $0.element)
            }
        }

        func lineNumber(of index: String.Index) -> Int { code[..<index].count { $0 == "\n" } + 1 }
    }

    static let sources = swift(in: "Sources")
    static let tests = swift(in: "Tests")

    private static func swift(in folder: String) -> [File] {
        paths(in: folder).filter { $0.hasSuffix(".swift") }.compactMap { path in
            text(path).map { File(path: path, text: $0, code: SourceText($0).code) }
        }
    }

    /// Every file below a folder, by its path from the root.
    static func paths(in folder: String) -> [String] {
        let base = root.appending(path: folder)
        guard let all = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return all.compactMap { $0 as? String }.filter { isFile("\(folder)/\($0)") }.map { "\(folder)/\($0)" }.sorted()
    }

    static func text(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// In bytes; 0 if there is no such file.
    static func size(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: root.appending(path: path).path)
        return attributes?[.size] as? Int ?? 0
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    static func isFile(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isFolder)
            && !isFolder.boolValue
    }

    /// The documents that people read: at the root and below docs.
    static let documents: [String] = {
        let top = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return (top + paths(in: "docs")).filter { $0.hasSuffix(".md") }.sorted()
    }()

    /// Runs a program in the root; nil if it cannot be started.
    static func run(_ program: String, _ arguments: [String]) -> (status: Int32, output: String)? {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = root
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// What git would publish; nil outside of a git work tree.
    static let tracked: [String]? = {
        guard let answer = run("/usr/bin/git", ["-c", "safe.directory=*", "ls-files", "-z"]), answer.status == 0 else {
            return nil
        }
        return answer.output.split(separator: "\0").map(String.init)
    }()
}
