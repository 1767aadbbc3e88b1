import Wire

extension Passport {
    /// The stage machine: a passport and an event give a passport, or a refusal that names the rule.
    ///
    /// Pure, so that it can be simulated by the million and replayed over the ledger. `passport` is nil before birth.
    /// Invariants kept here: never two tenures at once; no operational certificate without an open tenure; nothing
    /// leaves `retired`.
    package static func advance(
        _ passport: Passport?, device: DeviceID, by event: Event, at: Timestamp
    ) throws(Refusal) -> Passport {
        if case .born(let product, let batch, let certificate) = event {
            guard passport == nil else {
                throw refuse("born", "The device is born already.", "Import each birth once.")
            }
            return Passport(born: device, product: product, batch: batch, birthCertificate: certificate, at: at)
        }
        guard var next = passport else {
            throw refuse("unborn", "The device has no birth.", "Import the batch that it was made in.")
        }
        guard at >= next.changedAt else {
            throw refuse(
                "time", "The event is dated before the one that it follows.", "Set the server's clock right; use NTP.")
        }
        try next.apply(event, at: at)
        next.version += 1
        next.changedAt = at
        return next
    }

    private mutating func apply(_ event: Event, at: Timestamp) throws(Refusal) {
        switch event {
        case .shipped:
            try require([.made], for: "ship")
            stage = .shipped
        case .paired(let tenure, let grade, _): try open(tenure, grade, at: at)
        case .enrolled(let tenure, let certificate):
            try hold(certificate, of: tenure)
            certificates.append(certificate)
        case .renewed(let tenure, let certificate, let replaced):
            try hold(certificate, of: tenure)
            guard certificates.contains(where: { $0.serial == replaced }) else {
                throw Self.refuse("certificate", "There is no live certificate \(replaced) to renew.", "Enrol anew.")
            }
            certificates.removeAll { $0.serial == replaced }
            certificates.append(certificate)
        case .certificateRevoked(let serial, _):
            certificates.removeAll { $0.serial == serial }
        case .tenureEnded(let ended): try close(ended)
        case .quarantined:
            try require([.inUse], for: "quarantine")
            stage = .quarantined
        case .restored:
            try require([.quarantined], for: "restore")
            stage = .inUse
        case .offered:
            try require([.inUse], for: "offer")
            stage = .inTransfer
            transfer = Transfer(offeredAt: at, acceptedAt: nil)
        case .offerWithdrawn:
            try require([.inTransfer], for: "withdraw")
            guard transfer?.acceptedAt == nil else {
                throw Self.refuse(
                    "withdraw", "The transfer is accepted already.", "Ask the new owner to offer it back.")
            }
            stage = .inUse
            transfer = nil
        case .accepted:
            try require([.inTransfer], for: "accept")
            guard transfer?.acceptedAt == nil else {
                throw Self.refuse("accept", "The transfer is accepted already.", "Wait for the device to wipe itself.")
            }
            transfer?.acceptedAt = at
            wipeOwed = true
        case .wiped: try wipe()
        case .retired(let how):
            guard stage != .retired else {
                throw Self.refuse("retired", "The device is retired already.", "Nothing is left to do.")
            }
            guard tenure == nil, certificates.isEmpty else {
                throw Self.refuse("retired", "A tenure or certificate is still open.", "End the tenure first.")
            }
            stage = .retired
            transfer = nil
            retirement = Retirement(how: how, at: at)
            wipeOwed = true
        default: try note(event)
        }
    }

