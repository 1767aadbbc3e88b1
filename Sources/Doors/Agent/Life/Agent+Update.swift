import Logging
import Release
import Trust
import Wire

/// Releases: taking them, and starting into them.
extension Agent {
    func take(
        _ offer: DesiredState.Update, over client: DeviceClient, device: DeviceID
    ) async throws -> Updates.Outcome {
        var terms = Updates.Terms(
            releaseKeys: service.releaseKeys.compactMap { Base64.decode($0) }, product: unit.product,
            hardware: unit.hardware, bootloader: settings.bootloader, network: settings.network, device: device,
            largest: settings.largestArtifact)
        if let key = operational?.identity.key as? any OpeningKey {
            terms.payloadKey = { release in
                try key.open(try await client.envelope(of: release.digest), context: release.digest.bytes)
            }
        }
        let proof: Updates.Proof = { try await self.prove($0, over: client) }
        let outcome = try await updates.take(offer.manifest, on: terms, at: now, proven: proof) {
            offset, etag, begin, take in
            try await client.artifact(offer.path, from: offset, etag: etag, begin: begin, take: take)
        }
        switch outcome {
        case .unproven(let refusal):
            // Told once, and not at every contact.
            if unproven?.rule != refusal.rule { try note("refused", "Update metadata was refused: \(refusal.detail)") }
        case .refused(let refusal): try note("refused", "A release was refused: \(refusal.detail)")
        case .restart(let manifest):
            try note("update", "Release \(manifest.sequence) (\(manifest.version)) is installed, and starts on trial.")
        case .runsAlready, .failedBefore: break
        }
        if case .unproven(let refusal) = outcome { unproven = refusal } else { unproven = nil }
        return outcome
    }

    /// The update of a device that may not check in, such as the remedy of a quarantined one: over the birth certificate, and
    /// the receipt signed with the birth key. Nil if nothing is due at once.
    func mend(_ status: DeviceStatus) async throws -> Next? {
        let client = try birthClient()
        let kinds: [Receipt.Kind] = [.updated, .rolledBack, .refused]
        guard let offer = status.update else { return nil }
        if try follow(status.successions) { return .now }
        let told = try await deliver(over: client, signedBy: birth.key, kinds)
        // What was just told about the offer may have settled it: the next answer says.
        guard !told.contains(where: { $0.release == VerifiedRelease.digest(ofUnverified: offer.manifest) }) else {
            return .now
        }
        switch try await take(offer, over: client, device: status.device) {
        case .restart: return .restart
        case .failedBefore, .refused, .unproven, .runsAlready:
            _ = try await deliver(over: client, signedBy: birth.key, kinds)
            return nil
        }
    }

    /// What a start finds: the slot that is active, and perhaps a release on trial. Until there is a boot loader that
    /// does it, starting this program is booting the device.
    func boot() async throws {
        let device = try name()
        let found = try updates.boot(device: device, at: now)
        let running = try updates.slots.running()
        let slot = "slot \(running.slot.rawValue), release \(running.content.manifest.sequence)"
        switch found {
        case .steady: around.logger.info("Started from \(slot).")
        case .confirmed: try note("update", "The confirmation of \(slot) is complete.")
        case .wentBack(let reason): try note("rollback", "Went back to \(slot): \(reason)")
        case .trial:
            guard let device else { return }
            try note("boot", "Started from \(slot), on trial.")
            try await judge(device: device)
        }
    }

    private func judge(device: DeviceID) async throws {
        let fault = await unhealthy()
        guard !Task.isCancelled else { return }
        if let fault {
            try updates.fail(fault, device: device, at: now)
            let running = try updates.slots.running()
            try note(
                "rollback",
                "Went back to slot \(running.slot.rawValue), release \(running.content.manifest.sequence): \(fault)")
        } else {
            try updates.pass(device: device, at: now)
            try note("update", "The release is healthy and stays.")
        }
    }

    /// Nil if the running image is healthy, otherwise one sentence.
    private func unhealthy() async -> String? {
        let slots = updates.slots
        let slot: Slots.Name
        do {
            slot = try slots.active()
            try slots.verify(slot)
        } catch {
            return (error as? Refusal)?.detail ?? "The image cannot be read."
        }
        if let command = settings.health {
            return await command.check(slot: slots.folder(of: slot), image: slots.image(of: slot))
        }
        var last = "The service was not asked."
        for attempt in 0..<max(1, settings.healthAttempts) {
            if attempt > 0 { try? await Task.sleep(for: settings.healthPause) }
            do {
                _ = try await birthClient().status()
                return nil
            } catch {
                last = (error as? ContactFailure)?.refusal.detail ?? "\(error)"
            }
        }
        return "With the release the service cannot be reached: \(last)"
    }

    /// The device's name in Lifelong, once it is known.
    private func name() throws -> DeviceID? {
        try operational?.record.device ?? disk.read(LastWord.self, from: home.lastWord)?.device
    }
}
