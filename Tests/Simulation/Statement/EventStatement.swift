import Passport
import Wire

/// Which event may happen when, written down a second time: docs/stages.md and DESIGN.md as conditions. Where this and
/// `Passport.advance` disagree, one of them is wrong.
package enum EventStatement {
    package static func allows(_ event: Event, after before: Passport?) -> Bool {
        guard let now = before else {
            if case .born = event { return true }
            return false
        }
        let owned = now.tenure != nil
        let inUse = now.stage == .inUse
        switch event {
        case .born: return false
        case .shipped: return now.stage == .made
        case .paired(let tenure, _, _):
            return [.shipped, .claimable].contains(now.stage) && !owned && !now.endedTenures.contains(tenure)
        case .enrolled(let tenure, let certificate): return inUse && fits(certificate, tenure, now)
        case .renewed(let tenure, let certificate, let replaced):
            return inUse && fits(certificate, tenure, now) && now.certificates.contains { $0.serial == replaced }
        case .certificateRevoked, .alarmRaised: return true
        case .configured(let version, _): return inUse && owned && version == now.configurationVersion + 1
        case .configurationApplied(let version, _):
            return owned && now.configurationApplied < version && version <= now.configurationVersion
        case .updateOffered(_, let sequence): return takesReleases(now) && sequence > (now.installed?.sequence ?? 0)
        case .returnOffered(_, let sequence, let from):
            return takesReleases(now) && now.installed.map { $0.release == from && sequence < $0.sequence } ?? false
        case .updated(let release, let sequence, _), .updateObserved(let release, let sequence, .installed):
            return takesReleases(now)
                && (isOf(now.offeredUpdate, release, sequence)
                    || isOf(now.earlierOffer, release, sequence) && sequence != (now.installed?.sequence ?? 0))
        case .updateWithdrawn(let release, let sequence), .updateObserved(let release, let sequence, .failed):
            return takesReleases(now) && isOf(now.offeredUpdate, release, sequence)
        case .updateFailed(let release, _, _, _):
            return takesReleases(now) && now.offeredUpdate?.release == release
        case .quarantined, .offered: return inUse
        case .restored: return now.stage == .quarantined
        case .offerWithdrawn, .accepted: return now.stage == .inTransfer && now.transfer?.acceptedAt == nil
        case .tenureEnded(let tenure): return now.tenure?.id == tenure && now.certificates.isEmpty
        case .wiped: return now.wipeOwed && !owned
        case .retired: return now.stage != .retired && !owned && now.certificates.isEmpty
        case .logTaken(let from, let to, _): return inUse && from == (now.log?.count ?? 0) && to > from
        case .enrolmentCodeIssued, .deviceTokenIssued, .deviceKeyAccepted: return inUse
        case .pairingUnlocked: return now.stage != .retired
        case .authorityCreated, .certificateAbandoned, .productPublished, .permitGranted, .batchAdmitted,
            .releasePublished, .gatewayTokenSet, .personAdded, .ownerAdded, .signInLinkIssued, .tokenIssued,
            .tokenRevoked,
            .personRemoved, .alarmAcknowledged, .keySucceeded, .keyRetired, .updateSignerAdded,
            .updateSignerRemoved, .updateMetadataProposed, .updateMetadataSigned, .updateMetadataPublished,
            .rolloutPlanned, .rolloutApproved, .rolloutStarted, .rolloutAdvanced, .rolloutPaused, .rolloutResumed,
            .rolloutStopped, .rolloutFinished,
            .rolloutClosed, .updatesHeld, .updatesReleased, .deviceLabelled, .groupSet, .groupRemoved, .artifactPruned,
            .artifactReturned:
            return false
        }
    }

    private static func fits(_ certificate: CertificateName, _ tenure: TenureID, _ now: Passport) -> Bool {
        now.tenure?.id == tenure && certificate.key != now.birthCertificate.key
            && !now.certificates.contains { $0.serial == certificate.serial }
    }

    private static func isOf(_ update: Passport.Update?, _ release: Digest, _ sequence: Int) -> Bool {
        update?.release == release && update?.sequence == sequence
    }

    private static func takesReleases(_ now: Passport) -> Bool { now.stage != .made && now.stage != .retired }
}
