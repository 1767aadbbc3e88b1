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

    package init(on disk: any Disk, home: AgentHome) {
        self.disk = disk
        self.home = home
        slots = Slots(on: disk, folder: home.slots)
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

    /// Steps: 1. know it already? 2. verify the manifest. 3. have update metadata prove it. 4. download. 5. install. 6. switch.
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
        // 2.
        let release: VerifiedRelease
        do {
            release = try VerifiedRelease(
                seal, releaseKeys: terms.releaseKeys, product: terms.product,
                fit: ReleaseFit(
                    hardware: terms.hardware, version: running.content.manifest.version, bootloader: terms.bootloader,
                    network: terms.network), runningSequence: running.content.manifest.sequence,
                mayReturnTo: running.content.mayReturnTo, largest: terms.largest)
        } catch {
            return try refuse(seal, error, on: terms.device, at: now)
        }
        // 3.
        switch try await proof(release) {
        case .proven: break
        case .refused(let refusal): return try refuse(seal, refusal, on: terms.device, at: now)
        case .unproven(let refusal): return .unproven(refusal)
        }
        // 4. and 5.
        if try !slots.isInstalled(release) {
            let download = Download(on: disk, folder: home.download, of: release.manifest)
            do {
                try await download.fetch(from: try await opened(source, release, on: terms))
            } catch let refusal as Refusal where refusal.code == .malformed || refusal.code == .tooLarge {
                return try refuse(seal, refusal, on: terms.device, at: now)
            }
            try slots.install(download.path, release)
            try download.discard()
        }
        // 6.
        try slots.switchOver()
        return .restart(release.manifest)
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
        guard var trial = try slots.trial(), let device else { return .steady }
        switch trial.verdict {
        case .passed:
            try finishPass(trial, device: device, at: now)
            return .confirmed
        case .failed(let reason):
            try finishFail(trial, reason: reason, device: device, at: now)
            return .wentBack(reason: reason)
        case nil: break
        }
        guard try slots.active() == trial.slot else {
            // Cut before the switch: the release never ran. It is installed, and will be offered again.
            try slots.endTrial()
            return .steady
        }
        guard trial.boots < Slots.Trial.mostBoots else {
            let reason = "The release was started \(trial.boots) times and never confirmed itself."
            try fail(reason, device: device, at: now)
            return .wentBack(reason: reason)
        }
        trial.boots += 1
        try slots.record(trial)
        return .trial
    }

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

    private func finishPass(_ trial: Slots.Trial, device: DeviceID, at now: Timestamp) throws {
        if let content = try slots.content(of: trial.slot) {
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

    // MARK: - What failed

    private func failures() throws -> [Failure] { try disk.read([Failure].self, from: failuresFile) ?? [] }

    private func remember(_ failure: Failure) throws {
        let known = try failures().filter { $0.release != failure.release }
        try disk.write(Array((known + [failure]).suffix(16)), as: failuresFile)
    }
}
