import Passport
import Rollout
import Store
import Trust
import Wire

/// What the ledger says of rollouts: who planned and approved them, what was planned, and where they stand.
struct RolloutAudit {
    private struct Word {
        var plan: Digest
        var planner: PersonID?
        var approver: PersonID?
        var status = RolloutState.Status.planned
    }
    private var words: [String: Word] = [:]

    mutating func take(_ entry: Entry) {
        func become(_ status: RolloutState.Status, _ rollout: RolloutID) { words[rollout.text]?.status = status }
        switch entry.event {
        case .rolloutPlanned(let rollout, _, _, let plan):
            words[rollout.text] = Word(plan: plan, planner: entry.by.person)
        case .rolloutApproved(let rollout):
            become(.approved, rollout)
            words[rollout.text]?.approver = entry.by.person
        case .rolloutStarted(let rollout), .rolloutResumed(let rollout), .rolloutAdvanced(let rollout, _):
            become(.running, rollout)
        case .rolloutPaused(let rollout, _, _): become(.paused, rollout)
        case .rolloutStopped(let rollout, _, _): become(.stopped, rollout)
        case .rolloutFinished(let rollout, _): become(.complete, rollout)
        case .rolloutClosed(let rollout): become(.closed, rollout)
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        var left = words
        var after = ""
        while true {
            let page = try rows.query(
                """
                SELECT id, plan, status, planned_by, approved_by FROM rollout WHERE id > $1 ORDER BY id LIMIT 1000
                """, [.text(after)])
            guard let last = page.last else { break }
            after = try last.text("id")
            for row in page {
                let id = try row.text("id")
                func find(_ finding: String) { notes.find("rollout \(id)", finding) }
                guard let word = left.removeValue(forKey: id) else {
                    find("The ledger never heard of it.")
                    continue
                }
                if LeafCertificate.sha256(Array(try row.text("plan").utf8)) != word.plan {
                    find("Its plan is not the one that was approved.")
                }
                let status = try row.text("status")
                if status != word.status.rawValue {
                    find("It is \(status) in the registry, \(word.status.rawValue) by the ledger.")
                }
                if row.optionalText("planned_by") != word.planner?.text
                    || row.optionalText("approved_by") != word.approver?.text
                {
                    find("Who planned or approved it differs from the ledger.")
                }
            }
        }
        for id in left.keys.sorted() { notes.find("rollout \(id)", "Its row is gone from the registry.") }
    }
}
