import Passport
import Registry
import Store
import Trust
import Wire

/// Somebody says "this device is mine", and how strongly that is shown becomes the tenure's grade.
///
/// 1. The secret, if one is demanded, is checked outside any transaction: a memory-hard hash takes its time. So is the
/// tenure's data key wrapped.
/// 2. In one transaction the stage, the product's minimum grade and the attempts are judged, and the tenure opens; or, for
/// the grade `proven`, a fresh nonce waits for the device to sign it (`ProvePresence`).
///
/// A device signs for whoever asks, so its proof shows that it is there, and not whose it is: where the product demands a
/// label or a secret, the grade `proven` demands it of the person too (docs/decisions/0019).
package struct PairDevice: Ceremony {
    package static let name = "pairing/pair-device"
    package static let permission = Permission.pair
    /// Wrong codes or secrets after which a device locks until the maker unlocks it (STANDARDS §3, A2).
    package static let maximumFailures = 10
    /// Life of a challenge to the device.
    package static let challengeSeconds: Int64 = 15 * 60

    package var device: String
    package var grade: Grade
    /// From the label, for the grades `label` and `secret`.
    package var labelCode: String?
    /// The one-time secret that came with the device, for the grade `secret`.
    package var secret: String?

    package init(device: String, grade: Grade, labelCode: String? = nil, secret: String? = nil) {
        self.device = device
        self.grade = grade
        self.labelCode = labelCode
        self.secret = secret
    }

    package struct Answer: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable { case paired, waitingForProof }
        package var state: State
        package var tenure: TenureID?
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        guard let owner = principal.owner else {
            throw Refusal(
                .forbidden, "Only an owner can pair a device.", hint: "Sign in as a person who acts for an owner.",
                rule: "role owner: pair")
        }
        let (found, minimum) = try await house.read { rows in
            let device = try Device.require(device, in: rows)
            return (device, try Self.minimumGrade(device, in: rows))
        }
        // Before the costly hash and the key store: whoever may not pair the device learns so for nothing.
        try demandPairable(found)
        try demandGrade(minimum)
        let demanded = demandedOfPerson(found, minimum)
        try refuseIfLocked(found, demanded)
        var secretFits = false
        if demanded == .secret, let secret, let hash = found.secretHash {
            secretFits = try await house.secrets.verify(secret, against: hash)
        }
        // Wrapped outside of the transaction too, and only for whoever has shown what is asked for.
        let fits = self.fits(found, demanded, secretFits: secretFits)
        let prepared = try await grade != .proven && fits ? Tenures.prepare(in: house) : nil
        return try await house.change(as: principal) { change in
            let device = try change.device(found.id.text)
            try demandPairable(device)
            // What was checked is what there is now.
            guard device.secretHash == found.secretHash, device.labelCode == found.labelCode,
                try Self.minimumGrade(device, in: change.rows) == minimum
            else {
                throw Refusal(
                    .conflict, "The device was changed meanwhile.", hint: "Try again.", retryAfterSeconds: 1)
            }
            try refuseIfLocked(device, demanded)
            guard fits else { throw try wrongCode(device, change) }
            guard let prepared else { return try challenge(device, owner, change) }
            let (tenure, _) = try Tenures.open(device, for: owner, grade: grade, as: prepared, in: change)
            try Self.spendSecret(of: device, shownFor: grade, in: change)
            return Answer(state: .paired, tenure: tenure)
        }
    }

    /// One-time: a secret that was demanded has done its work. A next owner proves the pairing through the transfer.
    static func spendSecret(of device: Device, shownFor grade: Grade, in change: Change) throws {
        guard device.secretHash != nil else { return }
        let minimum = try minimumGrade(device, in: change.rows)
        guard grade == .secret || grade == .proven && minimum >= .secret else { return }
        try change.rows.execute("UPDATE device SET secret_hash = NULL WHERE id = $1", [Value(device.id)])
    }

    private func demandPairable(_ device: Device) throws(Refusal) {
        let verdict = device.passport.may(.pair)
        guard verdict.allowed else {
            let isOwned = device.passport.tenure != nil
            throw Refusal(
                .forbidden, verdict.reason,
                hint: isOwned ? "Ask its owner to offer the device to you." : device.passport.whatToDo,
                rule: verdict.rule)
        }
    }

    /// What the person has to show, beside what the device shows itself: for the grade `proven` what the product demands,
    /// as far as there is a label or a secret that could be shown.
    private func demandedOfPerson(_ device: Device, _ minimum: Grade) -> Grade {
        guard grade == .proven else { return grade }
        if minimum >= .secret, device.secretHash != nil { return .secret }
        return minimum >= .label && device.labelCode != nil ? .label : .declared
    }

    /// The weakest grade that the product accepts.
    private static func minimumGrade(_ device: Device, in rows: any Rows) throws -> Grade {
        let sql = "SELECT minimum_grade FROM product WHERE id = $1"
        let text = try rows.first(sql, [Value(device.passport.product)])?.text("minimum_grade")
        guard let minimum = text.flatMap({ Grade(rawValue: $0) }) else {
            throw Refusal(
                .internal, "The product of this device has no minimum grade.", hint: "Run `lifelong audit`.")
        }
        return minimum
    }

    private func demandGrade(_ minimum: Grade) throws(Refusal) {
        guard grade <= .proven else {
            throw Refusal(.unsupported, "Ownership vouchers are not spoken yet.", hint: "Use the grade proven.")
        }
        guard grade >= minimum else {
            throw Refusal(
                .forbidden,
                "The product demands a pairing of grade \(minimum.rawValue) at least; this is \(grade.rawValue).",
                hint: "Pair with the label, the secret or the device's own proof.", rule: "product: minimum grade")
        }
    }

    /// A lock keeps guesses out. A device that signs for itself guesses nothing, so that a stranger's wrong codes cannot keep
    /// its owner away, unless a code is demanded of the person too: that can be guessed with any grade.
    private func refuseIfLocked(_ device: Device, _ demanded: Grade) throws(Refusal) {
        let isFree = grade == .proven && demanded == .declared
        guard isFree || device.pairingFailures < Self.maximumFailures else {
            throw Refusal(
                .tooMany, "Pairing of this device is locked after \(Self.maximumFailures) wrong attempts.",
                hint: "Ask the maker to unlock it, or pair with the grade proven if its product wants no code.",
                rule: "pairing: locked")
        }
    }

    /// Whether the person has shown what is demanded.
    private func fits(_ device: Device, _ demanded: Grade, secretFits: Bool) -> Bool {
        switch demanded {
        case .declared: true
        case .label: labelFits(device)
        // A code that was given beside it has to be right too.
        case .secret: secretFits && (labelCode == nil || labelFits(device))
        case .proven, .voucher: false
        }
    }

    private func labelFits(_ device: Device) -> Bool {
        guard let labelCode, let expected = device.labelCode else { return false }
        return LabelCode.verify(serial: device.serial, code: labelCode, against: expected)
    }

    /// A wrong code is counted, and the count stays although the request is refused.
    private func wrongCode(_ device: Device, _ change: Change) throws -> Refusal {
        try change.rows.execute(
            "UPDATE device SET pairing_failures = pairing_failures + 1 WHERE id = $1", [Value(device.id)])
        let left = Self.maximumFailures - device.pairingFailures - 1
        if left <= 0 {
            try Alarms.raise(
                .pairingLocked, on: device.id, detail: "\(Self.maximumFailures) wrong pairing codes were tried.",
                in: change)
        }
        return change.refuseKeeping(
            Refusal(
                .forbidden, "The code or secret does not belong to this device; \(max(0, left)) attempts are left.",
                hint: "Read the label again; every device has a secret of its own.", rule: "pairing: wrong secret"))
    }

    private func challenge(_ device: Device, _ owner: OwnerID, _ change: Change) throws -> Answer {
        let nonce = Base64.encode(change.house.random(32))
        try change.rows.execute(
            """
            INSERT INTO pairing (device, owner, nonce, expires) VALUES ($1, $2, $3, $4)
            ON CONFLICT (device) DO UPDATE SET owner = excluded.owner, nonce = excluded.nonce, expires = excluded.expires
            """,
            [Value(device.id), Value(owner), .text(nonce), Value(change.now.adding(seconds: Self.challengeSeconds))])
        return Answer(state: .waitingForProof, tenure: nil)
    }
}

/// The maker lets a locked device be paired again.
package struct UnlockPairing: Action {
    package static let name = "pairing/unlock"
    package static let permission = Permission.respond
    package var device: String
    package init(device: String) { self.device = device }

    package func perform(in change: Change) throws -> Done {
        let device = try change.device(device)
        try change.rows.execute("UPDATE device SET pairing_failures = 0 WHERE id = $1", [Value(device.id)])
        try change.record(.pairingUnlocked, on: device.id)
        return Done()
    }
}
