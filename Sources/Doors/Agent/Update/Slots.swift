import Crypto
import Release
import Wire

/// Two places for the device's image, one of which runs.
///
/// Invariants, at every instant, whatever is cut:
/// 1. `active` points at a slot whose image is whole and matches its manifest.
/// 2. Only the other slot is written to, and its manifest is removed first and written last.
/// 3. `trial.json` is durable before `active` points at an image that is not confirmed, and says where to go back to.
/// 4. A verdict on a trial is durable before anything is done about it, so that a cut repeats it and never reverses it.
package struct Slots: Sendable {
    package enum Name: String, Codable, Sendable, CaseIterable {
        case a, b
        package var other: Name { self == .a ? .b : .a }
    }

    /// What a slot holds; kept as its `manifest.json`.
    package struct Content: Codable, Sendable, Equatable {
        package var manifest: ReleaseManifest
        /// Digest of the manifest's payload as signed. Nil for the factory's image, whose birth vouches for it.
        package var release: Wire.Digest?
        package var seal: Seal?
        /// It came in place of a newer one; then there is no way further back.
        package var isReturn: Bool?

        /// The release that a device which runs this one may go back to.
        var mayReturnTo: Wire.Digest? { isReturn == true ? nil : manifest.mayReturnTo }
    }

    /// An image that runs to be tried.
    package struct Trial: Codable, Sendable, Equatable {
        package enum Verdict: Codable, Sendable, Equatable {
            case passed
            case failed(reason: String)
        }
        /// Starts that a release has to confirm itself in. One is too few: a user who pulls the plug during a trial is more
        /// likely than a bad release, and a release that was given up is never tried again on this device.
        package static let mostBoots = 3
        package var slot: Name
        package var previous: Name
        /// How often the image was started.
        package var boots: Int
        package var verdict: Verdict?
    }

    let disk: any Disk
    let folder: String

    package init(on disk: any Disk, folder: String) {
        self.disk = disk
        self.folder = folder
    }

    private var activeLink: String { folder + "/active" }
    private var trialFile: String { folder + "/trial.json" }
    package func folder(of slot: Name) -> String { folder + "/" + slot.rawValue }
    package func image(of slot: Name) -> String { folder(of: slot) + "/image" }
    private func manifestFile(of slot: Name) -> String { folder(of: slot) + "/manifest.json" }

    // MARK: - Reading

    package func active() throws -> Name {
        guard let target = try disk.target(of: activeLink), let name = Name(rawValue: target) else {
            throw Refusal(
                .unavailable, "No slot is active in \(folder).",
                hint: "Give the unit back to its station, or run: lifelong-agent birth")
        }
        return name
    }

    package func trial() throws -> Trial? { try disk.read(Trial.self, from: trialFile) }

    package func content(of slot: Name) throws -> Content? {
        try disk.read(Content.self, from: manifestFile(of: slot))
    }

    /// What runs, without looking at the image again.
    package func running() throws -> (slot: Name, content: Content) {
        let slot = try active()
        guard let content = try content(of: slot) else { throw incomplete(slot, "it has no manifest") }
        return (slot, content)
    }

    /// Reads the whole image and compares it with the manifest.
    @discardableResult
    package func verify(_ slot: Name) throws -> Content {
        guard let content = try content(of: slot) else { throw incomplete(slot, "it has no manifest") }
        var check = ArtifactCheck(content.manifest)
        while let bytes = try disk.read(image(of: slot), from: check.count, limit: 1 << 20), !bytes.isEmpty {
            try check.take(bytes)
        }
        try check.finish()
        return content
    }

    private func incomplete(_ slot: Name, _ why: String) -> Refusal {
        Refusal(.unavailable, "Slot \(slot.rawValue) is not complete: \(why).", hint: "Install a release into it.")
    }

    // MARK: - Writing

    /// The image that the unit leaves the factory with, in slot a. Does nothing if a slot is active already.
    package func furnish(_ image: [UInt8], product: ProductID, hardware: String, at now: Timestamp) throws {
        guard try disk.target(of: activeLink) == nil else { return }
        for slot in Name.allCases { try disk.makeFolder(folder(of: slot)) }
        try disk.syncFolder(folder)
        try disk.write(image, to: self.image(of: .a))
        let manifest = ReleaseManifest(
            product: product, sequence: 0, version: "factory", hardware: [hardware],
            sha256: Wire.Digest(SHA256.hash(data: image)), size: image.count, created: now)
        try disk.write(Content(manifest: manifest), as: manifestFile(of: .a))
        try disk.relink(activeLink, to: Name.a.rawValue)
    }

    /// Whether the slot that does not run holds exactly this release, whole.
    package func isInstalled(_ release: VerifiedRelease) throws -> Bool {
        let slot = try active().other
        guard let content = try content(of: slot), content.release == release.digest else { return false }
        return (try? verify(slot)) != nil
    }

    /// Moves a complete, verified and synced download into the slot that does not run.
    package func install(_ download: String, _ release: VerifiedRelease) throws {
        let slot = try active().other
        try disk.erase(manifestFile(of: slot))
        try disk.rename(download, to: image(of: slot))
        try disk.syncFolder(folder(of: slot))
        try disk.syncFolder(disk.folder(of: download))
        try disk.write(
            Content(manifest: release.manifest, release: release.digest, seal: release.seal), as: manifestFile(of: slot)
        )
        // Read back: what the medium kept is what counts.
        try verify(slot)
    }

    /// Makes the other slot the one that starts next, on trial.
    package func switchOver() throws {
        let previous = try active()
        var content = try verify(previous.other)
        // Known before it runs, and written to the slot that does not.
        let isReturn = try running().content.manifest.sequence > content.manifest.sequence
        if content.isReturn ?? false != isReturn {
            content.isReturn = isReturn ? true : nil
            try disk.write(content, as: manifestFile(of: previous.other))
        }
        try disk.write(Trial(slot: previous.other, previous: previous, boots: 0), as: trialFile)
        try disk.relink(activeLink, to: previous.other.rawValue)
    }

    package func record(_ trial: Trial) throws { try disk.write(trial, as: trialFile) }

    package func goBack(from trial: Trial) throws {
        try verify(trial.previous)
        try disk.relink(activeLink, to: trial.previous.rawValue)
    }

    package func endTrial() throws { try disk.erase(trialFile) }
}
