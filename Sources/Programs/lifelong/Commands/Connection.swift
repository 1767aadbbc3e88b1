import ArgumentParser
import Foundation
import Glibc
import Wire

/// How a command finds the server and shows who it is. No secret is ever an argument: arguments stand in process lists
/// and shell histories.
struct Connection: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server's people's door, such as https://people.example:8444 (or LIFELONG_SERVER).", valueName: "url"))
    var server: String?
    @Option(help: ArgumentHelp("Home of a server on this machine (or LIFELONG_HOME).", valueName: "folder"))
    var home: String?
    @Option(help: ArgumentHelp("File with the API token (or the token itself in LIFELONG_TOKEN).", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("PEM file with the root that the server's certificate chains to.", valueName: "file"))
    var anchor: String?
    @Flag(help: "Print the server's answer as JSON.")
    var json = false

    /// What `lifelong serve` leaves in its home.
    private struct Local: Codable {
        var url: String
        var tokenFile: String
        /// What browsers call it, if not by `url`.
        var shown: String?
    }

    private static let defaultHome = "./lifelong-home"

    private var environment: [String: String] { ProcessInfo.processInfo.environment }

    func client() throws -> RestClient {
        let named = server ?? (home == nil ? environment["LIFELONG_SERVER"] : nil)
        let local = named == nil || home != nil ? try readLocal(isNeeded: named == nil) : nil
        guard let url = named ?? local?.url else {
            throw Refusal(.notFound, "No server is named.", hint: "Name it with --server, or its home with --home.")
        }
        return try RestClient(
            server: url, shown: named == nil ? local?.shown : nil, token: try token(local: local),
            anchor: anchor.map { try Self.anchors($0) })
    }

    private func readLocal(isNeeded: Bool) throws -> Local? {
        let folder = home ?? environment["LIFELONG_HOME"] ?? Self.defaultHome
        guard FileManager.default.fileExists(atPath: folder + "/console.json") else {
            guard isNeeded else { return nil }
            throw Refusal(
                .notFound, "No server was ever started on \(folder).",
                hint: "Start one (lifelong serve --home \(folder)), or name another with --home or --server.")
        }
        return try CanonicalJSON.decode(Local.self, from: try InputFile.read(folder + "/console.json", limit: 64 << 10))
    }

    private func token(local: Local?) throws -> String {
        if tokenFile == nil, let token = environment["LIFELONG_TOKEN"], !token.isEmpty { return token }
        guard let file = tokenFile ?? local?.tokenFile else {
            throw Refusal(
                .unauthenticated, "There is no API token.",
                hint: "Put it into a file and name it with --token-file, or set LIFELONG_TOKEN.")
        }
        let text = String(decoding: try InputFile.read(file, limit: 4096), as: UTF8.self)
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func anchors(_ file: String) throws -> [[UInt8]] {
        try PEM.decode(String(decoding: try InputFile.read(file), as: UTF8.self)).map(\.der)
    }

    /// Prints the answer for a program, or its lines for a person.
    func show(_ answer: some Encodable, _ lines: () -> [String]) throws {
        if json { print(try CanonicalJSON.pretty(answer)) } else { lines().forEach { print(Plain.text($0)) } }
    }
}

/// Files that a user names.
enum InputFile {
    static func read(_ path: String, limit: Int = 1 << 20) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: limit + 1) else {
            throw Refusal(.notFound, "The file \(path) cannot be read.", hint: "Check the path and its permissions.")
        }
        guard data.count <= limit else {
            throw Refusal(.tooLarge, "\(path) has more than \(limit) bytes.", hint: "Check that it is the right file.")
        }
        return Array(data)
    }
}

/// Files that a command makes: readable by their owner only.
enum OutputFile {
    static func write(_ text: String, to path: String) throws {
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else {
            throw Refusal(.unavailable, "\(path) cannot be written.", hint: "Check the path and its permissions.")
        }
    }
}

/// A secret from a file, the environment or the terminal.
enum SecretInput {
    /// - Parameter variable: name in the environment.
    static func read(file: String?, variable: String, prompt: String) throws -> String {
        if let file {
            let text = String(decoding: try InputFile.read(file, limit: 4096), as: UTF8.self)
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        if let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty { return value }
        guard isatty(STDIN_FILENO) == 1, let typed = getpass(prompt + ": "), typed.pointee != 0 else {
            throw Refusal(
                .malformed, "The \(prompt.lowercased()) is missing.",
                hint: "Put it into a file and name it with --secret-file, or set \(variable).")
        }
        return String(cString: typed)
    }
}

/// Text from elsewhere, fit to be shown: a terminal must not obey a device.
enum Plain {
    static func text(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isVisible($0) ? $0 : "\u{fffd}" }))
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: scalar == "\n" || scalar == "\t"
        case .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    /// "2026-01-05 08:30:00Z"
    static func time(_ time: Timestamp?) -> String {
        guard let time else { return "-" }
        let text = time.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))Z"
    }

    /// Columns as wide as their widest cell.
    static func table(_ head: [String], _ rows: [[String]]) -> [String] {
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
                .trimmingCharacters(in: .whitespaces)
        }
    }
}
