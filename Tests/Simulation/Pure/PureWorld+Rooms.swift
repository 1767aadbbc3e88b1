import Passport
import Wire

/// The rooms in miniature: which events a request becomes. The decisions are the real `Passport.advance` and `may`.
extension PureWorld {
    private static let digest = Digest([UInt8](repeating: 7, count: 32))

    private func refuse(_ what: String) -> Refusal { Refusal(.conflict, what, hint: "Ask again.") }

    private func record(
        _ event: Event, _ row: inout PureRow, _ at: Timestamp, _ events: inout [Event]
    ) throws(Refusal) {
        do throws(Refusal) {
            row.passport = try Passport.advance(row.passport, device: row.id, by: event, at: at)
        } catch {
            guard isTakenAnyway(event, row.passport) else { throw error }
        }
        events.append(event)
    }

    /// Where a rule is broken on purpose, the ledger takes what the stage machine refuses.
    private func isTakenAnyway(_ event: Event, _ passport: Passport?) -> Bool {
        guard let broken = options.broken, let passport else { return false }
        let isRetired = passport.stage == .retired
        switch (broken, event) {
        case (.wrongStage, .shipped), (.wrongStage, .restored), (.wrongStage, .offered): return !isRetired
        case (.secondTenure, .paired): return !isRetired && passport.tenure != nil
        case (.certificateOutlives, .tenureEnded): return true
        case (.resurrection, .restored), (.resurrection, .paired), (.resurrection, .quarantined): return isRetired
        case (.rollsBack, .updateOffered): return passport.installed != nil && !isRetired
        default: return false
        }
    }

    func perform(
        _ verb: PureRequest.Verb, on row: inout PureRow, _ at: Timestamp, _ events: inout [Event]
    ) throws(Refusal) {
        switch verb {
        case .bear:
            try record(
                .born(
                    product: row.product, batch: BatchID(trusted: "batch-1"),
                    birthCertificate: Self.certificate("birth-\(row.id)", at)), &row, at, &events)
        case .ship: try record(.shipped, &row, at, &events)
        case .pair: try open(&row, at, &events)
        case .intend(let renew): try intend(renew, &row, at)
        case .keep(let serial): try keep(serial, &row, at, &events)
        case .sweep(let serial):
            guard let index = row.intents.firstIndex(where: { $0.serial == serial && $0.state == .intended }) else {
                throw refuse("That intent is finished.")
            }
            row.intents[index].state = .dead
        case .quarantine: try record(.quarantined(reason: "tamper"), &row, at, &events)
        case .restore: try record(.restored, &row, at, &events)
        case .offer: try record(.offered, &row, at, &events)
        case .withdraw: try record(.offerWithdrawn, &row, at, &events)
        case .accept:
            try record(.accepted, &row, at, &events)
            try end(&row, at, &events)
            row.wipeNonce = fates.count
        case .retire:
            try end(&row, at, &events)
            try record(.retired(how: .recycled), &row, at, &events)
            row.wipeNonce = fates.count
        case .configure:
            let version = (row.passport?.configurationVersion ?? 0) + 1
            try record(.configured(version: version, document: Self.digest), &row, at, &events)
        case .alarm: try record(.alarmRaised(alarm: .contactBeforePairing), &row, at, &events)
        case .log(let from, let count):
            try record(.logTaken(from: from, to: from + count, head: Self.digest), &row, at, &events)
        case .offerUpdate(let sequence, let remedy):
            guard row.passport?.may(.firmware, for: remedy ? .remedy : .ordinary).allowed ?? false else {
                throw refuse("Its stage has no right to it.")
            }
            try record(.updateOffered(release: Self.digest, sequence: sequence), &row, at, &events)
        case .wiped, .updated, .applied: try receive(verb, &row, at, &events)
        case .use: break
        }
    }

