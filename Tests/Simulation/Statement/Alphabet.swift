import Passport
import Wire

/// Every kind of event, with the variants that can make a difference: the right name and a wrong one, the next number, the
/// same again, one too high. A new case of `Event` does not compile here until it has its variants.
package enum Alphabet {
    package enum Kind: CaseIterable, Sendable {
        case born, shipped, paired, enrolled, renewed, certificateRevoked, configured, configurationApplied
        case updateOffered, returnOffered, updated, updateFailed, updateWithdrawn, updateObserved
        case quarantined, restored, offered, offerWithdrawn, accepted
        case tenureEnded, wiped, retired, logTaken, alarmRaised, enrolmentCodeIssued, deviceTokenIssued
        case deviceKeyAccepted, pairingUnlocked, house
    }

    /// No default: a new event cannot be forgotten.
    package static func kind(of event: Event) -> Kind {
        switch event {
        case .born: .born
        case .shipped: .shipped
        case .paired: .paired
        case .enrolled: .enrolled
        case .renewed: .renewed
        case .certificateRevoked: .certificateRevoked
        case .configured: .configured
        case .configurationApplied: .configurationApplied
        case .updateOffered: .updateOffered
        case .returnOffered: .returnOffered
        case .updated: .updated
        case .updateFailed: .updateFailed
        case .updateWithdrawn: .updateWithdrawn
        case .updateObserved: .updateObserved
        case .quarantined: .quarantined
        case .restored: .restored
        case .offered: .offered
        case .offerWithdrawn: .offerWithdrawn
        case .accepted: .accepted
        case .tenureEnded: .tenureEnded
        case .wiped: .wiped
        case .retired: .retired
        case .logTaken: .logTaken
        case .alarmRaised: .alarmRaised
        case .enrolmentCodeIssued: .enrolmentCodeIssued
        case .deviceTokenIssued: .deviceTokenIssued
        case .deviceKeyAccepted: .deviceKeyAccepted
        case .pairingUnlocked: .pairingUnlocked
        case .authorityCreated, .certificateAbandoned, .productPublished, .permitGranted, .batchAdmitted,
            .releasePublished, .gatewayTokenSet, .personAdded, .ownerAdded, .signInLinkIssued, .tokenIssued,
            .tokenRevoked,
            .personRemoved, .alarmAcknowledged, .keySucceeded, .keyRetired, .updateSignerAdded,
            .updateSignerRemoved, .updateMetadataProposed, .updateMetadataSigned, .updateMetadataPublished,
            .rolloutPlanned, .rolloutApproved, .rolloutStarted, .rolloutAdvanced, .rolloutPaused, .rolloutResumed,
            .rolloutStopped, .rolloutFinished,
            .rolloutClosed, .updatesHeld, .updatesReleased, .deviceLabelled, .groupSet, .groupRemoved, .artifactPruned,
            .artifactReturned:
            .house
        }
    }

    package static func events(after passport: Passport?) -> [Event] {
        Kind.allCases.flatMap { events(of: $0, after: passport) }
    }

    private static let birthKey = Digest([0])
    private static func release(_ sequence: Int) -> Digest { Digest([UInt8(truncatingIfNeeded: sequence)]) }

    private static func certificate(_ name: String, key: Digest? = nil) -> CertificateName {
        CertificateName(
            serial: name, sha256: Digest(Array(name.utf8)), key: key ?? Digest(Array(name.utf8)),
            notAfter: Timestamp(year: 2027, month: 1, day: 1))
    }

    package static func events(of kind: Kind, after passport: Passport?) -> [Event] {
        let fresh = "\(passport?.version ?? 0)"
        let receipt = Digest(Array("receipt \(fresh)".utf8))
        let open = passport?.tenure?.id ?? TenureID(trusted: "none")
        let other = passport?.endedTenures.last ?? TenureID(trusted: "other")
        let live = passport?.certificates.first?.serial ?? "none"
        switch kind {
        case .born:
            return [
                .born(
                    product: ProductID(trusted: "p"), batch: BatchID(trusted: "b"),
                    birthCertificate: certificate("birth", key: birthKey))
            ]
        case .shipped: return [.shipped]
        case .paired:
            return [TenureID(trusted: "t\(fresh)"), open, other].map {
                .paired(tenure: $0, grade: .proven, owner: receipt)
            }
        case .enrolled:
            return [
                .enrolled(tenure: open, certificate: certificate("c\(fresh)")),
                .enrolled(tenure: other, certificate: certificate("c\(fresh)")),
                .enrolled(tenure: open, certificate: certificate("c\(fresh)", key: birthKey)),
                .enrolled(tenure: open, certificate: certificate(live)),
            ]
        case .renewed:
            return [
                .renewed(tenure: open, certificate: certificate("c\(fresh)"), replaces: live),
                .renewed(tenure: open, certificate: certificate("c\(fresh)"), replaces: "unknown"),
                .renewed(tenure: other, certificate: certificate("c\(fresh)"), replaces: live),
            ]
        case .certificateRevoked:
            return [live, "unknown"].map { .certificateRevoked(serial: $0, reason: .superseded) }
        case .configured: return (0...2).map { .configured(version: $0, document: receipt) }
        case .configurationApplied: return (0...2).map { .configurationApplied(version: $0, receipt: receipt) }
        case .updateOffered: return (0...2).map { .updateOffered(release: release($0), sequence: $0) }
        case .returnOffered:
            return [(0, 1), (1, 2), (2, 1), (1, 1)].map {
                .returnOffered(release: release($0), sequence: $0, from: release($1))
            }
        case .updated:
            return (1...2).map { .updated(release: release($0), sequence: $0, receipt: receipt) }
                + [.updated(release: release(1), sequence: 2, receipt: receipt)]
        case .updateFailed:
            return (1...2).map { .updateFailed(release: release($0), sequence: $0, reason: "x", receipt: receipt) }
        case .updateWithdrawn:
            return (1...2).map { .updateWithdrawn(release: release($0), sequence: $0) }
                + [.updateWithdrawn(release: release(1), sequence: 2)]
        case .updateObserved:
            return Observation.allCases.flatMap { outcome in
                (1...2).map { .updateObserved(release: release($0), sequence: $0, outcome: outcome) }
                    + [.updateObserved(release: release(1), sequence: 2, outcome: outcome)]
            }
        case .quarantined: return [.quarantined(reason: "x")]
        case .restored: return [.restored]
        case .offered: return [.offered]
        case .offerWithdrawn: return [.offerWithdrawn]
        case .accepted: return [.accepted]
        case .tenureEnded: return [open, other].map { .tenureEnded(tenure: $0) }
        case .wiped: return [.wiped(receipt: receipt)]
        case .retired: return RetirementKind.allCases.map { .retired(how: $0) }
        case .logTaken: return [(0, 1), (1, 2), (1, 1), (0, 0)].map { .logTaken(from: $0, to: $1, head: receipt) }
        case .alarmRaised: return Alarm.allCases.map { .alarmRaised(alarm: $0) }
        case .enrolmentCodeIssued: return [.enrolmentCodeIssued]
        case .deviceTokenIssued: return [.deviceTokenIssued]
        case .deviceKeyAccepted: return [.deviceKeyAccepted(key: receipt)]
        case .pairingUnlocked: return [.pairingUnlocked]
        case .house: return house
        }
    }

    private static let house: [Event] = [
        .authorityCreated(name: "a", certificate: birthKey), .certificateAbandoned(serial: "c1"),
        .productPublished(product: ProductID(trusted: "p"), document: birthKey),
        .permitGranted(batch: BatchID(trusted: "b"), product: ProductID(trusted: "p"), quantity: 1, permit: birthKey),
        .batchAdmitted(batch: BatchID(trusted: "b"), births: 1, manifest: birthKey),
        .releasePublished(product: ProductID(trusted: "p"), sequence: 1, manifest: birthKey),
        .gatewayTokenSet(product: ProductID(trusted: "p"), allowed: true),
        .personAdded(person: PersonID(trusted: "x"), role: "owner"), .tokenIssued(person: PersonID(trusted: "x")),
        .tokenRevoked(person: PersonID(trusted: "x")), .personRemoved(person: PersonID(trusted: "x")),
        .alarmAcknowledged(index: 1),
        .keySucceeded(role: "release", label: "release-2", key: birthKey),
        .keyRetired(role: "release", label: "release-1"),
        .updateSignerAdded(role: "targets", key: birthKey, person: PersonID(trusted: "x"), inToken: true),
        .updateSignerRemoved(role: "targets", key: birthKey),
        .updateMetadataProposed(role: "root", version: 1, content: birthKey),
        .updateMetadataSigned(role: "root", version: 1, content: birthKey, key: birthKey),
        .updateMetadataPublished(role: "root", version: 1, content: birthKey),
        .rolloutPlanned(rollout: rollout, product: ProductID(trusted: "p"), sequence: 1, plan: birthKey),
        .rolloutApproved(rollout: rollout), .rolloutStarted(rollout: rollout),
        .rolloutAdvanced(rollout: rollout, numbers: numbers),
        .rolloutPaused(rollout: rollout, why: "asked", numbers: numbers), .rolloutResumed(rollout: rollout),
        .rolloutStopped(rollout: rollout, why: "line", numbers: numbers),
        .rolloutFinished(rollout: rollout, numbers: numbers), .rolloutClosed(rollout: rollout),
        .updatesHeld(device: DeviceID(trusted: "d"), highest: 1), .updatesReleased(device: DeviceID(trusted: "d")),
        .deviceLabelled(device: DeviceID(trusted: "d"), labels: birthKey),
        .groupSet(group: "canaries", selector: birthKey), .groupRemoved(group: "canaries"),
        .artifactPruned(artifact: birthKey, size: 1), .artifactReturned(artifact: birthKey),
    ]
    private static let rollout = RolloutID(trusted: "r")
    private static let numbers = RolloutNumbers(
        stage: 1, ofStage: RolloutCounts(), ofAll: RolloutCounts(), bound: 0, line: 200)
}
