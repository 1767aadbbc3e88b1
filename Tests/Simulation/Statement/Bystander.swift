import Passport
import Wire

/// What somebody knows who only reads a device's events as they enter the ledger: a second, simpler fold, kept apart from
/// `Passport` on purpose. It judges nothing before it happened; it complains about what should not have.
package struct Bystander: Sendable {
    package private(set) var stage: Stage?
    package private(set) var openTenures: [TenureID] = []
    package private(set) var endedTenures: [TenureID] = []
    /// Live operational certificates: serial and tenure.
    package private(set) var certificates: [(serial: String, tenure: TenureID)] = []
    package private(set) var wipeOwed = false
    package private(set) var version = 0
    package private(set) var lastAt: Timestamp?
    private var accepted = false
    private var installed = 0
    private var offered: [Int] = []
    /// Offered before, and taken back or replaced.
    private var earlier: [Int] = []
    /// Offered as the way back, which is said to be one.
    private var back: [Int] = []
    private var receipts: Set<Digest> = []
    private var dead: Set<String> = []

    package init() {}

    package struct Complaint: Error, Sendable {
        package var invariant: Invariant
        package var detail: String
        package init(_ invariant: Invariant, _ detail: String) {
            self.invariant = invariant
            self.detail = detail
        }
    }

    /// A serial that must never be issued any more.
    package mutating func abandon(_ serial: String) { dead.insert(serial) }

    package mutating func see(_ event: Event, at: Timestamp) throws(Complaint) {
        if let lastAt, at < lastAt { throw Complaint(.timeForward, "\(event.kind) is dated before what it follows") }
        lastAt = at
        version += 1
        try judgeRetired(event)
        if let receipt = event.receipt {
            guard receipts.insert(receipt).inserted else {
                throw Complaint(.receiptOnce, "the receipt of \(event.kind) counted twice")
            }
        }
        try tenures(event)
        try certificates(event)
        try releases(event)
        try move(event)
        if openTenures.count > 1 { throw Complaint(.oneTenure, "\(openTenures.count) tenures are open") }
    }

    /// What may still be said of a device whose life is over.
    private func judgeRetired(_ event: Event) throws(Complaint) {
        guard stage == .retired else { return }
        switch event {
        case .certificateRevoked, .wiped, .alarmRaised: return
        default: throw Complaint(.retiredIsFinal, "\(event.kind) after the end of its life")
        }
    }

    private mutating func tenures(_ event: Event) throws(Complaint) {
        switch event {
        case .paired(let tenure, _, _):
            guard openTenures.isEmpty, !endedTenures.contains(tenure) else {
                throw Complaint(.oneTenure, "tenure \(tenure) opens while \(openTenures) is open or it has ended")
            }
            openTenures.append(tenure)
        case .tenureEnded(let tenure):
            guard openTenures.contains(tenure) else { throw Complaint(.oneTenure, "\(tenure) ends and was not open") }
            openTenures.removeAll { $0 == tenure }
            endedTenures.append(tenure)
            if let alive = certificates.first(where: { $0.tenure == tenure }) {
                throw Complaint(.certificateNeedsTenure, "certificate \(alive.serial) outlives \(tenure)")
            }
        case .retired:
            guard openTenures.isEmpty, certificates.isEmpty else {
                throw Complaint(.certificateNeedsTenure, "it retires with a tenure or certificates")
            }
        default: break
        }
    }

    private mutating func certificates(_ event: Event) throws(Complaint) {
        switch event {
        case .enrolled(let tenure, let certificate): try hold(certificate.serial, tenure)
        case .renewed(let tenure, let certificate, let replaced):
            try hold(certificate.serial, tenure)
            certificates.removeAll { $0.serial == replaced }
            dead.insert(replaced)
        case .certificateRevoked(let serial, _):
            certificates.removeAll { $0.serial == serial }
            dead.insert(serial)
        default: break
        }
    }

    private mutating func hold(_ serial: String, _ tenure: TenureID) throws(Complaint) {
        guard openTenures.contains(tenure) else {
            throw Complaint(.certificateNeedsTenure, "certificate \(serial) is of \(tenure), which is not open")
        }
        guard !dead.contains(serial) else {
            throw Complaint(.abandonedStaysDead, "certificate \(serial) was abandoned or revoked, and is issued")
        }
        certificates.append((serial, tenure))
    }

    private mutating func releases(_ event: Event) throws(Complaint) {
        switch event {
        case .updateOffered(_, let sequence):
            guard sequence > installed else {
                throw Complaint(.releaseForward, "release \(sequence) is offered over \(installed)")
            }
            if !offered.isEmpty, offered != [sequence] { earlier = offered }
            offered = [sequence]
        case .returnOffered(_, let sequence, _):
            guard sequence < installed else {
                throw Complaint(.releaseForward, "release \(sequence) is the way back from \(installed)")
            }
            if !offered.isEmpty, offered != [sequence] { earlier = offered }
            back.append(sequence)
            offered = [sequence]
        case .updated(_, let sequence, _), .updateObserved(_, let sequence, .installed):
            guard sequence > installed || back.contains(sequence),
                offered.contains(sequence) || earlier.contains(sequence)
            else {
                throw Complaint(.releaseForward, "release \(sequence) is installed over \(installed)")
            }
            installed = sequence
            offered.removeAll { $0 <= sequence }
            earlier.removeAll { $0 <= sequence }
        case .updateFailed, .updateObserved(_, _, .failed): offered = []
        case .updateWithdrawn(_, let sequence):
            guard offered.contains(sequence) else {
                throw Complaint(.releaseForward, "release \(sequence) is taken back and was not offered")
            }
            earlier = offered
            offered = []
        default: break
        }
    }

    /// The arrows of DESIGN.md's picture.
    private mutating func move(_ event: Event) throws(Complaint) {
        func from(_ stages: Stage..., to next: Stage) throws(Complaint) -> Stage {
            guard let stage, stages.contains(stage) else {
                throw Complaint(.stagesInOrder, "\(event.kind) in stage \(stage?.rawValue ?? "unborn")")
            }
            return next
        }
        switch event {
        case .born:
            guard stage == nil else { throw Complaint(.stagesInOrder, "it is born twice") }
            stage = .made
        case .shipped: stage = try from(.made, to: .shipped)
        case .paired: stage = try from(.shipped, .claimable, to: .inUse)
        case .quarantined: stage = try from(.inUse, to: .quarantined)
        case .restored: stage = try from(.quarantined, to: .inUse)
        case .offered: (stage, accepted) = (try from(.inUse, to: .inTransfer), false)
        case .offerWithdrawn:
            guard !accepted else { throw Complaint(.stagesInOrder, "an accepted transfer is withdrawn") }
            stage = try from(.inTransfer, to: .inUse)
        case .accepted:
            _ = try from(.inTransfer, to: .inTransfer)
            (accepted, wipeOwed) = (true, true)
        case .wiped:
            guard wipeOwed else { throw Complaint(.stagesInOrder, "a wipe counts that nobody ordered") }
            wipeOwed = false
            if stage == .inTransfer { stage = .claimable }
        case .retired:
            stage = try from(.made, .shipped, .inUse, .quarantined, .inTransfer, .claimable, to: .retired)
            wipeOwed = true
        default: if stage == nil { throw Complaint(.stagesInOrder, "\(event.kind) before birth") }
        }
    }

    /// Whether a passport says what the events said.
    package func difference(from passport: Passport?) -> String? {
        guard let passport else { return stage == nil ? nil : "the passport is missing" }
        if passport.stage != stage { return "stage \(passport.stage), by the events \(stage?.rawValue ?? "unborn")" }
        if passport.version != version { return "version \(passport.version), by the events \(version)" }
        if passport.tenure?.id != openTenures.first { return "its open tenure is another one" }
        if passport.certificates.map(\.serial).sorted() != certificates.map(\.serial).sorted() {
            return "its live certificates are other ones"
        }
        if passport.wipeOwed != wipeOwed { return "whether it owes a wipe differs" }
        if (passport.installed?.sequence ?? 0) != installed { return "what is installed differs" }
        return nil
    }
}

extension Event {
    /// The receipt that an event rests on, if it rests on one.
    package var receipt: Digest? {
        switch self {
        case .configurationApplied(_, let receipt), .updated(_, _, let receipt), .updateFailed(_, _, _, let receipt),
            .wiped(let receipt):
            receipt
        default: nil
        }
    }
}