    /// Receipts: once each, the wipe's only for its order.
    private func receive(
        _ verb: PureRequest.Verb, _ row: inout PureRow, _ at: Timestamp, _ events: inout [Event]
    ) throws(Refusal) {
        switch verb {
        case .wiped(let nonce, let receipt):
            guard try isNew(receipt, &row) else { return }
            guard row.wipeNonce == nonce || options.broken == .ignoresNonce else { throw refuse("Another order.") }
            try record(.wiped(receipt: receipt), &row, at, &events)
            row.wipeNonce = nil
            row.oldWipe = verb
            if row.passport?.stage == .claimable, random.oneIn(2) { try open(&row, at, &events) }
        case .updated(let sequence, let failed, let receipt):
            guard try isNew(receipt, &row) else { return }
            let event: Event =
                failed
                ? .updateFailed(release: Self.digest, sequence: sequence, reason: "rolledBack", receipt: receipt)
                : .updated(release: Self.digest, sequence: sequence, receipt: receipt)
            try record(event, &row, at, &events)
        case .applied(let version, let receipt):
            guard try isNew(receipt, &row) else { return }
            try record(.configurationApplied(version: version, receipt: receipt), &row, at, &events)
        default: break
        }
    }

    private func isNew(_ receipt: Digest, _ row: inout PureRow) throws(Refusal) -> Bool {
        row.receipts.insert(receipt).inserted || options.broken == .ignoresNonce
    }

    private func open(_ row: inout PureRow, _ at: Timestamp, _ events: inout [Event]) throws(Refusal) {
        let tenure = TenureID(trusted: "tenure-\(random.next() >> 16)")
        try record(.paired(tenure: tenure, grade: .proven, owner: Self.digest), &row, at, &events)
    }

    /// In one transaction: certificates revoked, tenure ended.
    private func end(_ row: inout PureRow, _ at: Timestamp, _ events: inout [Event]) throws(Refusal) {
        guard let tenure = row.passport?.tenure?.id else { return }
        for index in row.intents.indices where row.intents[index].state != .dead {
            if options.broken == .certificateOutlives { continue }
            row.intents[index].state = .dead
            try record(
                .certificateRevoked(serial: row.intents[index].serial, reason: .affiliationChanged), &row, at, &events)
        }
        try record(.tenureEnded(tenure: tenure), &row, at, &events)
    }

    private func intend(_ renew: Bool, _ row: inout PureRow, _ at: Timestamp) throws(Refusal) {
        guard let passport = row.passport else { throw refuse("It is not born.") }
        try passport.demand(.certificate)
        guard let tenure = passport.tenure?.id else { throw refuse("It has no owner.") }
        let replaces = renew ? passport.certificates.last?.serial : nil
        row.intents.removeAll { $0.state == .dead && $0.at < at.milliseconds - 86_400_000 }
        row.intents.append(
            .init(
                serial: "c\(random.next() >> 16)", tenure: tenure, replaces: replaces, state: .intended,
                at: at.milliseconds))
    }

    private func keep(
        _ serial: String, _ row: inout PureRow, _ at: Timestamp, _ events: inout [Event]
    ) throws(Refusal) {
        guard let index = row.intents.firstIndex(where: { $0.serial == serial }) else { throw refuse("No intent.") }
        let intent = row.intents[index]
        let isOpen = intent.state == .intended || (options.broken == .keepsAbandoned && intent.state == .dead)
        guard isOpen else { throw refuse("It took too long to sign.") }
        guard let passport = row.passport, passport.tenure?.id == intent.tenure else { throw refuse("It ended.") }
        let certificate = Self.certificate(serial, at)
        if let replaced = intent.replaces {
            try record(
                .renewed(tenure: intent.tenure, certificate: certificate, replaces: replaced), &row, at, &events)
        } else {
            try record(.enrolled(tenure: intent.tenure, certificate: certificate), &row, at, &events)
        }
        row.intents[index].state = .issued
        for old in passport.certificates {
            for other in row.intents.indices where row.intents[other].serial == old.serial {
                row.intents[other].state = .dead
            }
            try record(.certificateRevoked(serial: old.serial, reason: .superseded), &row, at, &events)
        }
    }

    private static func certificate(_ serial: String, _ at: Timestamp) -> CertificateName {
        CertificateName(
            serial: serial, sha256: digest, key: Digest(Array(serial.utf8)), notAfter: at.adding(days: 90))
    }
}
