import Logging
import Trust
import Wire

/// What the device does about what it is, as it learns with its birth certificate.
extension Agent {
    func askStatus() async throws -> Next {
        let client = try birthClient()
        let status = try await client.status(after: service.succession ?? 0)
        try learn(status)
        // If the stage explains why the operational certificate was refused, nothing is wrong with the certificate.
        if ![.enrolled, .updateRequired, .certificateExpiring].contains(status.state) { denied = nil }
        switch status.state {
        case .notPaired:
            guard let challenge = status.pairing, challenge.nonce != proven else {
                return try await mend(status) ?? .after(pause())
            }
            try await client.send(
                Receipt(kind: .pairingProof, device: status.device, at: now, nonce: challenge.nonce),
                signedBy: birth.key)
            proven = challenge.nonce
            try note("pairing", "Proved with the birth key that this device is here.")
            // Somebody is waiting in front of the device.
            return .after(min(pause(), .seconds(5)))
        case .notEnrolled:
            guard let path = status.enrol else { return .after(pause()) }
            return try await enrol(at: path, device: status.device)
        case .enrolled, .updateRequired, .certificateExpiring:
            return try await resume(status)
        case .quarantined: return try await mend(status) ?? .after(pause())
        case .revoked: return .after(pause())
        case .transferPending, .retired:
            if let order = status.wipe {
                return try await wipe(
                    WipeOrder(device: status.device, nonce: order.nonce, retired: status.state == .retired, done: false)
                )
            }
            guard status.state == .retired else { return try await mend(status) ?? .after(pause()) }
            return try retire()
        }
    }

    /// Seconds between two certificates that the service issues and then does not take.
    private static let reenrolmentSeconds: Int64 = 60

    /// Enrolled, says the service: go on with the operational certificate if there is one that it takes.
    private func resume(_ status: DeviceStatus) async throws -> Next {
        let held = operational.flatMap { $0.certificate.notAfter > now ? $0 : nil }
        if held != nil, denied == nil {
            belief = .operating
            return .now
        }
        // Ours is gone, expired or unknown there, after a crash here or a restored backup there.
        let isDue = held.map { now.seconds(since: $0.record.since) >= Self.reenrolmentSeconds } ?? true
        if isDue, let path = status.enrol { return try await enrol(at: path, device: status.device) }
        denied = nil
        belief = held == nil ? .unsure : .operating
        return .after(pause())
    }

    /// Keeps the clock and what a person reads with `lifelong-agent status`; writes only what changed.
    func learn(_ status: DeviceStatus) throws {
        clockOffset = status.serverTime.milliseconds - around.now().milliseconds
        let word = LastWord(
            at: now, device: status.device, state: status.state, stage: status.stage, reason: status.reason,
            hint: status.hint)
        let known = try? disk.read(LastWord.self, from: home.lastWord)
        guard known?.state != word.state || known?.reason != word.reason || known?.device != word.device else { return }
        around.logger.notice("\(status.state.rawValue): \(status.reason)")
        try disk.write(word, as: home.lastWord)
        if status.state == .quarantined || status.state == .revoked {
            try note(status.state.rawValue, status.reason)
        }
    }

    func retire() throws -> Next {
        try disk.write(["at": now.description], as: home.retired)
        return .finished("This device is retired; it makes no contact any more.")
    }
}
