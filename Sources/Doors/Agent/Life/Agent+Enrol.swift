import Keys
import Logging
import Trust
import Wire

/// The operational certificate: first, by EST over the birth certificate; then renewed over itself.
extension Agent {
    /// - Parameter path: of the EST service, from the status.
    func enrol(at path: String, device: DeviceID) async throws -> Next {
        let client = try birthClient()
        let pending = try await pendingRequest(renewal: false, device: device, at: path, over: client) { key in
            try CertificationRequest.enrolment(device: device, key: key)
        }
        return try await finish(pending, at: path) { try await client.enrol($0, at: path) }
    }

    /// Nil if it is not due.
    func renewIfDue(_ held: Operational) async throws -> Next? {
        guard now >= held.certificate.renewal else { return nil }
        return try await renew(held)
    }

    /// A certificate that was due when it came is not renewed at once again: a third of what was left has to pass.
    private func isFresh(_ held: Operational) -> Bool {
        let left = held.certificate.notAfter.milliseconds - held.record.since.milliseconds
        return now.milliseconds - held.record.since.milliseconds < left / 3
    }

    /// Nil, and nothing changed, if the service does not renew now; the certificate is still good.
    func renew(_ held: Operational) async throws -> Next? {
        guard !isFresh(held) else { return nil }
        let client = try operationalClient(held)
        let path = held.record.enrol
        do {
            let pending = try await pendingRequest(
                renewal: true, device: held.record.device, at: path, over: client
            ) { try CertificationRequest.renewal(of: held.certificate, key: $0) }
            if case .now = try await finish(pending, at: path, ask: { try await client.renew($0, at: path) }) {
                return .now
            }
        } catch let failure as ContactFailure where !failure.deniesIdentity {
            around.logger.warning("The certificate was not renewed: \(failure)")
        }
        return nil
    }

    /// What is asked for, durable before it is sent. A request that is still waiting is used again as it is.
    private func pendingRequest(
        renewal: Bool, device: DeviceID, at path: String, over client: DeviceClient,
        make: (any SigningKey) throws -> [UInt8]
    ) async throws -> PendingRequest {
        if let known = try disk.read(PendingRequest.self, from: home.pending),
            known.renewal == renewal, known.device == device, try around.keys.find(try KeyLabel(known.key)) != nil
        {
            return known
        }
        try discardPending()
        let authorities = try await client.authorityCertificates(enrol: path)
        try learnRoots(authorities)
        let algorithm = try await client.requestedKey(enrol: path)
        let label = DeviceKeys.operational(random: around.random(8))
        let key = try around.keys.make(label, algorithm: algorithm)
        let pending = PendingRequest(
            renewal: renewal, device: device, key: label.text, request: Base64.encode(try make(key)),
            authorities: authorities.map { Base64.encode($0) })
        try disk.write(pending, as: home.pending)
        return pending
    }

    private func finish(
        _ pending: PendingRequest, at path: String, ask: ([UInt8]) async throws -> EnrolmentAnswer
    ) async throws -> Next {
        if let instant = pending.notBefore, instant > now {
            return .after(.seconds(min(max(instant.seconds(since: now), 1), 86_400)))
        }
        let answer: EnrolmentAnswer
        do {
            answer = try await ask(Base64.decode(pending.request) ?? [])
        } catch let failure as ContactFailure {
            // The service does not want this request: the next one is a new one, with a new key.
            if failure.isFinal || failure.deniesIdentity { try discardPending() }
            throw failure
        }
        switch answer {
        case .later(let seconds):
            var later = pending
            later.notBefore = now.adding(seconds: Int64(seconds))
            try disk.write(later, as: home.pending)
            return .after(.seconds(seconds))
        case .issued(let certificates):
            do {
                try accept(certificates, for: pending, from: path)
            } catch {
                try discardPending()
                throw error
            }
            return .now
        }
    }

    /// Checks that the certificate is for our key and our name and chains to what /cacerts gave; then it is ours.
    private func accept(_ certificates: [[UInt8]], for pending: PendingRequest, from path: String) throws {
        let label = try KeyLabel(pending.key)
        let key = try around.keys.require(label)
        let held = try certificates.prefix(8).map { try HeldCertificate($0) }
        guard let own = held.first(where: { $0.spki == key.publicKeyDER }), own.commonName == pending.device.text else {
            throw ContactFailure.nonsense(
                Refusal(
                    .malformed, "The certificate that was issued is for another key or another name.",
                    hint: "Look into the service's log.", rule: "RFC 7030 §4.2.3"))
        }
        let authorities = try pending.authorities.compactMap { Base64.decode($0) }.map { try HeldCertificate($0) }
        let verifier = try ChainVerifier(
            anchors: authorities.filter(\.isSelfSigned).map(\.der),
            intermediates: authorities.filter { !$0.isSelfSigned }.map(\.der))
        let others = held.filter { $0 != own }.map(\.der)
        // A moment's tolerance: the certificate may begin in the second in which it was made.
        let instant = max(now, own.notBefore)
        switch verifier.verify(leaf: own.der, extraIntermediates: others, at: instant, purpose: .operational) {
        case .failure(let refusal): throw ContactFailure.nonsense(refusal)
        case .success(let verified):
            try keep(own, chain: verified.chain.dropLast(), key: key, label: label, for: pending, from: path)
        }
    }

    private func keep(
        _ own: HeldCertificate, chain: ArraySlice<[UInt8]>, key: any SigningKey, label: KeyLabel,
        for pending: PendingRequest, from path: String
    ) throws {
        let record = OperationalRecord(
            device: pending.device, certificate: Base64.encode(own.der), chain: chain.map { Base64.encode($0) },
            authorities: pending.authorities, enrol: path, key: label.text, since: now)
        try disk.write(record, as: home.current)
        operational = Operational(
            record: record, identity: ClientIdentity(chain: [own.der] + chain, key: key), certificate: own)
        denied = nil
        belief = .operating
        try disk.erase(home.pending)
        try destroyKeys(except: label)
        try note(
            pending.renewal ? "renewed" : "enrolled",
            "Operational certificate until \(own.notAfter), for \(pending.device).")
    }

    func discardPending() throws {
        try disk.erase(home.pending)
        try destroyKeys(except: try operational.map { try KeyLabel($0.record.key) })
    }

    /// What a cut between a new certificate and the end of the old key left: a request that was answered, and whose key must not
    /// be asked for again at the next renewal, and a key that nobody needs.
    func finishEnrolment() throws {
        var pending = try disk.read(PendingRequest.self, from: home.pending)
        if let answered = pending, answered.key == operational?.record.key {
            try disk.erase(home.pending)
            pending = nil
        }
        let held = try operational.map { try KeyLabel($0.record.key) }
        try destroyKeys(except: held, try pending.map { try KeyLabel($0.key) })
    }

    /// Destroys every operational key but these.
    func destroyKeys(except kept: KeyLabel?...) throws {
        for label in try around.keys.labels()
        where !kept.contains(label) && label.text.hasPrefix(DeviceKeys.operationalPrefix) {
            try around.keys.destroy(label)
        }
    }
}
