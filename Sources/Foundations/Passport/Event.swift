import Wire

/// One X.509 certificate, as the ledger names it: everything that is needed to find and check it, nothing personal.
package struct CertificateName: Codable, Sendable, Hashable {
    /// Serial number, lower-case hexadecimal.
    package var serial: String
    /// SHA-256 of the certificate's DER.
    package var sha256: Digest
    /// SHA-256 of its SubjectPublicKeyInfo.
    package var key: Digest
    package var notAfter: Timestamp

    package init(serial: String, sha256: Digest, key: Digest, notAfter: Timestamp) {
        self.serial = serial
        self.sha256 = sha256
        self.key = key
        self.notAfter = notAfter
    }
}

/// Why somebody must look at a device, or at the house.
package enum Alarm: String, Codable, Sendable, CaseIterable {
    /// It made contact while it should be in stock: diverted.
    case contactBeforeShipping
    /// It made contact before it was sold, and the product's policy wants to hear of it.
    case contactBeforePairing
    /// It made contact after its life had ended.
    case contactAfterRetirement
    /// A second device showed its public key.
    case keySeenTwice
    /// Somebody tried too many pairing secrets.
    case pairingLocked
    /// Its own log has a gap or was rewritten.
    case logBroken
    /// It refused an artifact that was offered to it.
    case artifactRefused
    /// A receipt was replayed or signed by the wrong key.
    case receiptRefused
    /// A witness cosigned a larger ledger than this one: entries were lost, by an old backup or on purpose.
    case ledgerRolledBack
    /// A witness cosigned a ledger that is not the beginning of this one: there are two histories.
    case ledgerForked
}

/// What the server observed of an update whose device cannot sign: what its client reported, and nothing more.
package enum Observation: String, Codable, Sendable, CaseIterable {
    case installed, failed
}

