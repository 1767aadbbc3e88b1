import Passport
import Registry
import Wire

/// A stock client says that it runs a release which was taken back, or replaced by a newer offer, before it was done.
package struct ReportInstalled: Action {
    package static let name = "use/report-installed"
    package static let permission = Permission.beDevice

    package var release: Digest

    package init(release: Digest) { self.release = release }

    package func perform(in change: Change) throws -> Done {
        let passport = try change.caller().passport
        guard let earlier = passport.earlierOffer, earlier.release == release else {
            throw Refusal(
                .gone, "That release is known to be installed, or was never offered.", hint: "Poll again.",
                rule: "passport: update")
        }
        try passport.demand(.firmware, for: earlier.purpose)
        try change.record(
            .updateObserved(release: release, sequence: earlier.sequence, outcome: .installed), on: passport.device)
        return Done()
    }
}
