import Crypto
import Release
import Wire

/// Two places for the device's image, one of which runs; where they lie and what starts them is the board's affair.
///
/// Invariants, at every instant, whatever is cut:
/// 1. The board starts a slot whose image is whole and matches its manifest.
/// 2. Only the slot that does not run is written to, and its manifest is removed first and written last.
/// 3. `trial.json` is durable before the board starts an image that is not confirmed, and says where to go back to.
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
        /// Starts of the device that are asked for because its board does not answer: more than a boot loader counts.
        package static let mostAnew = 8
        package var slot: Name
        package var previous: Name
        /// How often the image was started, as far as this program saw it.
        package var boots: Int
        package var verdict: Verdict?
        /// The start of the device in which the board was told to start this slot next; nil before it was, and where starts
        /// have no names. A later start that finds the previous slot running shows that the boot loader went back.
        package var chosenIn: String?
        /// How often the device was started anew because its board did not answer.
        package var anew: Int?
    }

    let disk: any Disk
    let folder: String
    package let board: any Board

    /// - Parameter board: nil for folders of this very disk.
    package init(on disk: any Disk, folder: String, board: (any Board)? = nil) {
        self.disk = disk
        self.folder = folder
        self.board = board ?? PlainBoard(on: disk, folder: folder)
    }

    private var trialFile: String { folder + "/trial.json" }
    package func folder(of slot: Name) -> String { folder + "/" + slot.rawValue }
    package func image(of slot: Name) -> String { Self.image(of: slot, in: folder) }
    static func image(of slot: Name, in folder: String) -> String { folder + "/" + slot.rawValue + "/image" }
    private func manifestFile(of slot: Name) -> String { folder(of: slot) + "/manifest.json" }

    // MARK: - Reading

    /// The slot that runs.
    package func active() throws -> Name { try board.running() }

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

    /// Reads the whole image and compares it with the manifest, where the board can.
    @discardableResult
    package func verify(_ slot: Name) throws -> Content {
        guard let content = try content(of: slot) else { throw incomplete(slot, "it has no manifest") }
        try board.verify(slot, content.manifest)
        return content
    }

    private func incomplete(_ slot: Name, _ why: String) -> Refusal {
        Refusal(.unavailable, "Slot \(slot.rawValue) is not complete: \(why).", hint: "Install a release into it.")
    }

    // MARK: - Writing

    /// The image that the unit leaves the factory with, in slot a of plain folders. Does nothing if a slot is active already.
    package func furnish(_ image: [UInt8], product: ProductID, hardware: String, at now: Timestamp) throws {
        guard try disk.target(of: folder + "/active") == nil else { return }
        try makeFolders()
        try disk.write(image, to: self.image(of: .a))
        try record(factory(product, hardware, Wire.Digest(SHA256.hash(data: image)), image.count, now), in: .a)
        try board.choose(.a, onTrial: false)
    }

    /// Writes down that what runs came from the factory, where a board has its slots elsewhere and nobody said so yet.
    package func adopt(product: ProductID, hardware: String, at now: Timestamp) throws {
        guard try board.start() != nil else { return }
        let slot = try active()
        guard try content(of: slot) == nil else { return }
        try makeFolders()
        // Nothing of it was seen: the digest of nothing.
        let none = Wire.Digest(SHA256.hash(data: [UInt8]()))
        try record(factory(product, hardware, none, 0, now), in: slot)
    }

    private func factory(
        _ product: ProductID, _ hardware: String, _ sha256: Wire.Digest, _ size: Int, _ now: Timestamp
    ) -> Content {
        Content(
            manifest: ReleaseManifest(
                product: product, sequence: 0, version: "factory", hardware: [hardware], sha256: sha256, size: size,
                created: now))
    }

    private func record(_ content: Content, in slot: Name) throws {
        try disk.write(content, as: manifestFile(of: slot))
    }

    private func makeFolders() throws {
        for slot in Name.allCases { try disk.makeFolder(folder(of: slot)) }
        try disk.syncFolder(folder)
    }

    /// Whether the slot that does not run holds exactly this release, whole.
    package func isInstalled(_ release: VerifiedRelease) throws -> Bool {
        let slot = try active().other
        guard let content = try content(of: slot), content.release == release.digest else { return false }
        return (try? verify(slot)) != nil
    }

    /// Puts a complete, verified and synced download into the slot that does not run.
    package func install(_ download: String, _ release: VerifiedRelease) throws {
        let slot = try active().other
        try disk.erase(manifestFile(of: slot))
        try board.write(download, release.manifest, to: slot)
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
        let trial = Trial(slot: previous.other, previous: previous, boots: 0)
        try record(trial)
        try board.choose(trial.slot, onTrial: true)
        try markChosen(trial)
    }

    /// Notes in which start of the device the board was told.
    package func markChosen(_ trial: Trial) throws {
        if let start = try board.start() {
            var trial = trial
            trial.chosenIn = start
            try record(trial)
        }
        try board.tidy(trial.slot)
    }

    package func record(_ trial: Trial) throws { try disk.write(trial, as: trialFile) }

    package func goBack(from trial: Trial) throws {
        if board.keepsImages { try verify(trial.previous) }
        try board.choose(trial.previous, onTrial: false)
    }

    package func endTrial() throws { try disk.erase(trialFile) }
}