/// A fact about the system. What is about a device is folded into its passport; the rest is about the house.
///
/// The names of cases and fields are the ledger's format: they are never changed, only added to.
package enum Event: Codable, Sendable, Equatable {
    // A device's life.
    case born(product: ProductID, batch: BatchID, birthCertificate: CertificateName)
    case shipped
    case paired(tenure: TenureID, grade: Grade, owner: Digest)
    case enrolled(tenure: TenureID, certificate: CertificateName)
    case renewed(tenure: TenureID, certificate: CertificateName, replaces: String)
    case certificateRevoked(serial: String, reason: RevocationCause)
    case configured(version: Int, document: Digest)
    case configurationApplied(version: Int, receipt: Digest)
    case updateOffered(release: Digest, sequence: Int)
    /// The release before `from`, which runs and whose signed manifest lets a device go back to it.
    case returnOffered(release: Digest, sequence: Int, from: Digest)
    case updated(release: Digest, sequence: Int, receipt: Digest)
    case updateFailed(release: Digest, sequence: Int, reason: String, receipt: Digest)
    /// The offer was taken back before the device had installed it.
    case updateWithdrawn(release: Digest, sequence: Int)
    /// A client that signs no receipts reported how its update ended: the server's word, not the device's.
    case updateObserved(release: Digest, sequence: Int, outcome: Observation)
    case quarantined(reason: String)
    case restored
    case offered
    case offerWithdrawn
    case accepted
    case tenureEnded(tenure: TenureID)
    case wiped(receipt: Digest)
    case retired(how: RetirementKind)
    case logTaken(from: Int, to: Int, head: Digest)
    case alarmRaised(alarm: Alarm)
    /// Its owner had a one-time enrolment code made.
    case enrolmentCodeIssued
    /// Its owner had a token made with which a client without a certificate authenticates, for as long as the tenure lasts.
    case deviceTokenIssued
    /// Its owner accepted the key with which a client without a certificate authenticates, for as long as the tenure lasts.
    /// `key` is a SHA-256 over a random number that nobody keeps and its SubjectPublicKeyInfo's: it links no two tenures.
    case deviceKeyAccepted(key: Digest)
    /// Its pairing, locked after wrong codes, was opened again.
    case pairingUnlocked

    // The house.
    case authorityCreated(name: String, certificate: Digest)
    case certificateAbandoned(serial: String)
    case productPublished(product: ProductID, document: Digest)
    case permitGranted(batch: BatchID, product: ProductID, quantity: Int, permit: Digest)
    case batchAdmitted(batch: BatchID, births: Int, manifest: Digest)
    case releasePublished(product: ProductID, sequence: Int, manifest: Digest)
    /// From now on one token speaks for every device of the product, or none does any more.
    case gatewayTokenSet(product: ProductID, allowed: Bool)
    case personAdded(person: PersonID, role: String)
    /// "person" or "organisation"; nothing else, because whoever it is would be personal.
    case ownerAdded(kind: String)
    case signInLinkIssued(person: PersonID)
    case tokenIssued(person: PersonID)
    case tokenRevoked(person: PersonID)
    case personRemoved(person: PersonID)
    case alarmAcknowledged(index: Int)
    /// A key of the house took over from another; `key` is nil for one that has no public half.
    case keySucceeded(role: String, label: String, key: Digest?)
    /// A key of the house was destroyed.
    case keyRetired(role: String, label: String)
    /// A key may sign for a role of update metadata; whether it is in a token is the word of whoever registered it.
    case updateSignerAdded(role: String, key: Digest, person: PersonID, inToken: Bool)
    case updateSignerRemoved(role: String, key: Digest)
    /// Update metadata on its way; `content` is the SHA-256 of exactly what is signed, the same in all three.
    case updateMetadataProposed(role: String, version: Int, content: Digest)
    case updateMetadataSigned(role: String, version: Int, content: Digest, key: Digest)
    case updateMetadataPublished(role: String, version: Int, content: Digest)
    /// A rollout of a release was written down; `plan` is the hash of what it says.
    case rolloutPlanned(rollout: RolloutID, product: ProductID, sequence: Int, plan: Digest)
    case rolloutApproved(rollout: RolloutID)
    case rolloutStarted(rollout: RolloutID)
    /// A stage has passed, and the next one opened.
    case rolloutAdvanced(rollout: RolloutID, numbers: RolloutNumbers)
    /// `why` is one word: "asked" by a person, "planned" behind a stage, "tooFew" to conclude anything from, "check" while the
    /// outside check is asked, "refused" when it said no.
    case rolloutPaused(rollout: RolloutID, why: String, numbers: RolloutNumbers)
    case rolloutResumed(rollout: RolloutID)
    /// For ever; "asked" by a person, or "line": the failure share is surely beyond it.
    case rolloutStopped(rollout: RolloutID, why: String, numbers: RolloutNumbers)
    case rolloutFinished(rollout: RolloutID, numbers: RolloutNumbers)
    /// Another rollout of the product took over.
    case rolloutClosed(rollout: RolloutID)
    /// The device is offered no release above this one, until somebody releases it.
    case updatesHeld(device: DeviceID, highest: Int)
    case updatesReleased(device: DeviceID)
    /// Labels were written on the device; a hash over all that it has now, with salt, because anybody reads the ledger.
    case deviceLabelled(device: DeviceID, labels: Digest)
    /// A group means the devices of a selector; the hash of that.
    case groupSet(group: String, selector: Digest)
    case groupRemoved(group: String)
    /// Nothing needed its bytes any more, and they were removed.
    case artifactPruned(artifact: Digest, size: Int)
    /// What was pruned was uploaded again.
    case artifactReturned(artifact: Digest)

    /// The case's name: what lists, filters and metrics call it.
    package var kind: String {
        // Written out: asking for a case's name at run time costs more than all the rest of an entry.
        switch self {
        case .born: "born"
        case .shipped: "shipped"
        case .paired: "paired"
        case .enrolled: "enrolled"
        case .renewed: "renewed"
        case .certificateRevoked: "certificateRevoked"
        case .configured: "configured"
        case .configurationApplied: "configurationApplied"
        case .updateOffered: "updateOffered"
        case .returnOffered: "returnOffered"
        case .updated: "updated"
        case .updateFailed: "updateFailed"
        case .updateWithdrawn: "updateWithdrawn"
        case .updateObserved: "updateObserved"
        case .quarantined: "quarantined"
        case .restored: "restored"
        case .offered: "offered"
        case .offerWithdrawn: "offerWithdrawn"
        case .accepted: "accepted"
        case .tenureEnded: "tenureEnded"
        case .wiped: "wiped"
        case .retired: "retired"
        case .logTaken: "logTaken"
        case .alarmRaised: "alarmRaised"
        case .enrolmentCodeIssued: "enrolmentCodeIssued"
        case .deviceTokenIssued: "deviceTokenIssued"
        case .deviceKeyAccepted: "deviceKeyAccepted"
        case .pairingUnlocked: "pairingUnlocked"
        case .authorityCreated: "authorityCreated"
        case .certificateAbandoned: "certificateAbandoned"
        case .productPublished: "productPublished"
        case .permitGranted: "permitGranted"
        case .batchAdmitted: "batchAdmitted"
        case .releasePublished: "releasePublished"
        case .gatewayTokenSet: "gatewayTokenSet"
        case .personAdded: "personAdded"
        case .ownerAdded: "ownerAdded"
        case .signInLinkIssued: "signInLinkIssued"
        case .tokenIssued: "tokenIssued"
        case .tokenRevoked: "tokenRevoked"
        case .personRemoved: "personRemoved"
        case .alarmAcknowledged: "alarmAcknowledged"
        case .keySucceeded: "keySucceeded"
        case .keyRetired: "keyRetired"
        case .updateSignerAdded: "updateSignerAdded"
        case .updateSignerRemoved: "updateSignerRemoved"
        case .updateMetadataProposed: "updateMetadataProposed"
        case .updateMetadataSigned: "updateMetadataSigned"
        case .updateMetadataPublished: "updateMetadataPublished"
        case .rolloutPlanned: "rolloutPlanned"
        case .rolloutApproved: "rolloutApproved"
        case .rolloutStarted: "rolloutStarted"
        case .rolloutAdvanced: "rolloutAdvanced"
        case .rolloutPaused: "rolloutPaused"
        case .rolloutResumed: "rolloutResumed"
        case .rolloutStopped: "rolloutStopped"
        case .rolloutFinished: "rolloutFinished"
        case .rolloutClosed: "rolloutClosed"
        case .updatesHeld: "updatesHeld"
        case .updatesReleased: "updatesReleased"
        case .deviceLabelled: "deviceLabelled"
        case .groupSet: "groupSet"
        case .groupRemoved: "groupRemoved"
        case .artifactPruned: "artifactPruned"
        case .artifactReturned: "artifactReturned"
        }
    }
}

/// Who did it: a role and, for staff, a random name that says nothing by itself. An owner is named by the tenure alone.
package struct Actor: Codable, Sendable, Equatable {
    package var role: String
    package var person: PersonID?
    package init(role: String, person: PersonID? = nil) {
        self.role = role
        self.person = person
    }
}

/// One leaf of the ledger. Its bytes are the canonical JSON of this, kept and hashed as they were first written.
package struct Entry: Codable, Sendable, Equatable {
    /// Version of the leaf's format.
    package var v: Int
    package var at: Timestamp
    package var device: DeviceID?
    package var by: Actor
    package var event: Event

    package init(at: Timestamp, device: DeviceID?, by: Actor, event: Event) {
        self.v = 1
        self.at = at
        self.device = device
        self.by = by
        self.event = event
    }

    /// Bound of one leaf, in bytes; tlog-tiles entry bundles have a 16-bit length.
    package static let maximumBytes = 16_384
}
