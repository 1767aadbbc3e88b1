import Passport
import Registry
import Rollout
import Store
import Wire

/// One step of one rollout, in one transaction and with few devices, so that others write meanwhile. What it did is whole when
/// it is committed; a node that dies before that has done nothing, and another goes on where the row says.
struct RolloutStep {
    private var rollout: StoredRollout
    private let change: Change

    /// Entries of the ledger that are heard, and devices that are changed, in one step at most.
    private static let entries: Int64 = 1000
    private static let devices = 250
    /// Between two walks over the fleet for devices that joined it.
    private static let walkSeconds: Int64 = 600

    init(_ rollout: StoredRollout, in change: Change) {
        self.rollout = rollout
        self.change = change
    }

    private var plan: RolloutPlan { rollout.plan }

    /// - Parameter page: devices whose stage is open, as they were found just before.
    /// - Returns: whether there is more to do at once.
    mutating func perform(_ page: RolloutCandidates.Page?) throws -> Bool {
        // First what is known already: nobody is silent whose answer was not read.
        var more = try !hear()
        if !more {
            if rollout.state.status == .stopped {
                more = try takeBack()
            } else {
                more = try settle()
                if let page {
                    try take(page)
                    // Who came in may have its turn at once.
                    more = more || page.next != nil || !page.found.isEmpty
                }
                if try judge() { more = true }
            }
        }
        try rollout.save(in: change.rows)
        return more
    }

    // MARK: What devices said

    /// Reads the ledger on from where it was read; false if there is more.
    private mutating func hear() throws -> Bool {
        let end = change.lastIndex + 1
        let through = min(end, rollout.heard + Self.entries)
        guard through > rollout.heard else { return true }
        // A "cross" join, so that SQLite begins with the few entries and not with the many members.
        let rows = try change.rows.query(
            """
            SELECT l.entry, m.device, m.stage, m.state, m.due FROM ledger l CROSS JOIN rollout_member m
            WHERE l.idx >= $1 AND l.idx < $2 AND m.rollout = $3 AND m.device = l.device ORDER BY l.idx
            """, [.int(rollout.heard), .int(through), Value(rollout.id)])
        var known: [DeviceID: RolloutMember] = [:]
        for row in rows {
            let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"))
            guard var observation = Self.observation(entry.event, of: rollout.release, plan.sequence) else { continue }
            // What a stop takes back leaves its numbers as they were.
            if rollout.state.status == .stopped, observation.isDeparture { continue }
            let device: DeviceID = try row.id("device")
            if case .takenBack = observation {
                observation = .takenBack(isHeld: try isHeld(device))
            }
            let before = try known[device] ?? Self.member(row)
            let after = before.after(observation, at: entry.at, plan)
            known[device] = after
            try move(device, of: row.int("stage"), before, after)
        }
        rollout.heard = through
        return through == end
    }

    /// What an event says about a device in the rollout of that release.
    static func observation(
        _ event: Event, of release: Digest, _ sequence: Int
    ) -> RolloutMember.Observation? {
        switch event {
        case .updated(let installed, let number, _), .updateObserved(let installed, let number, .installed):
            installed == release ? .installed : number > sequence ? .gone : nil
        case .updateObserved(let failed, _, .failed), .updateFailed(let failed, _, _, _):
            failed == release ? .failed : nil
        case .updateOffered(_, let number): number > sequence ? .gone : nil
        case .returnOffered(let other, _, _): other == release ? nil : .gone
        case .updateWithdrawn(let withdrawn, _): withdrawn == release ? .takenBack(isHeld: false) : nil
        case .alarmRaised: .disquiet
        case .quarantined: .cutOff
        case .offered, .tenureEnded: .away
        case .retired: .gone
        default: nil
        }
    }

    private static func member(_ row: Row) throws -> RolloutMember {
        guard let state = RolloutMember.State(rawValue: try row.text("state")) else { throw Row.damaged("state") }
        return RolloutMember(state: state, due: row.optionalTime("due"))
    }

