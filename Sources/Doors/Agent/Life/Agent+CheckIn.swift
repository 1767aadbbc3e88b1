import Keys
import Logging
import Release
import Rollout
import Trust
import Wire

/// The device's steady life: report, learn what to be like, and become it.
extension Agent {
    /// Steps: 1. renew if due. 2. report and learn, new release keys and roots first. 3. deliver receipts. 4. configuration. 5. update.
    /// 6. update metadata.
    func checkIn(_ current: Operational) async throws -> Next {
        // 1.
        if let next = try await renewIfDue(current) { return next }
        let client = try operationalClient(current)
        // 2.
        let desired = try await report(over: client)
        denied = nil
        try learn(desired.status)
        try log.remember(taken: desired.logTaken)
        // Whoever has more to learn learns it before anything that was signed with it is looked at.
        if try follow(desired.successions) { return .now }
        try await followRoots(desired.roots, at: current.record.enrol, over: client)
        switch desired.status.state {
        case .enrolled, .updateRequired: break
        case .certificateExpiring:
            if let next = try await renew(current) { return next }
        case .revoked:
            denied = .unauthenticated
            belief = .unsure
            return .now
        case .notEnrolled, .notPaired, .quarantined, .transferPending, .retired:
            belief = .unsure
            return .now
        }
        // 3.
        let told = try await deliver(over: client, signedBy: current.identity.key)
        // 4.
        var changed = false
        var opening: Timestamp?
        if let wanted = desired.configuration { changed = try apply(wanted, device: current.record.device) }
        // 5.
        // What was just told about an offer may have settled it: the next answer says.
        if let offer = desired.update,
            !told.contains(where: { $0.release == VerifiedRelease.digest(ofUnverified: offer.manifest) })
        {
            switch try await take(offer, over: client, device: current.record.device) {
            case .restart: return .restart
            case .waits(let until): opening = until
            case .failedBefore, .refused, .runsAlready: changed = true
            case .unproven: break
            }
        }
        if changed { _ = try await deliver(over: client, signedBy: current.identity.key) }
        // 6.
        try await keepMetadata(over: client)
        return log.hasMorePages && !logRefused
            ? .now : .after(pause(suggested: desired.nextCheckInSeconds, until: opening))
    }

    /// Reports with the next page of the log; without it if the service does not take that page, which is its alarm to
    /// raise and no reason for the device to stop living.
    private func report(over client: DeviceClient) async throws -> DesiredState {
        let running = try updates.slots.running()
        let page = logRefused ? [] : log.page()
        var report = CheckInReport(
            agent: DeviceClient.agent, sequence: running.content.manifest.sequence,
            version: running.content.manifest.version, slot: running.slot.rawValue,
            configuration: try configurationVersion(), posture: posture, log: page, succession: service.succession ?? 0)
        do {
            let desired = try await client.checkIn(report)
            refusedFrom = nil
            return desired
        } catch {
            guard case .refused(let refusal) = error, refusal.code == .conflict, !page.isEmpty else { throw error }
            around.logger.warning("The service does not take the log: \(refusal)")
            logRefused = refusedFrom == log.taken
            refusedFrom = log.taken
            report.log = []
            return try await client.checkIn(report)
        }
    }

    private var posture: [String: String] {
        var posture = [
            "log": logRefused ? "refused" : log.fault.map { "broken at \($0)" } ?? "whole", "keys": around.keys.kind,
        ]
        posture[ReleaseFit.bootloaderKey] = settings.bootloader
        posture[ReleaseFit.networkKey] = settings.network
        if let unproven { posture["metadata"] = "refused: \(unproven.rule ?? unproven.code.rawValue)" }
        posture[MaintenanceWindow.postureKey] = settings.timeZone
        return posture
    }

    /// Sends what waits in the outbox, signed with the present key. What the service will never take is dropped.
    /// - Parameter kinds: what is sent now; the rest stays.
    /// - Returns: what it took.
    func deliver(
        over client: DeviceClient, signedBy key: any SigningKey, _ kinds: [Receipt.Kind] = Receipt.Kind.allCases
    ) async throws -> [Receipt] {
        var told: [Receipt] = []
        for name in try outbox.waiting() {
            guard let receipt = try outbox.read(name), kinds.contains(receipt.kind) else { continue }
            if receipt.kind == .configured, receipt.configuration != (try configurationVersion()) {
                try outbox.remove(name)
                continue
            }
            do {
                try await client.send(receipt, signedBy: key)
                told.append(receipt)
            } catch {
                guard error.isFinal else { throw error }
                try note("receipt", "The receipt \(receipt.kind.rawValue) was not taken: \(error.refusal.detail)")
            }
            try outbox.remove(name)
        }
        return told
    }

    // MARK: - Configuration

    static let largestConfigurationBytes = 256 * 1024

    func configurationVersion() throws -> Int { try HomeStatus.configuration(of: home, on: disk) }

    /// Puts the document in force in one step, and says so; false if it is already.
    private func apply(_ wanted: DesiredState.Configuration, device: DeviceID) throws -> Bool {
        let before = try configurationVersion()
        guard wanted.version != before else { return false }
        guard wanted.version > 0, wanted.document.utf8.count <= Self.largestConfigurationBytes else {
            throw Refusal(
                .malformed, "The service sent a configuration that is too large or has no version.",
                hint: "Publish a configuration of at most 256 KiB.")
        }
        let file = "\(wanted.version).json"
        try disk.write(Array(wanted.document.utf8), to: home.configurations + "/" + file)
        // Before it is in force: cut in between, `deliver` finds a receipt of what never was, and drops it.
        try outbox.put(Receipt(kind: .configured, device: device, at: now, configuration: wanted.version))
        try disk.relink(home.configuration, to: "configuration/" + file)
        for name in try disk.names(in: home.configurations) where name != file {
            try disk.remove(home.configurations + "/" + name)
        }
        try note("configured", "Configuration \(wanted.version) is in force.")
        return true
    }
}
