import Foundation
import Testing
import Workbench

/// dpkg and systemd over the agent's package, in layers over this machine that are thrown away (scripts/deb-check.sh).
@Suite(.enabled(if: !BenchEngine.isPostgreSQL, "needs no database"))
struct `The agent's Debian package` {
    private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL.path
    private static let isPossible = {
        let isRoot = geteuid() == 0
        if !isRoot { print("notice: not root; the agent's package is not installed") }
        return isRoot && OutsideProgram.findOrSay("dpkg-shlibdeps", package: "dpkg-dev")
            && OutsideProgram.findOrSay("systemd-analyze", package: "systemd")
    }()

    @Test(.enabled(if: isPossible, "needs root, dpkg-dev and systemd"))
    func `installs, is hardened, and leaves nothing but the device's identity when it goes`() async throws {
        let folder = NSTemporaryDirectory() + "deb-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Of the program that these tests are built with; `make deb` packs the optimised one and checks it the same way.
        let run = try await Shell.run(
            """
            export TMPDIR=$PWD
            package=$('\(Self.root)/scripts/deb.sh' '\(BuiltProgram.path("lifelong-agent"))' | tail -1) || exit 10
            '\(Self.root)/scripts/deb-check.sh' "$package" 2>&1; echo "check $?"
            dpkg -s lifelong-agent >/dev/null 2>&1 && echo "the machine itself has it now"
            ls
            """, in: folder, seconds: 120)
        #expect(run.status == 0)
        for part in [
            "holds: its unit is hardened", "holds: the identity is there", "holds: its user is gone", "check 0",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
        #expect(!run.said.contains("the machine itself"), "\(run.said)")
        #expect(!run.said.contains("tmp."), "it leaves layers behind: \(run.said)")
    }
}