    private mutating func move(
        _ device: DeviceID, of stage: Int, _ before: RolloutMember, _ after: RolloutMember
    ) throws {
        guard after != before else { return }
        rollout.state.count(before.state, to: after.state, of: stage)
        // Since when it stands so is kept where only its time is another.
        guard after.state != before.state else {
            return try change.rows.later(
                "UPDATE rollout_member SET due = $1 WHERE rollout = $2 AND device = $3",
                [Value(after.due), Value(rollout.id), Value(device)], changing: 1)
        }
        try change.rows.later(
            "UPDATE rollout_member SET state = $1, due = $2, at = $3 WHERE rollout = $4 AND device = $5",
            [
                .text(after.state.rawValue), Value(after.due), Value(change.now), Value(rollout.id), Value(device),
            ], changing: 1)
    }

    // MARK: What is due

    /// Does what is due, the most telling first; true if there may be more.
    private mutating func settle() throws -> Bool {
        var left = Self.devices
        let release = try StoredRelease.find(plan.sequence, of: plan.product, in: change.rows)
        let isOffered = try release?.isOffered(in: change.rows) ?? false
        for state in Self.dueStates(rollout, isOffered: isOffered) where left > 0 {
            let rows = try members(
                state, " AND m.due <= $3 ORDER BY m.due LIMIT $4", [Value(change.now), Value(left)])
            left -= rows.count
            let held = try UpdateHolds.held(rows.map { try $0.id("device") }, by: plan, in: change.rows)
            for row in rows { try settle(row, held, release) }
        }
        return left == 0
    }

    /// States in which something is done when their time comes; while it is paused, or the release was taken off update metadata,
    /// nobody is offered anything.
    static func dueStates(_ rollout: StoredRollout, isOffered: Bool) -> [RolloutMember.State] {
        rollout.state.status == .paused || !isOffered
            ? [.soaking, .offered] : [.soaking, .offered, .waiting, .asleep, .left]
    }

    private func members(_ state: RolloutMember.State, _ which: String, _ arguments: [Value]) throws -> [Row] {
        let rows = try change.rows.query(
            """
            SELECT m.device, m.stage, m.state, m.due, m.at AS since, c.at AS seen, c.posture FROM rollout_member m
            LEFT JOIN contact c ON c.device = m.device WHERE m.rollout = $1 AND m.state = $2\(which)
            """, [Value(rollout.id), .text(state.rawValue)] + arguments)
        try change.load(rows.map { try $0.id("device") })
        return rows
    }

    private mutating func settle(_ row: Row, _ held: Set<DeviceID>, _ release: StoredRelease?) throws {
        let device: DeviceID = try row.id("device")
        let (before, stage) = (try Self.member(row), try row.int("stage"))
        let isTurn = [.waiting, .asleep, .left].contains(before.state)
        let step = before.step(
            at: change.now, plan, seen: row.optionalTime("seen"),
            zone: SelectedDevices.posture(row)[MaintenanceWindow.postureKey],
            standing: try isTurn ? standing(device, isHeld: held.contains(device), release) : .eligible,
            since: try row.time("since"))
        switch step {
        case .offer(let after):
            try change.record(offer(to: device), on: device)
            try move(device, of: stage, before, after)
        case .become(let after): try move(device, of: stage, before, after)
        }
    }

    private func standing(
        _ device: DeviceID, isHeld: Bool, _ release: StoredRelease?
    ) throws -> RolloutMember.Standing {
        let passport = try change.passport(of: device)
        let (installed, offered) = (passport.installed?.sequence ?? 0, passport.offeredUpdate)
        let isOver =
            plan.returnsFrom.map { installed != $0 }
            ?? (installed >= plan.sequence || offered?.sequence ?? 0 > plan.sequence)
        if isOver || passport.stage == .retired { return .gone }
        if isHeld { return .held }
        guard passport.allows(.firmware), passport.allows(.backEnd) else { return .away }
        if offered?.release == rollout.release { return .underWay }
        guard plan.isFor(passport) else { return .gone }
        let misfit = try release?.misfit(
            change.device(device.text), isReturn: plan.returnsFrom != nil, in: change.rows)
        return misfit == nil ? .eligible : .away
    }

