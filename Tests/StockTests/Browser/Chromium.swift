import Foundation

/// A real Chromium, driven from outside by `walk.py` (playwright in the project's virtual environment).
enum Chromium {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let python = root.appendingPathComponent(".venv/bin/python").path
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "walk.py"
    ).path

    static var isHere: Bool {
        let files = FileManager.default
        let hasDriver =
            (try? files.contentsOfDirectory(atPath: root.appendingPathComponent(".venv/lib").path))?.contains {
                version in
                files.fileExists(
                    atPath: root.appendingPathComponent(".venv/lib/\(version)/site-packages/playwright").path)
            } ?? false
        return hasDriver && files.fileExists(atPath: "/usr/bin/chromium") && files.isExecutableFile(atPath: python)
    }

    /// Pictures go into the documentation only when somebody wants them there.
    static var pictureFolder: URL {
        if ProcessInfo.processInfo.environment["LIFELONG_SCREENSHOTS"] == "1" {
            return root.appendingPathComponent("docs/screenshots")
        }
        return FileManager.default.temporaryDirectory.appendingPathComponent(
            "lifelong-screenshots-\(UUID().uuidString)")
    }

    struct Walk: Sendable {
        let status: Int32
        let output: String
    }

    /// Walks the console as a person would; what went wrong stands in the output, a line each.
    static func walk(_ url: String, signIn paths: [String], pictures: URL) async throws -> Walk {
        try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [script, url] + paths + [pictures.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { process in
                let output = pipe.fileHandleForReading.readDataToEndOfFile()
                continuation.resume(
                    returning: Walk(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self)))
            }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
