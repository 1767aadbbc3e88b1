import Foundation
import Release
import Wire

/// Two partitions, one of which U-Boot starts as a variable of its environment says.
///
/// Everything that has to change together is one call of `fw_setenv` with a script: with a redundant environment it writes the
/// copy that is not in force, and a power cut leaves the one or the other. `upgrade_available`, `bootcount`, `bootlimit` and
/// `altbootcmd` mean what they mean to U-Boot: it counts the starts of a trial, and goes back by itself from an image that does
/// not even start (docs/agent.md has the script that the board's environment needs).
package struct UBootBoard: Board {
    package struct Settings: Codable, Sendable, Equatable {
        /// Block devices, or files, of the slots.
        package var a: String
        package var b: String
        /// The variable that has the letter of the slot that starts.
        package var variable: String?
        /// The configuration of fw_setenv, if it is not the one it finds by itself.
        package var environment: String?
        /// The command line of the kernel, which says what runs: `lifelong.slot=a`, or `root=` and a slot's device.
        package var commandLine: String?

        package init(
            a: String, b: String, variable: String? = nil, environment: String? = nil, commandLine: String? = nil
        ) {
            self.a = a
            self.b = b
            self.variable = variable
            self.environment = environment
            self.commandLine = commandLine
        }
    }

    let disk: any Disk
    let settings: Settings
    let bootID: String
    /// One call of a tool of U-Boot's.
    static let limit = Duration.seconds(30)
    private static let hint =
        "Look at /etc/fw_env.config, and at who may write where the environment lies; docs/agent.md, \"Boards\"."

    package init(on disk: any Disk, _ settings: Settings, bootID: String? = nil) {
        self.disk = disk
        self.settings = settings
        self.bootID = bootID ?? KernelWords.bootID
    }

    package var kind: String { "U-Boot" }
    package var keepsImages: Bool { false }
    private var variable: String { settings.variable ?? "lifelong_slot" }
    private var words: [String] { settings.environment.map { ["-c", $0] } ?? [] }

    package func start() throws -> String? { try KernelWords.bootID(bootID, disk) }

    package func running() throws -> Slots.Name {
        let path = settings.commandLine ?? "/proc/cmdline"
        let words = try KernelWords.of(path, disk)
        if let named = words["lifelong.slot"] {
            guard let slot = Slots.Name(rawValue: named) else {
                throw BoardFault.refusal(
                    "The kernel was started with lifelong.slot=\(named.prefix(64)).",
                    hint: "Let the boot loader say lifelong.slot=a or lifelong.slot=b.")
            }
            return slot
        }
        let root = words["root"].map { PosixPath.resolved($0) }
        let found = Slots.Name.allCases.filter { PosixPath.resolved(device($0)) == root }
        guard found.count == 1 else {
            throw BoardFault.refusal(
                "\(path) does not say which slot runs.",
                hint: "Let the boot loader add lifelong.slot=a or lifelong.slot=b to the kernel's command line.")
        }
        return found[0]
    }

    package func chosen() throws -> Slots.Name {
        guard let slot = Slots.Name(rawValue: try value(of: variable)) else {
            throw BoardFault.refusal(
                "U-Boot's variable \(variable) is neither a nor b.",
                hint: "Set it to the slot that runs: fw_setenv \(variable) a")
        }
        return slot
    }

    private func value(of name: String) throws -> String {
        let outcome = try Tool.demand(
            ["fw_printenv"] + words + ["-n", name], limit: Self.limit, hint: Self.hint)
        return outcome.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Of a file system that is mounted for writing the digest is another by now, and no delta is asked for.
    package func image(of slot: Slots.Name) -> String? { PosixPath.resolved(device(slot)) }

    private func device(_ slot: Slots.Name) -> String { slot == .a ? settings.a : settings.b }

    package func room(of slot: Slots.Name) -> Int? { PosixPath.capacity(device(slot)) }

    package func write(_ download: String, _ manifest: ReleaseManifest, to slot: Slots.Name) throws {
        guard try running() != slot else {
            throw Refusal(.conflict, "Slot \(slot.rawValue) runs.", hint: "Write to the other one.")
        }
        let path = PosixPath.resolved(device(slot))
        var at = 0
        while at < manifest.size {
            guard let bytes = try disk.read(download, from: at, limit: min(1 << 20, manifest.size - at)), !bytes.isEmpty
            else { throw Refusal(.unavailable, "The download became shorter.", hint: "It is fetched again.") }
            try disk.overwrite(path, at: at, with: bytes)
            at += bytes.count
        }
        try disk.sync(path)
    }

    package func verify(_ slot: Slots.Name, _ manifest: ReleaseManifest) throws {
        // A root file system that is mounted for writing is not what it was.
        guard try running() != slot else { return }
        try disk.check(PosixPath.resolved(device(slot)), manifest)
    }

    package func choose(_ slot: Slots.Name, onTrial: Bool) throws {
        try set([variable: slot.rawValue, "bootcount": "0", "upgrade_available": onTrial ? "1" : "0"])
    }

    package func confirm(_ slot: Slots.Name) throws { try set(["bootcount": "0", "upgrade_available": "0"]) }

    package func tidy(_ slot: Slots.Name) {}

    /// All of it or nothing.
    private func set(_ values: [String: String]) throws {
        let script = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
        _ = try Tool.demand(
            ["fw_setenv"] + words + ["-s", "-"], input: Array(script.utf8), limit: Self.limit, hint: Self.hint)
        for (name, wanted) in values where try value(of: name) != wanted {
            throw BoardFault.refusal(
                "fw_setenv set \(name), and it is not \(wanted).",
                hint: "Give the environment a redundant copy, and look at the medium.")
        }
    }

    package func examine() throws -> String {
        let (running, chosen) = (try running(), try chosen())
        for slot in Slots.Name.allCases where room(of: slot) == nil {
            throw Refusal(
                .unavailable, "There is no \(device(slot)), or it may not be read.",
                hint:
                    "Correct \"\(slot.rawValue)\" of \"slots\" in the settings; let the agent's user read and write it."
            )
        }
        let limit = (try? value(of: "bootlimit")).flatMap { Int($0) } ?? 0
        guard limit > 0 else {
            throw Refusal(
                .unavailable, "U-Boot has no bootlimit: from an image that does not start it never goes back.",
                hint: "Run: fw_setenv bootlimit 3; and set altbootcmd as docs/agent.md says.")
        }
        guard let back = try? value(of: "altbootcmd"), back.contains(variable) else {
            throw Refusal(
                .unavailable, "U-Boot's altbootcmd does not change \(variable): it would start the bad image again.",
                hint: "Set altbootcmd as docs/agent.md says.")
        }
        return "U-Boot: slot \(running.rawValue) runs, \(chosen.rawValue) starts next; bootlimit \(limit)"
    }
}