    private func isHeld(_ device: DeviceID) throws -> Bool {
        try !UpdateHolds.held([device], by: plan, in: change.rows).isEmpty
    }

    private func offer(to device: DeviceID) throws -> Event {
        guard plan.returnsFrom != nil, let running = try change.passport(of: device).installed else {
            return .updateOffered(release: rollout.release, sequence: plan.sequence)
        }
        return .returnOffered(release: rollout.release, sequence: plan.sequence, from: running.release)
    }

    /// Takes back what was offered and not installed; true if there may be more.
    private mutating func takeBack() throws -> Bool {
        let offered = try members(.offered, " ORDER BY m.device LIMIT $3", [Value(Self.devices)])
        for row in offered {
            let device: DeviceID = try row.id("device")
            try withdraw(device)
            try move(device, of: row.int("stage"), Self.member(row), RolloutMember(state: .left, due: nil))
        }
        guard offered.isEmpty else { return true }
        // Those who were silent stay so in the numbers; what they were offered is taken back as well.
        let silent = try members(
            .silent, " AND m.device > $3 ORDER BY m.device LIMIT $4",
            [.text(rollout.gatheredTo ?? ""), Value(Self.devices)])
        for row in silent { try withdraw(row.id("device")) }
        rollout.gatheredTo = try silent.last?.text("device")
        rollout.isActive = !silent.isEmpty
        return rollout.isActive
    }

    private func withdraw(_ device: DeviceID) throws {
        let passport = try change.passport(of: device)
        guard passport.stage != .retired, let offered = passport.offeredUpdate, offered.release == rollout.release
        else {
            return
        }
        try change.record(.updateWithdrawn(release: rollout.release, sequence: plan.sequence), on: device)
    }

    // MARK: Who comes in

    private mutating func take(_ page: RolloutCandidates.Page) throws {
        let opened = rollout.state.stageOpened ?? change.now
        for found in page.found {
            let member = RolloutMember.waiting(
                found.device, in: rollout.id, plan: plan, zone: found.zone, opened: opened)
            rollout.state.count(nil, to: member.state, of: found.stage)
            try change.rows.later(
                "INSERT INTO rollout_member (rollout, device, stage, state, due, at) VALUES ($1, $2, $3, $4, $5, $6)",
                [
                    Value(rollout.id), Value(found.device), Value(found.stage), .text(member.state.rawValue),
                    Value(member.due), Value(change.now),
                ], changing: 1)
        }
        rollout.gatheredTo = page.next
        guard page.next == nil else { return }
        rollout.state.isGathered = true
        rollout.gatherAt = change.now.adding(seconds: Self.walkSeconds)
    }

    // MARK: What follows

    /// True if something was decided.
    private mutating func judge() throws -> Bool {
        guard let decision = rollout.state.decide(plan, at: change.now) else { return false }
        let id = rollout.id
        switch decision {
        case .advance(let numbers): try change.record(.rolloutAdvanced(rollout: id, numbers: numbers))
        case .pause(let why, let numbers):
            try change.record(.rolloutPaused(rollout: id, why: why.rawValue, numbers: numbers))
        case .stop(let numbers): try change.record(.rolloutStopped(rollout: id, why: "line", numbers: numbers))
        case .finish(let numbers): try change.record(.rolloutFinished(rollout: id, numbers: numbers))
        }
        // The next stage is looked for from the beginning; so is what a stop takes back.
        rollout.gatheredTo = nil
        rollout.gatherAt = change.now
        return true
    }
}
