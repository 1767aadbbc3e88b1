import Ledger
import Passport
import Store
import Wire

/// The ledger's and the passports' share of one transaction: gives leaves their index, holds what the changes of a group
/// made of passports, and writes both together, many rows a statement.
///
/// The ledger has one order, the order of commits. Invariant: an index is given once. It is read from `ledger_size` at the
/// start of the transaction and written back with a compare-and-set at its end, so that a second node that took the same
/// indexes fails as a whole; and so does each passport, by its version.
final class Sequencer {
    let now: Timestamp
    private let start: Int64
    private var leaves: [Leaf] = []
    private var advances: [Advance] = []
    /// Where passports need not be read; nil if anybody wrote what is not followed there.
    private let memory: KnownPassports?
    /// Passports that this transaction has read or changed, as they are now.
    private var known: [DeviceID: Passport] = [:]
    /// What `known` held before each change of it.
    private var undo: [(device: DeviceID, before: Passport?)] = []
    private var written = (leaves: 0, advances: 0)

    private struct Leaf {
        var device: DeviceID?
        var kind: String
        var at: Timestamp
        var bytes: [UInt8]
    }

    private struct Advance {
        var before: Passport
        var after: Passport
    }

    /// Where a change began: what to return to if it is refused.
    struct Mark {
        fileprivate var leaves: Int
        fileprivate var advances: Int
        fileprivate var undo: Int
        fileprivate var written: (leaves: Int, advances: Int)
        fileprivate var counted: Counted
    }

    /// Devices that have a new leaf; those of a change that was undone may be among them.
    private(set) var touched: Set<DeviceID> = []
    /// What this transaction counts, beside its leaves.
    var counted = Counted()
    /// Their passports as the transaction leaves them.
    var outcome: [DeviceID: Passport] { known.filter { touched.contains($0.key) } }

    /// So many leaves are written without waiting for the group's end, so that the engine works beside us.
    static let writtenTogether = 64

    init(rows: any Rows, clock: NodeClock, memory: KnownPassports) throws {
        (start, now) = try clock.sequence(in: rows)
        self.memory = memory.isExact(at: start) ? memory : nil
    }

    // MARK: changes

    /// The index that the next leaf gets.
    var size: Int64 { start + Int64(leaves.count) }
    /// What this transaction adds to the ledger.
    var places: Range<Int64> { start..<size }

    @discardableResult
    func append(_ entry: Entry) throws -> Int64 {
        let bytes = try entry.json()
        guard bytes.count <= Entry.maximumBytes else {
            throw Refusal(.tooLarge, "The event has \(bytes.count) bytes.", hint: "Shorten its texts.")
        }
        leaves.append(Leaf(device: entry.device, kind: entry.event.kind, at: entry.at, bytes: bytes))
        if let device = entry.device { touched.insert(device) }
        return size - 1
    }

    func passport(of device: DeviceID, in rows: any Rows) throws -> Passport {
        if let passport = known[device] { return passport }
        try load([device], in: rows)
        guard let passport = known[device] else {
            throw Refusal(.notFound, "There is no device \"\(device)\".", hint: "Import its batch first.")
        }
        return passport
    }

    /// Takes the passports of all of them that there are from memory, or reads them with few statements.
    func load(_ devices: [DeviceID], in rows: any Rows) throws {
        var left: ArraySlice<DeviceID> = []
        for device in devices where known[device] == nil {
            if let passport = memory?.held(device) { known[device] = passport } else { left.append(device) }
        }
        while !left.isEmpty {
            let width = Widths.fitting(left.count)
            let asked = left.prefix(width)
            left = left.dropFirst(width)
            for row in try rows.query(Self.select[width] ?? "", asked.map { Value($0) }) {
                let passport = try Passport(json: row.text("passport").utf8)
                known[passport.device] = passport
            }
        }
    }

    /// A passport whose row is written already.
    func bear(_ passport: Passport) {
        undo.append((passport.device, known[passport.device]))
        known[passport.device] = passport
    }

    func advance(_ before: Passport, to after: Passport) {
        advances.append(Advance(before: before, after: after))
        bear(after)
    }

    // MARK: refusals

    var mark: Mark {
        Mark(leaves: leaves.count, advances: advances.count, undo: undo.count, written: written, counted: counted)
    }

    /// Undoes what was done since; whoever calls it has undone what was written of it.
    func reset(to mark: Mark) {
        leaves.removeLast(leaves.count - mark.leaves)
        advances.removeLast(advances.count - mark.advances)
        while undo.count > mark.undo {
            let last = undo.removeLast()
            known[last.device] = last.before
        }
        written = mark.written
        counted = mark.counted
    }

    // MARK: writing

