import Foundation
import Release
import Wire

/// A board whose slots, formats and boot loader are RAUC's affair: the artifact is a signed bundle, and everything that changes
/// something goes through its service.
///
/// Its two slots with a boot name are a and b, in the order of their names. Whatever its configuration says of activation, the
/// trial is on the disk before the bundle is installed, and the slot is made primary once more afterwards.
package struct RAUCBoard: Board {
    let disk: any Disk
    let folder: String
    let bootID: String
    /// Where its service is to be found, if not on the system's bus.
    let environment: [String: String]
    /// What runs in which start: it changes with the next one only.
    private let known = Locked<(start: String, slot: Slots.Name)?>(nil)
    /// Of one question; nobody waits for ever for a service.
    let limit: Duration
    static let installLimit = Duration.seconds(3600)
    private static let hint = "Run rauc status, and look at: journalctl -u rauc"

    package init(
        on disk: any Disk, folder: String, bootID: String? = nil, environment: [String: String] = [:],
        limit: Duration = .seconds(60)
    ) {
        self.limit = limit
        self.disk = disk
        self.folder = folder
        self.environment = environment
        self.bootID = bootID ?? KernelWords.bootID
    }

    package var kind: String { "RAUC" }
    package var keepsImages: Bool { false }
    private func bundle(_ slot: Slots.Name) -> String { Slots.image(of: slot, in: folder) }

    /// What `rauc status --output-format=json` says, as far as it concerns this.
    struct Status: Decodable {
        struct Slot: Decodable {
            var bootname: String?
            var state: String
            var device: String?
            var boot_status: String?
        }
        var compatible: String?
        var boot_primary: String?
        var slots: [[String: Slot]]

        /// Name and facts of the slots that can be started, a first.
        func bootable() throws(Refusal) -> [(name: String, slot: Slot)] {
            let found = slots.flatMap { $0.map { (name: $0.key, slot: $0.value) } }.filter { $0.slot.bootname != nil }
                .sorted { $0.name < $1.name }
            guard found.count == 2 else {
                throw BoardFault.refusal(
                    "RAUC knows \(found.count) slots with a boot name, and not two.",
                    hint: "Give two slots a bootname in /etc/rauc/system.conf.")
            }
            return found
        }
    }

    private func status() throws -> Status {
        let outcome = try call("status", "--output-format=json")
        do {
            return try CanonicalJSON.decode(Status.self, from: outcome.output, limit: Tool.largestOutput)
        } catch {
            throw BoardFault.refusal("rauc status says what is no status: \(error.detail)", hint: Self.hint)
        }
    }

    @discardableResult
    private func call(_ words: String...) throws(Refusal) -> Tool.Outcome {
        try Tool.demand(["rauc"] + words, environment: environment, limit: limit, hint: Self.hint)
    }

    package func start() throws -> String? { try KernelWords.bootID(bootID, disk) }

    package func running() throws -> Slots.Name {
        let start = try KernelWords.bootID(bootID, disk)
        if let known = known.withLock({ $0 }), known.start == start { return known.slot }
        let slot = try asked()
        known.withLock { $0 = (start, slot) }
        return slot
    }

    private func asked() throws -> Slots.Name {
        let slots = try status().bootable()
        guard let at = slots.firstIndex(where: { $0.slot.state == "booted" }) else {
            throw BoardFault.refusal(
                "RAUC does not know which slot runs.",
                hint: "Let the boot loader add rauc.slot=… to the kernel's command line.")
        }
        return at == 0 ? .a : .b
    }

    package func chosen() throws -> Slots.Name {
        let status = try status()
        let slots = try status.bootable()
        guard let at = slots.firstIndex(where: { $0.name == status.boot_primary }) else {
            throw BoardFault.refusal("RAUC does not know which slot starts next.", hint: Self.hint)
        }
        return at == 0 ? .a : .b
    }

    private func name(_ slot: Slots.Name) throws -> String {
        let slots = try status().bootable()
        return (slot == .a ? slots[0] : slots[1]).name
    }

    package func image(of slot: Slots.Name) -> String? { nil }
    package func room(of slot: Slots.Name) -> Int? { nil }

    /// The bundle only: RAUC writes the slot when it is chosen.
    package func write(_ download: String, _ manifest: ReleaseManifest, to slot: Slots.Name) throws {
        try disk.rename(download, to: bundle(slot))
        try disk.syncFolder(disk.folder(of: bundle(slot)))
        try disk.syncFolder(disk.folder(of: download))
    }

    package func verify(_ slot: Slots.Name, _ manifest: ReleaseManifest) throws {
        // RAUC proved what is in the slot when it wrote it; the bundle is gone by then.
        guard try running() != slot else { return }
        try disk.check(bundle(slot), manifest)
    }

    package func choose(_ slot: Slots.Name, onTrial: Bool) throws {
        let name = try name(slot)
        if onTrial {
            try install(bundle(slot))
        } else if try running() != slot {
            try call("status", "mark-bad", "booted")
        }
        try call("status", "mark-active", name)
    }

    /// How RAUC says that no repetition helps: it is the bundle's fault, and not the medium's.
    private static let verdicts = [
        "signature verification failed", "Invalid bundle format", "Installation error: Compatible mismatch",
        "Installation error: No target slot",
    ]

    private func install(_ bundle: String) throws {
        let outcome = try Tool.runHere(
            ["rauc", "install", bundle], environment: environment, limit: Self.installLimit)
        guard outcome.code != 0 else { return }
        let mark = "LastError: "
        let told = outcome.text.split(separator: "\n").last { $0.hasPrefix(mark) }?.dropFirst(mark.count) ?? ""
        guard !Self.verdicts.contains(where: { told.hasPrefix($0) }) else {
            throw Refusal(
                .malformed, "RAUC refused the bundle: \(told.prefix(300))",
                hint: "Make the bundle for this board, signed by a key of its keyring.", rule: "release: bundle")
        }
        throw Refusal(
            .unavailable,
            "rauc install did not come to its end: \(told.isEmpty ? outcome.errors.suffix(200) : told.prefix(300))",
            hint: Self.hint)
    }

    package func confirm(_ slot: Slots.Name) throws {
        try call("status", "mark-good", "booted")
    }

    package func tidy(_ slot: Slots.Name) throws { try disk.erase(bundle(slot)) }

    package func examine() throws -> String {
        let status = try status()
        let (running, chosen) = (try running(), try chosen())
        let state = try status.bootable().first { $0.slot.state == "booted" }?.slot.boot_status ?? "unknown"
        return
            "RAUC (\(status.compatible ?? "?")): slot \(running.rawValue) runs and is \(state), \(chosen.rawValue) starts next"
    }
}
