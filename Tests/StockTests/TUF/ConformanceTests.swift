import Foundation
import Testing
import Workbench

/// theupdateframework/tuf-conformance over our client (docs/updates.md). The suite is no package: whoever has a checkout
/// names it.
private enum Conformance {
    static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    static let checkout = ProcessInfo.processInfo.environment["LIFELONG_TUF_CONFORMANCE"]
    /// Tests of the suite as it was when this was written; fewer would be a suite that did not run whole.
    static let count = 113

    static let isHere = {
        if checkout != nil { return true }
        print("notice: LIFELONG_TUF_CONFORMANCE names no checkout of tuf-conformance; the suite is not run")
        return false
    }()
}

@Suite struct `The conformance suite of TUF` {
    @Test(.enabled(if: Conformance.isHere, "LIFELONG_TUF_CONFORMANCE names no checkout: not run"))
    func `passes in full with our client as its entry point`() async throws {
        let checkout = try #require(Conformance.checkout)
        let client = try BuiltProgram.path("lifelong-tuf-client")
        let folder = NSTemporaryDirectory() + "/lifelong-tuf-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Expected failures would stand in a file beside the client, and there are none.
        #expect(!FileManager.default.fileExists(atPath: client + ".xfails"))
        let outcome = try await OutsideProgram.run(
            Conformance.root + "/.venv/bin/python",
            [
                "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", checkout, "--entrypoint",
                client,
                checkout + "/tuf_conformance",
            ], in: folder, seconds: 400)
        #expect(outcome.status == 0, "\(outcome.text.suffix(4000))")
        let summary = outcome.text.split(separator: "\n").last ?? ""
        print("note: tuf-conformance: \(summary)")
        let passed = try #require(summary.firstMatch(of: /([0-9]+) passed/).flatMap { Int($0.output.1) })
        #expect(passed >= Conformance.count)
        for word in ["failed", "skipped", "xfailed", "error"] { #expect(!summary.contains(word), "\(summary)") }
    }
}
