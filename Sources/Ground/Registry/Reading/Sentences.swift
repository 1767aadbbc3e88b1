import Passport
import Wire

/// Events and alarms, told to a person: one sentence each. The console, the passport print and the API say the same.
package enum Sentences {
    package static func of(_ event: Event) -> String {
        ofLife(event) ?? ofUse(event) ?? ofHouse(event)
    }

    /// Birth, ownership and the end.
    private static func ofLife(_ event: Event) -> String? {
        switch event {
        case .born(let product, let batch, let certificate):
            "Born as a \(product) in batch \(batch), with birth certificate \(short(certificate.serial))."
        case .shipped: "Left the maker."
        case .paired(_, let grade, _): "Got an owner; the pairing was \(proof(grade))."
        case .offered: "Its owner offered it to somebody else."
        case .offerWithdrawn: "Its owner took the offer back."
        case .accepted: "The new owner accepted it; the device has to wipe itself."
        case .tenureEnded: "The ownership ended: its certificates are revoked and its data key is destroyed."
        case .wiped: "Wiped itself and signed for it."
        case .retired(let how): "Retired: \(how.rawValue)."
        case .quarantined(let reason): "Quarantined: \(reason.prefix(200))"
        case .restored: "Restored from quarantine."
        default: nil
        }
    }

    /// The long middle.
    private static func ofUse(_ event: Event) -> String? {
        switch event {
        case .enrolled(_, let certificate): "Enrolled: got operational certificate \(short(certificate.serial))."
        case .renewed(_, let certificate, let old):
            "Renewed its certificate: \(short(certificate.serial)) in place of \(short(old))."
        case .certificateRevoked(let serial, let reason):
            "Certificate \(short(serial)) was revoked: \(words(reason.rawValue))."
        case .configured(let version, _): "Its owner gave it configuration \(version)."
        case .configurationApplied(let version, _): "Put configuration \(version) into force and signed for it."
        case .updateOffered(_, let sequence): "Release \(sequence) was offered to it."
        case .returnOffered(_, let sequence, _): "The way back to release \(sequence) was offered to it."
        case .updated(_, let sequence, _): "Runs release \(sequence) and signed for it."
        case .updateFailed(_, let sequence, let reason, _):
            "Did not take release \(sequence): \(reason.prefix(200))"
        case .updateWithdrawn(_, let sequence): "The offer of release \(sequence) was taken back."
        case .updateObserved(_, let sequence, .installed):
            "Runs release \(sequence), as its client reported; nothing is signed for it."
        case .updateObserved(_, let sequence, .failed):
            "Did not take release \(sequence), as its client reported; nothing is signed for it."
        case .logTaken(let from, let to, _): "Handed in entries \(from) to \(to - 1) of its own log."
        case .enrolmentCodeIssued: "Its owner had a one-time enrolment code made."
        case .deviceTokenIssued: "Its owner had a token made for a client without a certificate."
        case .deviceKeyAccepted: "Its owner accepted the key of a client without a certificate."
        case .pairingUnlocked: "The maker let it be paired again after wrong codes."
        case .alarmRaised(let alarm): "Alarm: \(meaning(of: alarm))"
        default: nil
        }
    }

    private static func ofHouse(_ event: Event) -> String {
        switch event {
        case .authorityCreated(let name, _): "The authority \(name) was created."
        case .certificateAbandoned(let serial): "The reserved certificate \(short(serial)) was abandoned unsigned."
        case .productPublished(let product, _): "The product \(product) was published."
        case .permitGranted(let batch, let product, let quantity, _):
            "A station was permitted to make \(quantity) of \(product) as batch \(batch)."
        case .batchAdmitted(let batch, let births, _): "\(births) births of batch \(batch) were admitted."
        case .releasePublished(let product, let sequence, _): "Release \(sequence) of \(product) was published."
        case .gatewayTokenSet(let product, true): "One token was made to speak for every device of \(product)."
        case .gatewayTokenSet(let product, false): "No token speaks for every device of \(product) any more."
        case .personAdded(_, let role): "Somebody was added with the role \(role)."
        case .ownerAdded(let kind): "An owner of devices was added (\(kind))."
        case .signInLinkIssued: "A one-time sign-in link was made."
        case .tokenIssued: "An API token was issued."
        case .tokenRevoked: "An API token was revoked."
        case .personRemoved: "Somebody left: no sign-in, session or token of theirs works any more."
        case .alarmAcknowledged(let index): "The alarm of entry \(index) was acknowledged."
        case .keySucceeded(let role, let label, _): "The key \(label) is the house's \(words(role)) key from now on."
        case .keyRetired(_, let label): "The key \(label) was destroyed."
        case .updateSignerAdded(let role, let key, _, let inToken):
            "The key \(short(key.description))\(inToken ? ", in a token," : "") may sign for \(role)."
        case .updateSignerRemoved(let role, let key): "The key \(short(key.description)) no longer signs for \(role)."
        case .updateMetadataProposed(let role, let version, let content):
            "Version \(version) of \(role) was proposed, with the SHA-256 \(short(content.description))."
        case .updateMetadataSigned(let role, let version, _, let key):
            "Version \(version) of \(role) was signed with the key \(short(key.description))."
        case .updateMetadataPublished(let role, let version, let content):
            "Version \(version) of \(role) was published, with the SHA-256 \(short(content.description))."
        default:
            ofRollouts(event) ?? "\(words(event.kind).prefix(1).uppercased())\(words(event.kind).dropFirst())."
        }
    }

    private static func ofRollouts(_ event: Event) -> String? {
        switch event {
        case .rolloutPlanned(_, let product, let sequence, _):
            "A rollout of release \(sequence) of \(product) was planned; it waits for a second person."
        case .rolloutApproved: "A second person approved the rollout."
        case .rolloutStarted: "The rollout was started."
        case .rolloutAdvanced(_, let numbers):
            "Stage \(numbers.stage) of the rollout passed: \(said(numbers)). The next one is open."
        case .rolloutPaused(_, "asked", let numbers): "Somebody paused the rollout: \(said(numbers))."
        case .rolloutPaused(_, "tooFew", let numbers):
            "The rollout waits for a person, because too few answered to conclude anything: \(said(numbers))."
        case .rolloutPaused(_, "check", let numbers):
            "The rollout waits for the outside check: \(said(numbers))."
        case .rolloutPaused(_, "refused", let numbers): "The outside check said no: \(said(numbers))."
        case .rolloutPaused(_, _, let numbers):
            "The rollout waits for a person, as planned behind stage \(numbers.stage): \(said(numbers))."
        case .rolloutResumed: "The rollout goes on."
        case .rolloutStopped(_, "line", let numbers):
            "The rollout stopped by its own numbers: \(said(numbers)); at least \(percent(numbers.bound)) fail, the line is \(percent(numbers.line))."
        case .rolloutStopped(_, _, let numbers): "Somebody stopped the rollout: \(said(numbers))."
        case .rolloutFinished(_, let numbers):
            "Every stage of the rollout has passed: \(numbers.ofAll.done) of \(numbers.ofAll.answered) devices run the release quietly."
        case .updatesHeld(let device, let highest):
            "Device \(short(device.text)) is offered no release above \(highest) until somebody releases it."
        case .updatesReleased(let device): "Device \(short(device.text)) is offered releases like any other again."
        case .deviceLabelled(let device, _): "The labels of device \(short(device.text)) were changed."
        case .groupSet(let group, _): "The group \(group) was given its meaning."
        case .groupRemoved(let group): "The group \(group) was removed."
        case .artifactPruned(let artifact, let size):
            "The artifact \(short(artifact.description)) of \(size) bytes was removed: nothing needed it any more."
        case .artifactReturned(let artifact):
            "The artifact \(short(artifact.description)), which had been removed, was uploaded again."
        case .rolloutClosed: "The rollout ended; another one of the product took over."
        default: nil
        }
    }

    private static func said(_ numbers: RolloutNumbers) -> String {
        let counts = numbers.ofStage
        return "\(counts.done) done, \(counts.failed) failed, \(counts.silent) silent, \(counts.soaking) soaking"
    }

    /// Of parts of 10,000.
    package static func percent(_ parts: Int) -> String {
        let rest = parts % 100
        return rest == 0 ? "\(parts / 100) %" : "\(parts / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }

    package static func meaning(of alarm: Alarm) -> String {
        switch alarm {
        case .contactBeforeShipping: "The device made contact while it should be in stock; it may be diverted."
        case .contactBeforePairing: "The device made contact before it was sold."
        case .contactAfterRetirement: "The device made contact after its life had ended."
        case .keySeenTwice: "A second device showed its key; one of them is a copy."
        case .pairingLocked: "Somebody tried too many pairing secrets; pairing is locked."
        case .logBroken: "The device's own log has a gap or was rewritten."
        case .artifactRefused: "The device refused an artifact that was offered to it."
        case .receiptRefused: "A receipt was replayed or signed with the wrong key."
        case .ledgerRolledBack: "A witness has seen a longer ledger than this one; entries were lost."
        case .ledgerForked: "A witness has seen another history of this ledger than this one."
        }
    }

    package static func proof(_ grade: Grade) -> String {
        switch grade {
        case .declared: "only declared (the serial was typed)"
        case .label: "proven with the code on the label"
        case .secret: "proven with the one-time secret"
        case .proven: "proven by the device with its birth key"
        case .voucher: "proven with a chain of hand-overs"
        }
    }

    /// The first 8 digits of a serial number: enough to compare by eye.
    private static func short(_ serial: String) -> String { serial.count > 8 ? "\(serial.prefix(8))…" : serial }

    /// "cessationOfOperation" → "cessation of operation".
    private static func words(_ camel: String) -> String {
        camel.map { $0.isUppercase ? " \($0.lowercased())" : String($0) }.joined()
    }
}
