import Passport
import Wire

/// What a node does with requests: waits, decides in a group on one state, commits with compare-and-set, answers.
extension PureWorld {
    private static let groupLimit = 8
    private static let waitingLimit = 32

    func take(_ request: PureRequest, at node: Int) throws(Violation) {
        if case .use(let right, let purpose) = request.verb { return try read(right, purpose, request, at: node) }
        guard nodes[node].waiting.count < Self.waitingLimit else { return }
        fates.append(0)
        nodes[node].waiting.append(PureAttempt(number: fates.count - 1, request: request))
    }

    /// The verdict of this instant, against the table as it was written down a second time.
    private func read(
        _ right: Right, _ purpose: Purpose, _ request: PureRequest, at node: Int
    ) throws(Violation) {
        let row = rows[request.slot]
        guard row.id == request.device, let present = row.passport, let stage = row.bystander.stage else { return }
        var passport = present
        if options.broken == .staleRights {
            passport = nodes[node].seen[row.id] ?? present
            nodes[node].seen[row.id] = passport
        }
        let said = passport.may(right, for: purpose).allowed
        let facts = RightsStatement.Facts(wipeOwed: row.bystander.wipeOwed)
        guard said == RightsStatement.allows(right, in: stage, for: purpose, facts) else {
            throw violation(
                .rightFromStage,
                "\(row.id) in \(stage.rawValue) is \(said ? "given" : "denied") \(right.rawValue) for \(purpose.rawValue)"
            )
        }
    }

    /// Runs a group on the state of this instant. A refusal undoes its own share and no other.
    func prepare(_ node: Int) throws(Violation) {
        guard !nodes[node].waiting.isEmpty else { return }
        let clock = now + nodes[node].skew
        // A clock that is far behind the ledger records nothing.
        guard clock >= lastAt - 300_000 || options.broken == .clockGoesBack else {
            isUnknown(nodes[node].waiting.count)
            nodes[node].waiting.removeAll()
            return
        }
        let count = min(nodes[node].waiting.count, 1 + random.below(Self.groupLimit))
        var prepared = PurePrepared(start: size, at: options.broken == .clockGoesBack ? clock : max(clock, lastAt))
        prepared.group = Array(nodes[node].waiting.prefix(count))
        nodes[node].waiting.removeFirst(count)
        runAll(&prepared)
        if options.broken == .answersEarly { try answer(prepared) }
        nodes[node].prepared = prepared
    }

    private func runAll(_ prepared: inout PurePrepared) {
        for attempt in prepared.group {
            let slot = attempt.request.slot
            var row = prepared.rows[slot] ?? rows[slot]
            if prepared.rows[slot] == nil { prepared.versions.append((slot, row.passport?.version ?? 0, row.commits)) }
            var events: [Event] = []
            let before = row
            do throws(Refusal) {
                guard row.id == attempt.request.device else {
                    throw Refusal(.notFound, "There is no such device.", hint: "Look at the label.")
                }
                try perform(attempt.request.verb, on: &row, Timestamp(milliseconds: prepared.at), &events)
                // An action may find only at its end that it cannot be: all of it is undone.
                if random.oneIn(60) { throw Refusal(.conflict, "It changed its mind.", hint: "Try again.") }
                prepared.outcomes.append((attempt.number, true))
            } catch {
                if options.broken == .refusalStays, !events.isEmpty {
                    // The share of the refused stays: what a forgotten savepoint would do.
                } else {
                    (row, events) = (before, [])
                }
                prepared.outcomes.append((attempt.number, false))
            }
            prepared.rows[slot] = row
            prepared.events += events.map { (slot, $0, attempt.number) }
        }
    }

    /// Compare-and-set of the ledger's size and of every version; then all of it, or nothing.
    func commit(_ node: Int) throws(Violation) {
        guard var prepared = nodes[node].prepared else { return }
        nodes[node].prepared = nil
        let isCurrent =
            (prepared.start == size || options.broken == .forgetsSize)
            && prepared.versions.allSatisfy {
                (rows[$0.slot].passport?.version ?? 0) == $0.version && rows[$0.slot].commits == $0.commits
            }
        if !isCurrent, options.broken == .forgetsVersion {
            prepared.start = size
            prepared.at = max(prepared.at, lastAt)
        } else if !isCurrent {
            isUnknown(prepared.group.count)
            return
        }
        switch random.below(40) {
        case 0:  // The commit failed: nothing stays, and nobody is told yes.
            isUnknown(prepared.group.count)
        case 1:  // It failed and yet is there: nobody is told.
            try apply(prepared)
            isUnknown(prepared.group.count)
            if options.broken == .answersTwice {
                nodes[node].waiting = prepared.group + nodes[node].waiting
            }
        case 2:  // The node dies between commit and answer.
            try apply(prepared)
            isUnknown(prepared.group.count)
            crash(node)
        default:
            try apply(prepared)
            try answer(prepared)
        }
    }

    private func apply(_ prepared: PurePrepared) throws(Violation) {
        var index = prepared.start
        // In the order in which they were touched, not in that of a dictionary: a seed has to replay exactly.
        for (slot, _, _) in prepared.versions {
            guard let row = prepared.rows[slot] else { continue }
            let (bystander, history) = (rows[slot].bystander, rows[slot].history)
            rows[slot] = row
            rows[slot].commits += 1
            (rows[slot].bystander, rows[slot].history) = (bystander, history)
        }
        var persisted = Set<Int>()
        for (slot, event, attempt) in prepared.events {
            guard index == size else {
                throw violation(.oneOrder, "the index \(index) is given twice; the ledger has \(size) entries")
            }
            guard prepared.at >= lastAt else {
                throw violation(.timeForward, "entry \(index) is dated before the one before it")
            }
            index += 1
            size += 1
            lastAt = prepared.at
            let at = Timestamp(milliseconds: prepared.at)
            tell { "entry \(size - 1) at \(at): \(event.kind) of \(rows[slot].id), attempt \(attempt)" }
            counted(event, slot)
            rows[slot].history.append((event, at))
            do throws(Bystander.Complaint) { try rows[slot].bystander.see(event, at: at) } catch {
                throw violation(error.invariant, "\(rows[slot].id): \(error.detail)")
            }
            if persisted.insert(attempt).inserted { fates[attempt] |= fates[attempt] & 1 != 0 ? 2 : 1 }
        }
        // A change without an event has no entry to be found by; it counts as there.
        for (attempt, done) in prepared.outcomes where done && !persisted.contains(attempt) { fates[attempt] |= 1 }
        for (slot, _, _) in prepared.versions {
            for intent in rows[slot].intents where intent.state == .dead { rows[slot].bystander.abandon(intent.serial) }
            if let difference = rows[slot].bystander.difference(from: rows[slot].passport) {
                throw violation(.replay, "\(rows[slot].id): \(difference)")
            }
        }
    }

    private func answer(_ prepared: PurePrepared) throws(Violation) {
        for (attempt, done) in prepared.outcomes {
            if messages.count < Self.messageLimit { messages.append(.answer(attempt: attempt, done: done)) }
            fates[attempt] |= done ? 4 : 8
            try judge(attempt)
        }
    }
}
