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
        var longest = 0
        var total = 0
        for number in 0..<plan.devices {
            let count = SyntheticDevice(number, plan).steps.count
            total += count
            if number != 1 { longest = max(longest, count) }
        }
        bar.begin("ledger entries", total)
        var writer = Writer(maker: self, next: try await size())
        let everybody = 0..<plan.devices
        for round in 0..<longest {
            for from in stride(from: 0, to: plan.devices, by: Self.chunk) {
                let range = from..<min(from + Self.chunk, everybody.upperBound)
                let leaves = try await leaves(of: range, round..<(round + 1), batches, digests)
                try await writer.write(leaves)
            }
        }
        // The rest of the one long life.
        if plan.devices > 1 {
            try await writer.write(leaves(of: 1..<2, longest..<FleetPlan.longLife + 9, batches, digests))
        }
        try await writer.end()
        bar.end()
        try await count(batches)
    }

    private func size() async throws -> Int64 {
        try await house.read { Int64(try $0.count("SELECT size AS n FROM ledger_size WHERE one = 1")) }
    }

    private func leaves(
        of range: Range<Int>, _ steps: Range<Int>, _ batches: Batches, _ digests: [Digests]
    ) async throws -> [Leaf] {
        let middle = range.lowerBound + range.count / 2
        async let first = half(range.lowerBound..<middle, steps, batches, digests)
        async let second = half(middle..<range.upperBound, steps, batches, digests)
        return try await first + second
    }

    private func half(
        _ range: Range<Int>, _ steps: Range<Int>, _ batches: Batches, _ digests: [Digests]
    ) async throws -> [Leaf] {
        var leaves: [Leaf] = []
        for number in range {
            let device = SyntheticDevice(number, plan)
            for (index, step) in device.steps.enumerated() where steps.contains(index) {
                let event = try Lives.event(step, of: device, digests[number], batches)
                let entry = Entry(at: device.instant(index), device: device.id, by: Lives.actor(step), event: event)
                if number % 1000 < 20 { try LeafWriter.check(entry) }
                let bytes = try LeafWriter.write(entry)
                var leaf = Leaf(row: [
                    0, .bytes(bytes), .bytes(MerkleTree.leafHash(bytes).bytes), Value(device.id), .text(event.kind),
                    Value(entry.at),
                ])
                if case .alarm = step {
                    leaf.alarm = [
                        0, Value(device.id), .text(Alarm.artifactRefused.rawValue),
                        .text("\(device.serial) refused release 1."), Value(entry.at),
                        number % 2 == 0 ? .null : Value(plan.end),
                        device.isOwned ? Value(batches.owners[device.owner]) : .null,
                    ]
                }
                leaves.append(leaf)
            }
        }
        return leaves
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
        }
    }
}

extension Rows {
    @discardableResult
    func execute(_ sql: String) throws -> Int { try execute(sql, []) }
}
