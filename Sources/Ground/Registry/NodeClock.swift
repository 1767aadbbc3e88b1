import Logging
import Store
import Wire

/// This node's clock, beside the one clock that all nodes of a database have in common: the database's own.
///
/// Entries bear the database's time (docs/decisions/0024-one-clock-for-one-ledger.md). What a node judges by its own, such
/// as the dates of a certificate, it judges only while the two agree: a node whose clock is wrong refuses, and does not
/// make all others refuse. An embedded database has this machine's clock, and a simulated clock stands alone.
package final class NodeClock: Sendable {
    /// Seconds that the two may be apart. NTP keeps machines within one.
    package static let usualToleranceSeconds: Int64 = 60

    /// More than this behind the ledger's last entry, in seconds, and the clock is not believed.
    private static let toleratedStepSeconds: Int64 = 300

    private let own: @Sendable () -> Timestamp
    private let tolerance: Int64?
    private let log: Logger
    private let state = Locked<Refusal?>(nil)

    /// - Parameter tolerance: seconds; nil: the database's clock is not asked.
    init(_ own: @escaping @Sendable () -> Timestamp, tolerance: Int64?, log: Logger) {
        self.own = own
        self.tolerance = tolerance
        self.log = log
    }

    /// Why this node's time is not believed; nil is good.
    package var trouble: Refusal? { state.withLock { $0 } }

    /// The instant by this node's clock, unless that is not believed.
    package func time() throws(Refusal) -> Timestamp {
        if let trouble { throw trouble }
        return own()
    }

    /// Where and how the ledger ends, and the instant that a change at this moment bears.
    func sequence(in rows: any Rows) throws -> (size: Int64, now: Timestamp) {
        let before = own()
        let row = try rows.first(
            "SELECT size, last_at, \(clockSQL(rows)) AS clock FROM ledger_size WHERE one = 1")
        guard let row else {
            throw Refusal(.unavailable, "The ledger's size is missing.", hint: "Restore the database from the backup.")
        }
        let reference = row.optionalTime("clock")
        let (now, last) = (try judge(reference, since: before), try row.time("last_at"))
        let whose = reference == nil ? "server" : "database"
        guard now.seconds(since: last) >= -Self.toleratedStepSeconds else {
            throw Refusal(
                .unavailable, "The \(whose)'s clock (\(now)) is behind the ledger's last entry (\(last)).",
                hint: "Set the clock right, with NTP; nothing is recorded until then.", retryAfterSeconds: 60)
        }
        return (Int64(try row.int("size")), max(now, last))
    }

    /// One look without a change, so that a wrong clock is noticed while nobody writes.
    func look(at database: any Database) async throws {
        guard tolerance != nil else { return }
        let before = own()
        let time = try await database.read { rows in
            try rows.first("SELECT \(self.clockSQL(rows)) AS clock")?.optionalTime("clock")
        }
        _ = try judge(time, since: before)
    }

    private func clockSQL(_ rows: any Rows) -> String { tolerance == nil ? "NULL" : rows.clockSQL }

    /// - Parameters:
    ///   - reference: the database's time, read after `before`; the question may have waited for its turn.
    /// - Returns: the time to record with.
    private func judge(_ reference: Timestamp?, since before: Timestamp) throws(Refusal) -> Timestamp {
        let after = own()
        guard let reference, let tolerance else { return after }
        let isNear = reference >= before.adding(seconds: -tolerance) && reference <= after.adding(seconds: tolerance)
        let refusal =
            isNear
            ? nil
            : Refusal(
                .unavailable, "This server's clock (\(after)) and the database's (\(reference)) are far apart.",
                hint: "Set both right, with NTP; until then this server changes nothing and judges no certificate.",
                retryAfterSeconds: 60)
        note(refusal)
        if let refusal { throw refusal }
        return reference
    }

    /// Said once when it begins, and once when it is over.
    private func note(_ refusal: Refusal?) {
        let before = state.withLock { state in
            defer { state = refusal }
            return state
        }
        switch (before, refusal) {
        case (nil, let refusal?): log.critical("the clock is not believed", metadata: ["why": "\(refusal.detail)"])
        case (_?, nil): log.notice("the clock is right again")
        default: break
        }
    }
}

/// Something that a loop needs and that goes away and comes back: said once each time, whatever the loop does meanwhile.
package struct Outage {
    private let what: String
    private let log: Logger
    private var failures = 0
    private var said = ""

    /// - Parameter what: "the ledger cannot be followed".
    package init(_ what: String, log: Logger) {
        self.what = what
        self.log = log
    }

    /// How long to wait before the next try: from 100 ms to a second.
    package var pause: Duration { .milliseconds(min(1000, 50 << min(failures, 5))) }

    package mutating func failed(_ error: any Error) {
        failures += 1
        let why = "\(error)"
        guard said != why else { return }
        // A second reason while the first is known is worth no more than a word.
        log.log(
            level: failures == 1 ? .warning : .debug, "\(what); trying again until it works",
            metadata: ["error": "\(why)"])
        said = why
    }

    package mutating func works() {
        guard failures > 0 else { return }
        log.notice("\(what): over", metadata: ["tries": "\(failures)"])
        (failures, said) = (0, "")
    }
}