    /// What changes no stage.
    private mutating func note(_ event: Event) throws(Refusal) {
        switch event {
        case .configured(let version, _):
            try require([.inUse], for: "configure")
            try requireTenure()
            guard version == configurationVersion + 1 else {
                throw Self.refuse(
                    "configure", "Configuration \(version) does not follow \(configurationVersion).", "Read it again.")
            }
            configurationVersion = version
        case .configurationApplied(let version, _):
            try require([.inUse, .quarantined, .inTransfer], for: "apply a configuration")
            try requireTenure()
            guard version <= configurationVersion, version > configurationApplied else {
                throw Self.refuse(
                    "configure", "Configuration \(version) was not given to this device.", "Fetch the desired state.")
            }
            configurationApplied = version
        case .logTaken(let from, let to, let head):
            try require([.inUse], for: "hand in its log")
            guard from == (log?.count ?? 0), to > from else {
                throw Self.refuse(
                    "log", "The log page does not follow what was taken.", "Send from \(log?.count ?? 0).")
            }
            log = DeviceLog(count: to, head: head)
        case .alarmRaised: break
        case .enrolmentCodeIssued: try require([.inUse], for: "enrol with a code")
        case .deviceTokenIssued: try require([.inUse], for: "get a token")
        case .deviceKeyAccepted: try require([.inUse], for: "have a key accepted")
        case .pairingUnlocked:
            try require([.made, .shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "unlock")
        default: try update(event)
        }
    }

    /// What becomes of releases.
    private mutating func update(_ event: Event) throws(Refusal) {
        switch event {
        case .updateOffered(let release, let sequence):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            guard sequence > (installed?.sequence ?? 0) else {
                throw Self.refuse(
                    "rollback", "Release \(sequence) is not newer than what is installed.", "Publish a higher sequence."
                )
            }
            // Where only a remedy may be given, what is given is one; and it stays one until it is installed or replaced.
            let isRemedy = StageTable.ruling(.firmware, in: stage) == .remedyOnly
            if let offeredUpdate, offeredUpdate.release != release { earlierOffer = offeredUpdate }
            offeredUpdate = Update(release: release, sequence: sequence, remedy: isRemedy ? true : nil)
        case .returnOffered(let release, let sequence, let from):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            guard let installed, installed.release == from, sequence < installed.sequence else {
                throw Self.refuse(
                    "rollback", "The device does not run the release that is to be left.", "Read the device again.")
            }
            if let offeredUpdate, offeredUpdate.release != release { earlierOffer = offeredUpdate }
            let isRemedy = StageTable.ruling(.firmware, in: stage) == .remedyOnly
            offeredUpdate = Update(release: release, sequence: sequence, remedy: isRemedy ? true : nil)
        case .updated(let release, let sequence, _):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            try install(Update(release: release, sequence: sequence))
        case .updateFailed(let release, _, _, _):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            guard offeredUpdate?.release == release else {
                throw Self.refuse("update", "That release was not offered to this device.", "Fetch the desired state.")
            }
            offeredUpdate = nil
        case .updateWithdrawn(let release, let sequence):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            try requireOffered(release, sequence)
            earlierOffer = offeredUpdate
            offeredUpdate = nil
        case .updateObserved(let release, let sequence, let outcome):
            try require([.shipped, .claimable, .inUse, .quarantined, .inTransfer], for: "update")
            switch outcome {
            case .installed: try install(Update(release: release, sequence: sequence, observed: true))
            case .failed:
                try requireOffered(release, sequence)
                offeredUpdate = nil
            }
        default: throw Self.refuse("kind", "\(event.kind) is not an event of a device.", "Record it without a device.")
        }
    }

    /// It runs what is offered, or what was before: that it was taken back meanwhile makes it no less true.
    private mutating func install(_ update: Update) throws(Refusal) {
        let isLate =
            earlierOffer?.release == update.release && earlierOffer?.sequence == update.sequence
            && update.sequence != (installed?.sequence ?? 0)
        if !isLate { try requireOffered(update.release, update.sequence) }
        installed = update
        if let earlierOffer, earlierOffer.sequence <= update.sequence { self.earlierOffer = nil }
        if let offeredUpdate, offeredUpdate.sequence <= update.sequence { self.offeredUpdate = nil }
    }

    private func requireOffered(_ release: Digest, _ sequence: Int) throws(Refusal) {
        guard offeredUpdate?.release == release, offeredUpdate?.sequence == sequence else {
            throw Self.refuse("update", "That release was not offered to this device.", "Fetch the desired state.")
        }
    }

    private mutating func open(_ id: TenureID, _ grade: Grade, at: Timestamp) throws(Refusal) {
        try require([.shipped, .claimable], for: "pair")
        guard tenure == nil, !endedTenures.contains(id) else {
            throw Self.refuse("tenure", "The device has an owner already.", "Ask the owner to offer it.")
        }
        tenure = Tenure(id: id, grade: grade, since: at)
        stage = .inUse
    }

    private mutating func close(_ id: TenureID) throws(Refusal) {
        guard tenure?.id == id else {
            throw Self.refuse("tenure", "That tenure is not open.", "Read the device again.")
        }
        guard certificates.isEmpty else {
            throw Self.refuse("tenure", "A certificate of the tenure is still alive.", "Revoke it first.")
        }
        tenure = nil
        endedTenures.append(id)
        configurationVersion = 0
        configurationApplied = 0
    }

    private mutating func wipe() throws(Refusal) {
        guard wipeOwed else {
            throw Self.refuse("wipe", "No wipe is owed.", "Order the wipe first; a receipt counts once.")
        }
        guard tenure == nil else {
            throw Self.refuse("wipe", "The tenure is still open.", "End the tenure first.")
        }
        wipeOwed = false
        if stage == .inTransfer {
            stage = .claimable
            transfer = nil
        }
    }

    private func hold(_ certificate: CertificateName, of id: TenureID) throws(Refusal) {
        try require([.inUse], for: "certificate")
        guard tenure?.id == id else {
            throw Self.refuse("tenure", "The certificate belongs to no open tenure.", "Pair the device first.")
        }
        guard certificate.key != birthCertificate.key else {
            throw Self.refuse(
                "key", "The operational key is the birth key.", "Make a new key pair for each tenure.")
        }
        guard !certificates.contains(where: { $0.serial == certificate.serial }) else {
            throw Self.refuse("certificate", "That serial is issued already.", "Use a fresh serial number.")
        }
    }

    private func require(_ stages: [Stage], for what: String) throws(Refusal) {
        guard stages.contains(stage) else {
            throw Refusal(
                .conflict, "A device in stage \(stage.rawValue) cannot do or undergo \"\(what)\".",
                hint: "It is possible in: \(stages.map(\.rawValue).joined(separator: ", ")). See docs/stages.md.",
                rule: "stage \(stage.rawValue): \(what)")
        }
    }

    /// A configuration is an owner's: without one there is nobody to give it, and nothing to apply.
    private func requireTenure() throws(Refusal) {
        guard tenure != nil else {
            throw Self.refuse("tenure", "The device has no owner.", "Pair the device first.")
        }
    }

    private static func refuse(_ rule: String, _ detail: String, _ hint: String) -> Refusal {
        Refusal(.conflict, detail, hint: hint, rule: "passport: \(rule)")
    }
}
