import Passport
import Registry
import Store
import Trust
import Wire

/// Somebody says "this device is mine", and how strongly that is shown becomes the tenure's grade.
///
/// 1. The secret, if one was given, is checked outside any transaction: a memory-hard hash takes its time.
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
        let found = try await house.read { rows in try Device.require(device, in: rows) }
        // Before the costly hash: whoever may not pair the device learns so for nothing.
        try demandPairable(found)
        if grade != .proven { try refuseIfLocked(found) }
        var secretFits = false
        if let secret, let hash = found.secretHash {
            secretFits = try await house.secrets.verify(secret, against: hash)
        }
        let isRight = secretFits
        return try await house.change(as: principal) { change in
            let device = try change.device(found.id.text)
            try demandPairable(device)
            let minimum = try demandGrade(device, change)
            let demanded = demandedOfPerson(device, minimum)
            if grade != .proven || demanded > .declared { try refuseIfLocked(device) }
            switch demanded {
            case .declared: break
            case .label: try check(labelFits(device), device, change)
            case .secret:
                // The hash that was checked is the one that is there now.
                try check(labelCode == nil ? true : labelFits(device), device, change)
                try check(isRight && device.secretHash == found.secretHash, device, change)
            case .proven, .voucher:
                throw Refusal(
                    .unsupported, "Ownership vouchers are not spoken yet.", hint: "Use the grade proven.")
            }
            if grade == .proven { return try challenge(device, owner, change) }
            let (tenure, _) = try Tenures.open(device, for: owner, grade: grade, in: change)
            // One-time: the secret has done its work. A next owner proves the pairing through the transfer.
            try change.rows.execute(
                "UPDATE device SET secret_hash = NULL WHERE id = $1 AND $2 = 'secret'",
                [Value(device.id), .text(grade.rawValue)])
            return Answer(state: .paired, tenure: tenure)
        }
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

    /// - Returns: the weakest grade that the product accepts.
    private func demandGrade(_ device: Device, _ change: Change) throws -> Grade {
        let sql = "SELECT minimum_grade FROM product WHERE id = $1"
        let text = try change.rows.first(sql, [Value(device.passport.product)])?.text("minimum_grade")
        guard let minimum = text.flatMap({ Grade(rawValue: $0) }), grade >= minimum else {
            throw Refusal(
                .forbidden,
                "The product demands a pairing of grade \(text ?? "unknown") at least; this is \(grade.rawValue).",
                hint: "Pair with the label, the secret or the device's own proof.", rule: "product: minimum grade")
        }
        return minimum
    }

    /// A lock keeps guesses out; a device that signs for itself guesses nothing, so that a stranger's wrong codes cannot keep
    /// its owner away.
    private func refuseIfLocked(_ device: Device) throws(Refusal) {
        guard grade == .proven || device.pairingFailures < Self.maximumFailures else {
            throw Refusal(
                .tooMany, "Pairing of this device is locked after \(Self.maximumFailures) wrong attempts.",
                hint: "Ask the maker to unlock it, or pair with the grade proven if its product wants no code.",
                rule: "pairing: locked")
        }
    }

    private func labelFits(_ device: Device) -> Bool {
        guard let labelCode, let expected = device.labelCode else { return false }
        return LabelCode.digest(serial: device.serial, code: labelCode) == expected
    }

    /// A wrong code is counted, and the count stays although the request is refused.
    private func check(_ fits: Bool, _ device: Device, _ change: Change) throws {
        guard !fits else { return }
        try change.rows.execute(
            "UPDATE device SET pairing_failures = pairing_failures + 1 WHERE id = $1", [Value(device.id)])
        let left = Self.maximumFailures - device.pairingFailures - 1
        if left <= 0 {
            try Alarms.raise(
                .pairingLocked, on: device.id, detail: "\(Self.maximumFailures) wrong pairing codes were tried.",
                in: change)
        }
        throw change.refuseKeeping(
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
