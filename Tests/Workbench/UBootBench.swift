import Agent
import Foundation
import Wire

/// A board with U-Boot's environment in two redundant copies, two slots as files, and a script that does what U-Boot does at a
/// start: count it, and run `altbootcmd` from the limit on. The environment is read and written by the real tools only.
package struct UBootBench: Sendable {
    package let folder: String
    package static let bootLimit = 3
    package static let slotBytes = 256 << 10
    /// As a board's own environment would have it (docs/agent.md).
    package static let altbootcmd =
        "if test \"${lifelong_slot}\" = b; then setenv lifelong_slot a; else setenv lifelong_slot b; fi; "
        + "setenv upgrade_available 0; setenv bootcount 0; saveenv; run bootcmd"

    package static func isInstalled() -> Bool {
        ["fw_setenv", "fw_printenv"].allSatisfy { OutsideProgram.findOrSay($0, package: "libubootenv-tool") }
    }

    package var configuration: String { folder + "/fw_env.config" }
    package var commandLine: String { folder + "/cmdline" }
    package var bootID: String { folder + "/boot-id" }
    /// The script that starts the device anew.
    package var script: String { folder + "/boot.sh" }
    package func environment(_ copy: String) -> String { state + "/environment-" + copy }
    package func device(_ slot: Slots.Name) -> String { state + "/slot-" + slot.rawValue }
    /// Where the environment and the slots lie: what a power cut may hurt.
    package let state: String

    package var settings: UBootBoard.Settings {
        UBootBoard.Settings(
            a: device(.a), b: device(.b), environment: configuration, commandLine: commandLine)
    }

    package func board(on disk: any Disk = PosixDisk()) -> UBootBoard { UBootBoard(on: disk, settings, bootID: bootID) }

    /// Started from slot a.
    package init(_ folder: String, state: String? = nil) async throws {
        self.folder = folder
        self.state = state ?? folder + "/state"
        let files = FileManager.default
        for place in [folder, self.state] {
            try files.createDirectory(atPath: place, withIntermediateDirectories: true)
        }
        for slot in Slots.Name.allCases {
            try Data(repeating: slot == .a ? 65 : 0, count: Self.slotBytes).write(to: URL(filePath: device(slot)))
        }
        for copy in ["0", "1"] { try Data(count: 16_384).write(to: URL(filePath: environment(copy))) }
        try Data("\(environment("0")) 0x0 0x4000\n\(environment("1")) 0x0 0x4000\n".utf8)
            .write(to: URL(filePath: configuration))
        try Data("lifelong_slot=a\nbootlimit=\(Self.bootLimit)\naltbootcmd=\(Self.altbootcmd)\n".utf8)
            .write(to: URL(filePath: folder + "/defaults"))
        try Data(bootScript.utf8).write(to: URL(filePath: script))
        _ = try await tool("fw_setenv", ["-f", folder + "/defaults", "bootcount", "0"])
        try await boot()
    }

    private var bootScript: String {
        """
        #!/bin/sh
        # What U-Boot does at a start, by its own environment.
        value() { fw_printenv -c '\(configuration)' -n "$1" 2>/dev/null; }
        keep() { fw_setenv -c '\(configuration)' -s - ; }
        slot=$(value lifelong_slot)
        if [ "$(value upgrade_available)" = 1 ]; then
            count=$(( $(value bootcount) + 1 ))
            if [ "$count" -gt "$(value bootlimit)" ]; then
                if [ "$slot" = b ]; then slot=a; else slot=b; fi
                printf 'lifelong_slot=%s\\nupgrade_available=0\\nbootcount=0\\n' "$slot" | keep
            else
                printf 'bootcount=%s\\n' "$count" | keep
            fi
        fi
        echo "console=ttyS0 lifelong.slot=$slot quiet" >'\(commandLine)'
        cat /proc/sys/kernel/random/uuid >'\(bootID)'
        """
    }

    /// Starts the device anew.
    package func boot() async throws {
        let done = try await OutsideProgram.run("/bin/sh", [script], in: folder)
        guard done.status == 0 else { throw Refusal(.unavailable, "The boot script: \(done.errors)", hint: "Read it.") }
    }

    /// A variable of the environment, as U-Boot's own tool reads it.
    package func value(_ name: String) async throws -> String {
        try await tool("fw_printenv", ["-n", name]).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    package func set(_ name: String, _ value: String) async throws { _ = try await tool("fw_setenv", [name, value]) }

    private func tool(_ name: String, _ words: [String]) async throws -> String {
        let done = try await OutsideProgram.run(name, ["-c", configuration] + words, in: folder)
        guard done.status == 0 else {
            throw Refusal(.unavailable, "\(name): \(done.text)\(done.errors)", hint: "Look at its configuration.")
        }
        return done.text
    }
}
