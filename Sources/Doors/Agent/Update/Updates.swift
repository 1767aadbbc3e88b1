import Release
import Trust
import Wire

/// The way of a release onto the device and, if it is no good, off it again. Every step can be cut short; `boot` finishes
/// what it finds, in the direction that was decided.
package struct Updates: Sendable {
    /// What became of an offered release.
    package enum Outcome: Sendable, Equatable {
        /// Already runs; the receipt goes out again.
        case runsAlready
        /// Tried before and found bad; the receipt goes out again.
        case failedBefore
        /// Not written: the receipt with the reason is in the outbox.
        case refused(Refusal)
        /// Not written, because the update metadata that would vouch for it is not believed, or cannot be had: that says nothing
        /// about the release, which is looked at again.
        case unproven(Refusal)
        /// Installed and active: start anew, to try it.
        case restart(ReleaseManifest)
        /// Fetched; it may not be installed before.
        case waits(Timestamp)
    }

    /// What was found at a start.
    package enum Boot: Sendable, Equatable {
        case steady
        /// A release runs that is not confirmed: check its health, then `pass` or `fail`.
        case trial
        /// A release was given up, and the one before runs.
        case wentBack(reason: String)
        /// A confirmation was cut short and is now complete.
        case confirmed
        /// Another slot was chosen than runs: start the device anew.
        case restart
    }

    /// A release that did not stand its trial, and is not tried again.
    struct Failure: Codable, Sendable, Equatable {
        var release: Wire.Digest
        var reason: String
    }

    package let slots: Slots
    let outbox: Outbox
    let disk: any Disk
    let home: AgentHome

    package init(on disk: any Disk, home: AgentHome, board: (any Board)? = nil) {
        self.disk = disk
        self.home = home
        slots = Slots(on: disk, folder: home.slots, board: board)
        outbox = Outbox(on: disk, folder: home.outbox)
    }

    private var failuresFile: String { home.slots + "/failed.json" }

    // MARK: - Taking a release

    package struct Terms: Sendable {
        package var releaseKeys: [[UInt8]]
        package var product: ProductID
        package var hardware: String
        /// Versions of what stands around the image; nil where this device does not know.
        package var bootloader: String?
        package var network: String?
        package var device: DeviceID
        /// Most bytes of an artifact.
        package var largest: Int
        /// Fetches and opens the payload key of an encrypted release; nil where the device has no key that opens one.
        package var payloadKey: (@Sendable (VerifiedRelease) async throws -> [UInt8])?
        /// Nil if a release may be installed now, otherwise when.
        package var opening: @Sendable () -> Timestamp? = { nil }
        /// Delivers the delta from the release that has this digest, if there is one; nil if none is asked for.
        package var delta: (@Sendable (_ from: Wire.Digest, _ take: ([UInt8]) throws -> Void) async throws -> Bool)?
        package init(
            releaseKeys: [[UInt8]], product: ProductID, hardware: String, bootloader: String? = nil,
            network: String? = nil, device: DeviceID, largest: Int = VerifiedRelease.largestArtifactBytes,
            payloadKey: (@Sendable (VerifiedRelease) async throws -> [UInt8])? = nil
        ) {
            self.releaseKeys = releaseKeys
            self.product = product
            self.hardware = hardware
            self.bootloader = bootloader
            self.network = network
            self.device = device
            self.largest = largest
            self.payloadKey = payloadKey
        }
    }

    /// What update metadata says of a release whose manifest was verified.
    package enum Verdict: Sendable, Equatable {
        /// The same as the manifest; or it is not asked here.
        case proven
        /// The release is not for this device, or another one than the manifest says.
        case refused(Refusal)
        /// Nothing that is to be believed at this time.
        case unproven(Refusal)
    }

    package typealias Proof = @Sendable (VerifiedRelease) async throws -> Verdict

    /// Steps: 1. know it already? 2. verify the manifest. 3. have update metadata prove it. 4. download. 5. install, when it may be. 6. switch.
    package func take(
        _ seal: Seal, on terms: Terms, at now: Timestamp, proven proof: Proof = { _ in .proven },
        from source: @escaping Download.Source
    ) async throws -> Outcome {
        let running = try slots.running()
        // 1.
        if let digest = VerifiedRelease.digest(ofUnverified: seal) {
            if running.content.release == digest {
                try outbox.put(receipt(.updated, of: running.content, on: terms.device, at: now))
                return .runsAlready
            }
            if let failure = try failures().first(where: { $0.release == digest }) {
                try outbox.put(
                    Receipt(kind: .rolledBack, device: terms.device, at: now, release: digest, reason: failure.reason))
                return .failedBefore
            }
        }
        guard try slots.board.chosen() == running.slot else {
            throw Refusal(
                .conflict, "Slot \(running.slot.rawValue) runs, and the next start is from the other one.",
                hint: "Start the device anew; until then no slot may be written to.")
        }
        // 2.
        let release: VerifiedRelease
        do {
            release = try VerifiedRelease(
                seal, releaseKeys: terms.releaseKeys, product: terms.product,
                fit: ReleaseFit(
                    hardware: terms.hardware, version: running.content.manifest.version, bootloader: terms.bootloader,
                    network: terms.network), runningSequence: try floor(running.content.manifest.sequence),
                mayReturnTo: running.content.mayReturnTo,
                largest: min(terms.largest, try slots.board.room(of: running.slot.other) ?? .max))
        } catch let refusal as Refusal where refusal.code != .unavailable {
            return try refuse(seal, refusal, on: terms.device, at: now)
        }
        // 3.
        switch try await proof(release) {
        case .proven: break
        case .refused(let refusal): return try refuse(seal, refusal, on: terms.device, at: now)
        case .unproven(let refusal): return .unproven(refusal)
        }
        // 4. and 5.
        do {
            if let opening = try await install(release, over: running, on: terms, from: source) {
                return .waits(opening)
            }
        } catch let refusal as Refusal where refusal.code == .malformed || refusal.code == .tooLarge {
            return try refuse(seal, refusal, on: terms.device, at: now)
        }
        // 6.
        do {
            try slots.switchOver()
        } catch let refusal as Refusal where refusal.code == .malformed {
            try slots.endTrial()
            try slots.board.tidy(running.slot.other)
            return try refuse(seal, refusal, on: terms.device, at: now)
        }
        return .restart(release.manifest)
    }

    /// Fetches the release and puts it into the slot that does not run, unless it is there.
    /// - Returns: when it may go on; nil if at once.
    private func install(
        _ release: VerifiedRelease, over running: (slot: Slots.Name, content: Slots.Content), on terms: Terms,
        from source: @escaping Download.Source
    ) async throws -> Timestamp? {
        let download = Download(on: disk, folder: home.download, of: release.manifest)
        if try !slots.isInstalled(release) {
            // What waits for its hour is not read again at every contact.
            if let opening = terms.opening(), try download.isThere() { return opening }
            if release.manifest.encrypted == nil, let delta = terms.delta, running.content.release != nil,
                let image = slots.board.image(of: running.slot)
            {
                let old = running.content.manifest
                try await download.rebuild(from: (image, old)) { try await delta(old.sha256, $0) }
            }
            try await download.fetch(from: try await opened(source, release, on: terms))
            if let opening = terms.opening() { return opening }
            try slots.install(download.path, release)
        }
        // Also of what was cut between installing and this.
        try download.discard()
        return terms.opening()
    }

    private func opened(
        _ source: @escaping Download.Source, _ release: VerifiedRelease, on terms: Terms
    ) async throws -> Download.Source {
        guard release.manifest.encrypted != nil else { return source }
        guard let payloadKey = terms.payloadKey else { throw Refusal.opensNothing }
        return Download.opened(source, key: try await payloadKey(release), size: release.manifest.size)
    }

    private func refuse(_ seal: Seal, _ refusal: Refusal, on device: DeviceID, at now: Timestamp) throws -> Outcome {
        try outbox.put(
            Receipt(
                kind: .refused, device: device, at: now, release: VerifiedRelease.digest(ofUnverified: seal),
                reason: refusal.detail))
        return .refused(refusal)
    }

    // MARK: - Starting

    /// Call it first at every start. Counts the start of a trial before the image gets a chance to do harm.
    /// - Parameter device: nil if the device has no name yet; then there is no trial either.
    package func boot(device: DeviceID?, at now: Timestamp) throws -> Boot {
        guard var trial = try slots.trial(), let device else { return try bootWithoutTrial() }
        switch trial.verdict {
        case .passed:
            // The boot loader may have gone back before it was told that all is well.
            guard try slots.active() == trial.slot else { return try bootBeside(trial, device: device, at: now) }
            try finishPass(trial, device: device, at: now)
            return .confirmed
        case .failed(let reason):
            try finishFail(trial, reason: reason, device: device, at: now)
            return .wentBack(reason: reason)
        case nil: break
        }
        guard try slots.active() == trial.slot else { return try bootBeside(trial, device: device, at: now) }
        guard trial.boots < Slots.Trial.mostBoots else {
            let reason = "The release was started \(trial.boots) times and never confirmed itself."
            try fail(reason, device: device, at: now)
            return .wentBack(reason: reason)
        }
        trial.boots += 1
        try slots.record(trial)
        return .trial
    }

    /// A trial is on the disk, and the slot before it runs.
    private func bootBeside(_ trial: Slots.Trial, device: DeviceID, at now: Timestamp) throws -> Boot {
        let isChosen = try slots.board.chosen() == trial.slot
        guard let since = trial.chosenIn else {
            guard isChosen else {
                // Cut before the switch: the release never ran. It is installed, and will be offered again.
                try slots.endTrial()
                return .steady
            }
            try slots.markChosen(trial)
            return .restart
        }
        // This program was started anew, and not the device.
        if since == (try slots.board.start()), isChosen { return .restart }
        let reason = "The device did not start with the release; its boot loader went back."
        try fail(reason, device: device, at: now)
        return .wentBack(reason: reason)
    }

    /// A release that was given up may run until the device starts anew: cut before that, it is what is left to do.
    private func bootWithoutTrial() throws -> Boot {
        guard try slots.board.start() != nil else { return .steady }
        let slot = try slots.active()
        guard try slots.board.chosen() != slot, let release = try slots.content(of: slot)?.release,
            try failures().contains(where: { $0.release == release })
        else { return .steady }
        return .restart
    }

    /// A release is on trial, and its image cannot be judged or confirmed because the board does not answer with it: if the device
    /// starts anew, the boot loader counts, and goes back in the end. Counted here as well, so that it is not tried for ever.
    package func mayStartAnew() throws -> Bool {
        guard var trial = try slots.trial(), let start = try slots.board.start(), trial.chosenIn != start,
            trial.anew ?? 0 < Slots.Trial.mostAnew
        else { return false }
        trial.anew = (trial.anew ?? 0) + 1
        try slots.record(trial)
        return true
    }

    /// Whether the device has to be started anew for what was chosen to run.
    package func needsRestart() throws -> Bool { try slots.board.chosen() != slots.active() }

    /// The release on trial is healthy: it stays.
    package func pass(device: DeviceID, at now: Timestamp) throws {
        guard var trial = try slots.trial() else { return }
        trial.verdict = .passed
        try slots.record(trial)
        try finishPass(trial, device: device, at: now)
    }

    /// The release on trial is no good: the one before comes back.
    package func fail(_ reason: String, device: DeviceID, at now: Timestamp) throws {
        guard var trial = try slots.trial() else { return }
        trial.verdict = .failed(reason: reason)
        try slots.record(trial)
        try finishFail(trial, reason: reason, device: device, at: now)
    }

    /// Without a word to anybody: whoever tried it has gone.
    package func giveUp(_ trial: Slots.Trial) throws {
        try slots.goBack(from: trial)
        // What still runs runs until the device starts anew, which `boot` has it do.
        if try needsRestart(), let release = try slots.content(of: trial.slot)?.release {
            try remember(Failure(release: release, reason: "It was on trial when the device was wiped."))
        }
    }

    private func finishPass(_ trial: Slots.Trial, device: DeviceID, at now: Timestamp) throws {
        try slots.board.confirm(trial.slot)
        if let content = try slots.content(of: trial.slot) {
            try raiseFloor(to: content.manifest.sequence)
            try outbox.put(receipt(.updated, of: content, on: device, at: now))
        }
        try slots.endTrial()
    }

    private func finishFail(_ trial: Slots.Trial, reason: String, device: DeviceID, at now: Timestamp) throws {
        try slots.goBack(from: trial)
        if let content = try slots.content(of: trial.slot) {
            if let release = content.release { try remember(Failure(release: release, reason: reason)) }
            var receipt = receipt(.rolledBack, of: content, on: device, at: now)
            receipt.artifact = nil
            receipt.reason = reason
            try outbox.put(receipt)
        }
        try slots.endTrial()
    }

    private func receipt(
        _ kind: Receipt.Kind, of content: Slots.Content, on device: DeviceID, at now: Timestamp
    ) -> Receipt {
        Receipt(
            kind: kind, device: device, at: now, release: content.release, sequence: content.manifest.sequence,
            artifact: content.manifest.sha256)
    }

    // MARK: - No way back

    /// The highest release that was ever confirmed on this device. Outside the slots, and for the device's life.
    package struct Floor: Codable, Sendable, Equatable {
        package var sequence: Int
        package init(sequence: Int) { self.sequence = sequence }
    }

    package func floor() throws -> Int { try disk.read(Floor.self, from: home.floor)?.sequence ?? 0 }

    /// What a release has to be above. Where somebody put an older image back by hand, the newest may be installed again.
    private func floor(_ running: Int) throws -> Int { max(running, try floor() - 1) }

    private func raiseFloor(to sequence: Int) throws {
        guard sequence > (try floor()) else { return }
        try disk.write(Floor(sequence: sequence), as: home.floor)
    }

    // MARK: - What failed

    private func failures() throws -> [Failure] { try disk.read([Failure].self, from: failuresFile) ?? [] }

    private func remember(_ failure: Failure) throws {
        let known = try failures().filter { $0.release != failure.release }
        try disk.write(Array((known + [failure]).suffix(16)), as: failuresFile)
    }
}
