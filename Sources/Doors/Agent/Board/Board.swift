import Release
import Wire

/// What differs between boards about updates: where the images lie, and what makes one of them start.
///
/// Contract, at every instant, whatever is cut: `write` touches the slot that does not run and nothing else; `choose` is done
/// or not done, never half; each may be repeated. `Slots` keeps what is the same everywhere: manifests, the trial, the verdict.
package protocol Board: Sendable {
    /// What kind it is, for a person.
    var kind: String { get }
    /// Names this start of the device; nil where starting this program is starting the device.
    func start() throws -> String?
    /// The slot that runs.
    func running() throws -> Slots.Name
    /// The slot that runs after the next start.
    func chosen() throws -> Slots.Name
    /// What runs does not write to its own image, so that it can be read and compared ever after.
    var keepsImages: Bool { get }
    /// Where the image that runs can be read, to apply a delta to it; nil where that is nobody's to know.
    func image(of slot: Slots.Name) -> String?
    /// Most bytes that an image may have there; nil if nothing but the disk bounds it.
    func room(of slot: Slots.Name) throws -> Int?
    /// Puts a download, whose digest is that of its manifest, into the slot that does not run.
    func write(_ download: String, _ manifest: ReleaseManifest, to slot: Slots.Name) throws
    /// Reads an image that was written and refuses another than the manifest's. What ran since and may have been written to is not
    /// read.
    func verify(_ slot: Slots.Name, _ manifest: ReleaseManifest) throws
    /// From now on this slot starts.
    /// - Parameter onTrial: the boot loader goes back by itself from an image that never confirms itself.
    func choose(_ slot: Slots.Name, onTrial: Bool) throws
    /// The slot that runs is good: no more going back.
    func confirm(_ slot: Slots.Name) throws
    /// What is no longer needed once a slot was chosen.
    func tidy(_ slot: Slots.Name) throws
    /// Nothing wrong with it, or a sentence and what to do: for the doctor, which changes nothing.
    func examine() throws -> String
}

/// Folders of the agent's own disk: slots a and b, and a link to one of them.
package struct PlainBoard: Board {
    let disk: any Disk
    let folder: String

    package init(on disk: any Disk, folder: String) {
        self.disk = disk
        self.folder = folder
    }

    package var kind: String { "plain folders" }
    package var keepsImages: Bool { true }
    private var activeLink: String { folder + "/active" }
    private func image(_ slot: Slots.Name) -> String { Slots.image(of: slot, in: folder) }
    package func image(of slot: Slots.Name) -> String? { image(slot) }

    package func start() -> String? { nil }

    package func running() throws -> Slots.Name {
        guard let target = try disk.target(of: activeLink), let name = Slots.Name(rawValue: target) else {
            throw Refusal(
                .unavailable, "No slot is active in \(folder).",
                hint: "Give the unit back to its station, or run: lifelong-agent birth")
        }
        return name
    }

    package func chosen() throws -> Slots.Name { try running() }

    package func room(of slot: Slots.Name) -> Int? { nil }

    package func write(_ download: String, _ manifest: ReleaseManifest, to slot: Slots.Name) throws {
        try disk.rename(download, to: image(slot))
        try disk.syncFolder(disk.folder(of: image(slot)))
        try disk.syncFolder(disk.folder(of: download))
    }

    package func verify(_ slot: Slots.Name, _ manifest: ReleaseManifest) throws {
        try disk.check(image(slot), manifest)
    }

    package func choose(_ slot: Slots.Name, onTrial: Bool) throws { try disk.relink(activeLink, to: slot.rawValue) }

    package func confirm(_ slot: Slots.Name) {}
    package func tidy(_ slot: Slots.Name) {}
    package func examine() throws -> String { "plain folders in \(folder)" }
}

/// What a refusal says whose reason is that the board does not do, or does not say, what it is asked: a tool or a service of the
/// system that is missing, fails, or never answers.
package enum BoardFault {
    package static let rule = "agent: board"

    static func refusal(_ detail: String, hint: String) -> Refusal {
        Refusal(.unavailable, detail, hint: hint, rule: rule)
    }
}

extension Disk {
    /// Reads as many bytes as the manifest says and compares them with its digest.
    func check(_ path: String, _ manifest: ReleaseManifest) throws {
        var check = ArtifactCheck(manifest)
        while let bytes = try read(path, from: check.count, limit: min(1 << 20, manifest.size - check.count)),
            !bytes.isEmpty
        {
            try check.take(bytes)
        }
        try check.finish()
    }
}
