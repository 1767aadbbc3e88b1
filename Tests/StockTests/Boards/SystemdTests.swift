import Agent
import Foundation
import Testing
import Workbench

/// systemd as the first process of a namespace of its own, with units that are active, failed, and late.
private final class Systemd: Sendable {
    let folder: String
    private let process: Process

    static func isPossible() -> Bool {
        guard geteuid() == 0 else {
            print("notice: not root; systemd is not started in a namespace")
            return false
        }
        guard FileManager.default.isExecutableFile(atPath: "/lib/systemd/systemd") else {
            print("notice: systemd is not installed (apt-get install systemd); its test is left out")
            return false
        }
        // It needs control groups that it may write to, which some containers do not give.
        let probe = Process()
        probe.executableURL = URL(filePath: "/usr/bin/unshare")
        probe.arguments = ["--pid", "--fork", "--mount-proc", "--mount", "--uts", "--ipc", "--cgroup", "true"]
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        if probe.terminationStatus != 0 { print("notice: no namespaces; systemd is not started in one") }
        return probe.terminationStatus == 0
    }

    /// Units whose names say what becomes of them.
    private static let script = """
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/lock && cd /run/systemd/system || exit 1
        unit() { printf '[Unit]\\nDefaultDependencies=no\\n[Service]\\n%b\\n' "$2" >"$1"; }
        printf '[Unit]\\nDefaultDependencies=no\\nWants=well.service failing.service late.service\\n' >lifelong-test.target
        unit well.service 'ExecStart=/bin/sleep 1000'
        unit failing.service 'ExecStart=/bin/false'
        unit late.service 'Type=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sleep 1'
        exec /lib/systemd/systemd --system --unit=lifelong-test.target --log-target=null --show-status=no
        """

    init(_ folder: String) throws {
        self.folder = folder
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [
                "container=other", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--uts",
                "--ipc",
            ]
            + ["--cgroup", "/bin/sh", "-c", Self.script]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    /// The first process inside, once systemd runs there.
    func inside() async throws -> String? {
        for _ in 0..<200 {
            let path = "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children"
            if let child = try? String(contentsOfFile: path, encoding: .utf8).split(separator: " ").first.map(
                String.init),
                let name = try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8),
                name.hasPrefix("systemd")
            {
                return child
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

@Suite(.enabled(if: !BenchEngine.isPostgreSQL && Systemd.isPossible(), "needs root, systemd, and no database"))
struct `The health of units` {
    @Test(.timeLimit(.minutes(2))) func `is what systemd says of them`() async throws {
        try await withFolder { folder in
            let systemd = try Systemd(folder)
            defer { systemd.stop() }
            guard let first = try await systemd.inside() else {
                print(
                    "notice: systemd does not start in a namespace here; the health of units is not tested against it")
                return
            }
            let systemctl = ["nsenter", "-t", first, "-m", "-p", "-C", "systemctl"]
            func check(_ names: [String], seconds: Int) async -> String? {
                await HealthUnits(names, limit: .seconds(seconds), systemctl: systemctl).check()
            }
            // Not up yet at first, active a second later.
            #expect(await check(["late.service", "well.service"], seconds: 30) == nil)
            #expect(
                await check(["well.service", "failing.service"], seconds: 1) == "The unit failing.service is failed.")
            #expect(await check(["nowhere.service"], seconds: 1) == "The unit nowhere.service is inactive.")
        }
    }
}
