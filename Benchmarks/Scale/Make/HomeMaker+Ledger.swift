import Ledger
import Passport
import Registry
import Store
import Wire

/// 3. The ledger, round by round, and 4. what is counted beside it.
extension HomeMaker {
    /// Leaves of one transaction.
    private static let chunk = 20_000

    private struct Leaf: Sendable {
        var row: [Value]
        var alarm: [Value]?
    }

    func makeLedger(_ batches: Batches, _ digests: [Digests]) async throws {
        // Kept: computing them anew in each round costs more than their entries.
        let devices = (0..<plan.devices).map { SyntheticDevice($0, plan) }
        let total = devices.reduce(0) { $0 + $1.steps.count }
        let longest = devices.lazy.map { $0.number == 1 ? 0 : $0.steps.count }.max() ?? 0
        bar.begin("ledger entries", total)
        var writer = Writer(maker: self, next: try await size())
        for round in 0..<longest {
            for from in stride(from: 0, to: plan.devices, by: Self.chunk) {
                let leaves = try await leaves(
                    of: devices[from..<min(from + Self.chunk, plan.devices)], round..<(round + 1), batches, digests)
                try await writer.write(leaves)
            }
        }
        // The rest of the one long life.
        if plan.devices > 1 {
            try await writer.write(leaves(of: devices[1..<2], longest..<FleetPlan.longLife + 9, batches, digests))
        }
        try await writer.end()
        bar.end()
        try await count(batches)
    }

    private func size() async throws -> Int64 {
        try await house.read { Int64(try $0.count("SELECT size AS n FROM ledger_size WHERE one = 1")) }
    }

    private func leaves(
        of devices: ArraySlice<SyntheticDevice>, _ steps: Range<Int>, _ batches: Batches, _ digests: [Digests]
    ) async throws -> [Leaf] {
        async let first = half(devices.prefix(devices.count / 2), steps, batches, digests)
        async let second = half(devices.dropFirst(devices.count / 2), steps, batches, digests)
        return try await first + second
    }

    private func half(
        _ devices: ArraySlice<SyntheticDevice>, _ steps: Range<Int>, _ batches: Batches, _ digests: [Digests]
    ) async throws -> [Leaf] {
        var leaves: [Leaf] = []
        leaves.reserveCapacity(devices.count)
        for device in devices {
            for index in steps.clamped(to: device.steps.indices) {
                leaves.append(try leaf(device, index, batches, digests[device.number]))
            }
        }
        return leaves
    }

    private func leaf(_ device: SyntheticDevice, _ index: Int, _ batches: Batches, _ digests: Digests) throws -> Leaf {
        let step = device.steps[index]
        let event = try Lives.event(step, of: device, digests, batches)
        let entry = Entry(at: device.instant(index), device: device.id, by: Lives.actor(step), event: event)
        if device.number % 1000 < 20 { try LeafWriter.check(entry) }
        let bytes = try LeafWriter.write(entry)
        var leaf = Leaf(row: [
            0, .bytes(bytes), .bytes(MerkleTree.leafHash(bytes).bytes), Value(device.id), .text(event.kind),
            Value(entry.at),
        ])
        if case .alarm = step {
            leaf.alarm = [
                0, Value(device.id), .text(Alarm.artifactRefused.rawValue),
                .text("\(device.serial) refused release 1."), Value(entry.at),
                device.number % 2 == 0 ? .null : Value(plan.end),
                device.isOwned ? Value(batches.owners[device.owner]) : .null,
            ]
        }
        return leaf
    }

    private struct Writer {
        let maker: HomeMaker
        var next: Int64
        var done = 0
        private var running: Task<Void, any Error>?

        init(maker: HomeMaker, next: Int64) {
            self.maker = maker
            self.next = next
        }

        /// Writes while the next leaves are made.
        mutating func write(_ leaves: [Leaf]) async throws {
            try await running?.value
            let first = next
            next += Int64(leaves.count)
            done += leaves.count
            maker.bar.show(done)
            let (maker, size) = (maker, next)
            running = Task {
                try await maker.house.database.write { rows in
                    var values = leaves.map(\.row)
                    var alarms: [[Value]] = []
                    for index in leaves.indices {
                        values[index][0] = .int(first + Int64(index))
                        if var alarm = leaves[index].alarm {
                            alarm[0] = .int(first + Int64(index))
                            alarms.append(alarm)
                        }
                    }
                    try Bulk.insert("ledger", "idx, entry, hash, device, kind, at", values, into: rows)
                    try Bulk.insert(
                        "alarm", "idx, device, alarm, detail, at, acknowledged_at, owner", alarms, into: rows)
                    try rows.execute(
                        "UPDATE ledger_size SET size = $1, last_at = $2 WHERE one = 1",
                        [.int(size), Value(maker.plan.end)])
                }
            }
        }

        mutating func end() async throws { try await running?.value }
    }

    /// Each batch is full, and the counts are what the rows say.
    private func count(_ batches: Batches) async throws {
        try await house.database.write { rows in
            try rows.execute("UPDATE batch SET admitted = quantity")
            try rows.execute("DELETE FROM stage_count")
            try rows.execute(
                "INSERT INTO stage_count (owner, stage, n) SELECT '', stage, COUNT(*) FROM device GROUP BY stage")
            try rows.execute(
                """
                INSERT INTO stage_count (owner, stage, n)
                SELECT owner, stage, COUNT(*) FROM device WHERE owner IS NOT NULL GROUP BY owner, stage
                """)
            let ended = try rows.count("SELECT COUNT(*) AS n FROM tenure WHERE ended IS NOT NULL")
            let revoked = try rows.count("SELECT COUNT(*) AS n FROM certificate WHERE state = 'revoked'")
            for (name, n) in [(Tally.tenuresEnded, ended), (Tally.revoked(by: Authorities.Name.issuing), revoked)] {
                try rows.execute(
                    "INSERT INTO tally (name, n, at) VALUES ($1, $2, 0) ON CONFLICT (name) DO UPDATE SET n = excluded.n",
                    [.text(name), Value(n)])
            }
            try rows.execute("DELETE FROM tally WHERE name LIKE 'runs %'")
            try rows.execute(Tally.countRunning)
        }
    }
}

extension Rows {
    @discardableResult
    func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}
