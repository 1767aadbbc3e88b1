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
            var view = FleetView(
                at: now, devices: stages.reduce(0) { $0 + $1.count }, stages: stages,
                contactMinutes: Self.contactMinutes,
                contactedLately: try Self.contacts(
                    since: now.adding(seconds: Int64(-60 * Self.contactMinutes)), confined, rows),
                openAlarms: try Self.openAlarmCount(confined, rows),
                alarms: try Self.alarms(open: true, owner: confined, before: nil, limit: 20, in: rows),
                batches: isStaff ? try Self.batches(product: nil, limit: 10, in: rows) : [], needsPerson: [],
                ledger: ledger)
            view.needsPerson = try needs(view, isStaff: isStaff, at: now, in: rows)
            return view
        }
    }

    private static func stages(of owner: OwnerID?, in rows: any Rows) throws -> [FleetView.StageCount] {
        var conditions = Conditions()
        if let owner { conditions.add("owner = ?", Value(owner)) }
        let counted = try rows.query(
            "SELECT stage, COUNT(*) AS n FROM device \(conditions.sql) GROUP BY stage", conditions.arguments)
        let counts = try Dictionary(
            counted.map { (try $0.text("stage"), try $0.int("n")) }, uniquingKeysWith: +)
        return StageTable.order.map { .init(stage: $0, count: counts[$0.rawValue] ?? 0) }
    }

    private static func contacts(since: Timestamp, _ owner: OwnerID?, _ rows: any Rows) throws -> Int {
        guard let owner else {
            return try rows.count("SELECT COUNT(*) AS n FROM contact WHERE at >= $1", [Value(since)])
        }
        return try rows.count(
            "SELECT COUNT(*) AS n FROM device d JOIN contact c ON c.device = d.id WHERE d.owner = $1 AND c.at >= $2",
            [Value(owner), Value(since)])
    }

    private static func openAlarmCount(_ owner: OwnerID?, _ rows: any Rows) throws -> Int {
        guard let owner else { return try rows.count("SELECT COUNT(*) AS n FROM alarm WHERE acknowledged_at IS NULL") }
        return try rows.count(
            """
            SELECT COUNT(*) AS n FROM alarm a JOIN device d ON d.id = a.device
            WHERE a.acknowledged_at IS NULL AND d.owner = $1
            """, [Value(owner)])
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
        let unfinished = try rows.count("SELECT COUNT(*) AS n FROM batch WHERE admitted < quantity")
        let soon = now.adding(days: 90)
        let ending = house.authorities.all.filter {
            Self.read($0.certificate, kind: "authority", authority: nil, at: now).map { $0.notAfter < soon } ?? true
        }
        var tasks: [FleetView.Task] = [
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
}