    /// Writes what is not written yet, if it is worth a statement.
    func writeEnough(to rows: any Rows) throws {
        if leaves.count - written.leaves >= Self.writtenTogether { try write(to: rows) }
    }

    /// Writes what is not written yet: before anybody reads tables that it stands in.
    func write(to rows: any Rows) throws {
        try writeAdvances(to: rows)
        while written.leaves < leaves.count {
            let width = Widths.fitting(leaves.count - written.leaves)
            var arguments: [Value] = []
            arguments.reserveCapacity(width * 6)
            for place in written.leaves..<written.leaves + width {
                let leaf = leaves[place]
                arguments += [
                    .int(start + Int64(place)), .bytes(leaf.bytes), .bytes(MerkleTree.leafHash(leaf.bytes).bytes),
                    Value(leaf.device), .text(leaf.kind), Value(leaf.at),
                ]
            }
            try rows.later(Self.insert[width] ?? "", arguments, changing: width)
            written.leaves += width
        }
    }

    /// Each device once, however often it changed since it was written.
    private func writeAdvances(to rows: any Rows) throws {
        let unwritten = advances[written.advances...]
        guard !unwritten.isEmpty else { return }
        var places: [DeviceID: Int] = [:]
        var merged: [Advance] = []
        for advance in unwritten {
            if let place = places[advance.after.device] {
                merged[place].after = advance.after
            } else {
                places[advance.after.device] = merged.count
                merged.append(advance)
            }
        }
        // An index is written anew where its column is named, whether it changed or not.
        try write(merged.filter { $0.before.stage == $0.after.stage }, with: Self.update, to: rows) { _ in [] }
        try write(merged.filter { $0.before.stage != $0.after.stage }, with: Self.updateStage, to: rows) {
            [.text($0.stage.rawValue)]
        }
        written.advances = advances.count
    }

    private func write(
        _ advances: [Advance], with statements: [Int: String], to rows: any Rows, more: (Passport) -> [Value]
    ) throws {
        var left = advances[...]
        while !left.isEmpty {
            let width = Widths.fitting(left.count)
            var arguments: [Value] = []
            arguments.reserveCapacity(width * 6)
            for advance in left.prefix(width) {
                let after = advance.after
                arguments += [
                    Value(after.device), Value(advance.before.version), Value(after.version), Value(after.changedAt),
                    .text(String(decoding: try after.json(), as: UTF8.self)),
                ]
                arguments += more(after)
            }
            left = left.dropFirst(width)
            try rows.later(statements[width] ?? "", arguments, changing: width)
        }
    }

    func finish(in rows: any Rows) throws {
        guard !leaves.isEmpty else { return }
        try write(to: rows)
        try rows.later(
            "UPDATE ledger_size SET size = $1, last_at = $2 WHERE one = 1 AND size = $3",
            [.int(size), Value(now), .int(start)], changing: 1)
        // Behind the ledger's size, whose row lets only one node through.
        try counted.write(at: now, to: rows)
    }

    private static let select = Widths.statements { width in
        "SELECT passport FROM device WHERE id IN (\((1...width).map { "$\($0)" }.joined(separator: ", ")))"
    }
    private static let update = Widths.statements { advance($0, stage: false) }
    private static let updateStage = Widths.statements { advance($0, stage: true) }
    /// Changes as many passports, each only if it is of the version that it was.
    private static func advance(_ width: Int, stage: Bool) -> String {
        let count = stage ? 6 : 5
        let rows = (0..<width).map { row -> String in
            let numbers = (2...4).map { "CAST($\(row * count + $0) AS BIGINT)" }.joined(separator: ", ")
            let texts = (5...count).map { "$\(row * count + $0)" }.joined(separator: ", ")
            return "($\(row * count + 1), \(numbers), \(texts))"
        }
        return """
            WITH change (id, was, version, changed_at, passport\(stage ? ", stage" : "")) AS (VALUES \(rows.joined(separator: ", ")))
            UPDATE device SET passport = change.passport, version = change.version, changed_at = change.changed_at\(stage ? ", stage = change.stage" : "")
            FROM change WHERE device.id = change.id AND device.version = change.was
            """
    }
    private static let insert = Widths.statements { width in
        let rows = (0..<width).map { row in
            "(\((1...6).map { "$\(row * 6 + $0)" }.joined(separator: ", ")))"
        }
        return "INSERT INTO ledger (idx, entry, hash, device, kind, at) VALUES \(rows.joined(separator: ", "))"
    }
}

/// Statements over many rows come in a few widths, so that each is prepared once.
private enum Widths {
    private static let all = [64, 16, 4, 1]
    static func fitting(_ count: Int) -> Int { all.first { $0 <= count } ?? 1 }
    static func statements(_ sql: (Int) -> String) -> [Int: String] {
        Dictionary(uniqueKeysWithValues: all.map { ($0, sql($0)) })
    }
}
