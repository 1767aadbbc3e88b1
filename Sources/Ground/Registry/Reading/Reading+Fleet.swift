import Passport
import Store
import Wire

extension Reading {
    /// The fleet on one page: what there is, what happens, and what waits for a person.
    package func fleet(as principal: Principal) async throws -> FleetView {
        let confined = try Self.confinement(of: principal)
        let now = house.clock()
        return try await house.read { rows in
            let stages = try Self.stages(of: confined, in: rows)
            let ledger = Access.allows(.readLedger, principal) ? try state(rows) : nil
            let isStaff = confined == nil
            let devices = stages.reduce(0) { $0 + $1.count }
            let contacts = try Self.contacts(
                since: now.adding(seconds: Int64(-60 * Self.contactMinutes)), confined, of: devices, rows)
            let openAlarms = try Self.openAlarmCount(confined, rows)
            var view = FleetView(
                at: now, devices: devices, stages: stages, contactMinutes: Self.contactMinutes,
                contactedLately: contacts.count, contactedAsOf: contacts.asOf,
                openAlarms: min(openAlarms, Self.countLimit),
                hasMoreAlarms: openAlarms > Self.countLimit ? true : nil,
                alarms: try Self.alarms(open: true, owner: confined, before: nil, limit: 20, in: rows),
                batches: isStaff ? try Self.batches(product: nil, limit: 10, in: rows) : [], needsPerson: [],
                ledger: ledger)
            view.needsPerson = try needs(view, isStaff: isStaff, at: now, in: rows)
            return view
        }
    }

    /// How many devices stand in each stage, in the order of life.
    package func stages(as principal: Principal) async throws -> [FleetView.StageCount] {
        let confined = try Self.confinement(of: principal)
        return try await house.read { try Self.stages(of: confined, in: $0) }
    }

    private static func stages(of owner: OwnerID?, in rows: any Rows) throws -> [FleetView.StageCount] {
        let counted = try rows.query("SELECT stage, n FROM stage_count WHERE owner = $1", [.text(owner?.text ?? "")])
        let counts = try Dictionary(
            counted.map { (try $0.text("stage"), try $0.int("n")) }, uniquingKeysWith: +)
        return StageTable.order.map { .init(stage: $0, count: counts[$0.rawValue] ?? 0) }
    }

    /// Devices that made contact since then: few are counted now, of many it is told when they were counted.
    private static func contacts(
        since: Timestamp, _ owner: OwnerID?, of devices: Int, _ rows: any Rows
    ) throws -> (count: Int, asOf: Timestamp?) {
        if devices >= ContactCounts.countedAtOnce,
            let known = try Tally.read(Tally.contacts(of: owner?.text ?? ""), in: rows)
        {
            return (known.n, known.at)
        }
        let lately =
            owner == nil
            ? "contact c WHERE c.at >= $1"
            : "device d JOIN contact c ON c.device = d.id WHERE c.at >= $1 AND d.owner = $2"
        // Bounded, for the first minute of a large house, or of an owner who has become a large one.
        let count = try rows.count(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM \(lately) LIMIT \(2 * ContactCounts.countedAtOnce)) AS lately",
            [Value(since)] + (owner.map { [Value($0)] } ?? []))
        return (count, nil)
    }

    /// At most `countLimit` and one: nobody looks through more alarms one by one.
    private static func openAlarmCount(_ owner: OwnerID?, _ rows: any Rows) throws -> Int {
        let condition = owner == nil ? "" : " AND owner = $1"
        return try rows.count(
            """
            SELECT COUNT(*) AS n FROM (
                SELECT 1 FROM alarm WHERE acknowledged_at IS NULL\(condition) LIMIT \(countLimit + 1)) AS open
            """, owner.map { [Value($0)] } ?? [])
    }

    /// What waits for a person, the most urgent first.
    private func needs(
        _ view: FleetView, isStaff: Bool, at now: Timestamp, in rows: any Rows
    ) throws -> [FleetView.Task] {
        func count(_ stage: Stage) -> Int { view.stages.first { $0.stage == stage }?.count ?? 0 }
        var tasks: [FleetView.Task] = [
            .init(
                kind: .alarms, count: view.openAlarms, sentence: "Open alarms: look into each and acknowledge it.",
                path: "/alarms?open=true"),
            .init(
                kind: .quarantined, count: count(.quarantined),
                sentence: isStaff
                    ? "Quarantined devices: mend and restore, or retire them."
                    : "Quarantined devices: the maker's support restores them.", path: "/devices?stage=quarantined"),
            .init(
                kind: .transfers, count: count(.inTransfer),
                sentence: "Transfers under way: they wait for the buyer or for the device's wipe.",
                path: "/devices?stage=inTransfer"),
        ]
        if isStaff { tasks += try staffNeeds(view, at: now, in: rows) }
        return tasks.filter { $0.count > 0 }
    }

    private func staffNeeds(_ view: FleetView, at now: Timestamp, in rows: any Rows) throws -> [FleetView.Task] {
        let unfinished = try rows.count(
            "SELECT COUNT(*) AS n FROM (SELECT 1 FROM batch WHERE admitted < quantity LIMIT \(Self.countLimit)) AS open"
        )
        let soon = now.adding(days: 90)
        let ending = house.authorities.all.filter { $0.kind != Authorities.linkKind }.filter {
            Self.read($0.certificate, kind: "authority", authority: nil, at: now).map { $0.notAfter < soon } ?? true
        }
        let rollouts = try StoredRollout.waiting(in: rows)
        var tasks: [FleetView.Task] = [
            .init(
                kind: .rollouts, count: rollouts.paused + rollouts.planned,
                sentence: Self.sentence(paused: rollouts.paused, planned: rollouts.planned), path: "/updates"),
            .init(
                kind: .authorities, count: ending.count,
                sentence: "Authorities end within 90 days: make their successors now.", path: "/authorities"),
            .init(
                kind: .batches, count: unfinished,
                sentence: "Batches with births still to come: import their manifests.",
                path: "/batches"),
        ]
        // A checkpoint follows each commit within a second; a minute means that the publisher is stuck.
        if let ledger = view.ledger, ledger.publishedSize < ledger.size, let last = ledger.lastEntryAt,
            now.seconds(since: last) > 60
        {
            tasks.insert(
                .init(
                    kind: .ledger, count: Int(ledger.size - ledger.publishedSize),
                    sentence: "Ledger entries wait for a checkpoint: read the server's log.", path: "/ledger"), at: 0)
        }
        return tasks
    }

    private static func sentence(paused: Int, planned: Int) -> String {
        let (look, approve) = ("look at its numbers, then resume or stop it", "a second person approves it")
        if planned == 0 { return "Paused: \(look)." }
        return paused == 0 ? "Planned: \(approve)." : "\(paused) paused: \(look); \(planned) planned: \(approve)."
    }
}
