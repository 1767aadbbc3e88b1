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
        let hours = try hours()
        terms.opening = { [clock = around.now, clockOffset] in
            hours.opening(at: Timestamp(milliseconds: clock().milliseconds + clockOffset))
        }
        terms.delta = { from, take in try await client.delta(offer.path, from: from, take: take) }
        let proof: Updates.Proof = { try await self.prove($0, over: client) }
        let outcome = try await updates.take(offer.manifest, on: terms, at: now, proven: proof) {
            offset, etag, begin, take in
            try await client.artifact(offer.path, from: offset, etag: etag, begin: begin, take: take)
        }
        switch outcome {
        case .unproven(let refusal):
            try tell(unproven: refusal)
            return outcome
        case .refused(let refusal): try note("refused", "A release was refused: \(refusal.detail)")
        case .restart(let manifest):
            try note("update", "Release \(manifest.sequence) (\(manifest.version)) is installed, and starts on trial.")
        case .waits(let opening):
            let digest = VerifiedRelease.digest(ofUnverified: offer.manifest)
            if waiting != digest { try note("update", "A release is here, and waits for its hour at \(opening).") }
            waiting = digest
        case .runsAlready, .failedBefore: break
        }
        try tell(unproven: nil)
        return outcome
    }

    /// When a release may be installed: as this device's settings say and as its configuration does; both have to allow it.
    private func hours() throws -> UpdateHours {
        let policy = try UpdateHours.policy(
            in: disk.readWhole(home.configuration, limit: Self.largestConfigurationBytes))
        return UpdateHours(windows: [settings.window, policy].compactMap { $0 }, zone: settings.timeZone)
    }

    /// Not later than the hour that a release waits for.
    func pause(suggested seconds: Int? = nil, until opening: Timestamp?) -> Duration {
        let usual = pause(suggested: seconds)
        guard let opening else { return usual }
        // Spread over a minute: all its neighbours wait for the same.
        return min(usual, .seconds(Double(max(1, opening.seconds(since: now))) + 60 * chance))
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
        case .waits(let opening): return .after(pause(until: opening))
        case .failedBefore, .refused, .unproven, .runsAlready:
            _ = try await deliver(over: client, signedBy: birth.key, kinds)
            return nil
        }
    }

    /// What a start finds: the slot that is active, and perhaps a release on trial. With plain folders starting this program is
    /// booting the device.
    /// - Returns: whether the device has to be started anew before anything else.
    func boot() async throws -> Bool {
        let device = try name()
        let slots = updates.slots
        try slots.adopt(product: unit.product, hardware: unit.hardware, at: now)
        let found = try updates.boot(device: device, at: now)
        switch found {
        case .steady:
            let slot = try called(slots.active())
            around.logger.info("Started from \(slot).")
            return false
        case .restart: return true
        case .confirmed: try note("update", "The confirmation of \(try called(slots.active())) is complete.")
        case .wentBack(let reason):
            try note("rollback", "Went back to \(try called(slots.board.chosen())): \(reason)")
        case .trial:
            guard let device else { return false }
            try note("boot", "Started from \(try called(slots.active())), on trial.")
            try await judge(device: device)
        }
        return try updates.needsRestart()
    }

    /// `boot`, and what is left where the board does not answer with a release on trial.
    func start(once: Bool) async throws -> Bool {
        var tries = once ? 1 : max(1, settings.boardAttempts)
        while true {
            tries -= 1
            do {
                return try await boot()
            } catch let refusal as Refusal where refusal.rule == BoardFault.rule {
                around.logger.error("\(refusal)")
                if tries > 0, !Task.isCancelled {
                    // Its services may be as new as this start.
                    try? await Task.sleep(for: settings.healthPause)
                    continue
                }
                guard !Task.isCancelled, try updates.mayStartAnew() else { throw refusal }
                try note("boot", "The board does not answer with the release on trial: \(refusal.detail)")
                return true
            }
        }
    }

    private func called(_ slot: Slots.Name) throws -> String {
        let content = try updates.slots.content(of: slot)
        return "slot \(slot.rawValue), release \(content.map { "\($0.manifest.sequence)" } ?? "unknown")"
    }

    private func judge(device: DeviceID) async throws {
        let fault = await unhealthy()
        guard !Task.isCancelled else { return }
        if let fault {
            try updates.fail(fault, device: device, at: now)
            try note("rollback", "Went back to \(try called(updates.slots.board.chosen())): \(fault)")
        } else {
            try updates.pass(device: device, at: now)
            try note("update", "The release is healthy and stays.")
        }
    }

    /// Has the device started anew, which ends this program; what is still here ten minutes later gives up and asks again.
    func restartDevice(once: Bool) async throws -> String {
        let slot = try? called(updates.slots.board.chosen())
        around.logger.notice("The device starts anew, into \(slot ?? "whatever its boot loader chooses").")
        let outcome = try await Tool.run(settings.restart, limit: .seconds(60))
        guard outcome.code == 0 else {
            throw Refusal(
                .unavailable, "The device does not start anew: \(outcome.errors.suffix(200))",
                hint: "Let the agent's user do it, or correct \"restart\" in the settings.")
        }
        if !once {
            try? await Task.sleep(for: .seconds(600))
            guard Task.isCancelled else {
                throw Refusal(
                    .unavailable, "The device was to start anew, and did not.", hint: "Look what holds it up.")
            }
        }
        return "The device starts anew."
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
        if let fault = await settings.units?.check() { return fault }
        if let command = settings.health,
            let fault = await command.check(slot: slots.folder(of: slot), image: slots.image(of: slot))
        {
            return fault
        }
        return settings.healthAttempts > 0 ? await withoutContact() : nil
    }

    private func withoutContact() async -> String? {
        var last = "The service was not asked."
        for attempt in 0..<settings.healthAttempts {
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
