import Trust
import Wire

/// What one unit is given.
package struct Born: Sendable {
    package let birth: Birth
    /// DER.
    package let certificate: [UInt8]
    /// True if the unit had this very birth before and only gets it again.
    package let isResumed: Bool
}

extension Batch {
    /// Step 1: whether the hardware is the permit's, and the serial for it: its own if it has one, else a new one.
    /// The serial is taken until `release`.
    package func claimSerial(hardware: String, carried: String?) throws(BirthFailure) -> String {
        let expected = permit.permit.hardware
        do throws(Refusal) {
            guard hardware == expected else {
                throw Refusal(
                    .forbidden, "The unit is a \"\(Printable.text(hardware))\"; the permit is for \"\(expected)\".",
                    hint: "Take it off this line, or use the permit for its hardware.", rule: "permit hardware")
            }
            guard let carried else { return try journal.claimNew { UnitSerial.make(prefix: prefix, random: random) } }
            guard UnitSerial.isValid(carried) else {
                throw Refusal(
                    .malformed, "The unit's serial \"\(Printable.text(carried))\" cannot be used.",
                    hint: "Use at most \(UnitSerial.maximumLength) of A to Z, 0 to 9 and hyphens.")
            }
            try journal.claim(carried)
            return carried
        } catch {
            throw .unit(error)
        }
    }

    /// Ends what `claimSerial` began; of no effect once the unit is born.
    package func release(_ serial: String) { journal.release(serial) }

    /// Step 2: from the unit's request to its birth, which is on the disk when this returns.
    /// - Parameter csr: PKCS#10, DER.
    package func bear(_ serial: String, request csr: [UInt8]) throws(BirthFailure) -> Born {
        let now = clock()
        try BirthFailure.batch { try permit.checkExpiry(at: now) }
        let request = try BirthFailure.unit { try VerifiedRequest(der: csr) }
        try check(request, serial)
        if let known = try journal.admit(serial, key: request.key) { return try resumed(known) }

        let label = makeLabel(serial)
        // 1. The label, so that no birth is without one. A label whose unit is never born is removed at the next start.
        try BirthFailure.batch { try labels.write(label) }
        try reached(.labelWritten)
        let secretHash = try BirthFailure.batch {
            try label.secret.map { try PairingSecret.hash($0, salt: random(PairingSecret.saltBytes)) }
        }
        // 2. What will be signed.
        let token = try intend(serial, request, at: now)
        try reached(.intentStored)
        // 3. The signature.
        let certificate: [UInt8]
        do { certificate = try permit.authority.sign(token) } catch { throw BirthFailure.stopping(error) }
        try reached(.signed)
        // 4. The birth, before anybody sees the certificate.
        let birth = Birth(
            serial: serial, certificate: Base64.encode(certificate), at: now,
            labelCode: LabelCode.digest(serial: serial, code: label.code), secretHash: secretHash)
        try journal.append(birth, key: request.key)
        try reached(.birthStored)
        return Born(birth: birth, certificate: certificate, isResumed: false)
    }

    private func check(_ request: VerifiedRequest, _ serial: String) throws(BirthFailure) {
        guard request.subject.serialNumber == serial else {
            let asked = request.subject.serialNumber.map { "\"\(Printable.text($0))\"" } ?? "no serial"
            throw .unit(
                Refusal(
                    .malformed, "The unit's request names \(asked) instead of \(serial).",
                    hint: "Put the serial that the station gave into the subject's serialNumber.",
                    rule: "IEEE 802.1AR §8.6"))
        }
    }

    private func resumed(_ birth: Birth) throws(BirthFailure) -> Born {
        let certificate = try BirthFailure.batch { try birth.certificateDER() }
        return Born(birth: birth, certificate: certificate, isResumed: true)
    }

    private func makeLabel(_ serial: String) -> Label {
        Label(
            product: permit.permit.product, serial: serial, code: LabelCode.make(random: random(LabelCode.randomBytes)),
            secret: options.labelSecrets ? PairingSecret.make(random: random(PairingSecret.randomBytes)) : nil)
    }

    private func intend(
        _ serial: String, _ request: VerifiedRequest, at now: Timestamp
    ) throws(BirthFailure) -> IssuanceToken {
        let intent = try BirthFailure.unit {
            try Profile.birth(
                under: permit.authority, spki: request.spki, deviceSerial: serial, product: permit.permit.product.text,
                organisation: permit.organisation, hardwareType: hardwareType, serial: random(16), notBefore: now)
        }
        try journal.store(
            BirthIntent(
                serial: serial, certificateSerial: intent.serial, key: request.key, at: now,
                tbs: Base64.encode(intent.tbs)))
        return IssuanceToken(stored: intent)
    }

    private func reached(_ step: Breakpoints.Step) throws(BirthFailure) {
        try BirthFailure.batch { try breakpoints.reached(step) }
    }

    /// Writes down that a unit was refused, for the person who looks for it later.
    func note(serial: String?, key: Digest? = nil, _ refusal: Refusal) throws(BirthFailure) {
        try journal.note(UnitNote(at: clock(), serial: serial.map(Printable.text), key: key, refusal: refusal))
    }
}

extension Birth {
    package func certificateDER() throws(Refusal) -> [UInt8] {
        guard let der = Base64.decode(certificate) else {
            throw Refusal(
                .unavailable, "The stored certificate of \(serial) is broken.",
                hint: "Restore the station's folder from its backup.")
        }
        return der
    }
}
