import Store
import Wire

/// A session inside a transaction, as `Rows`. The transaction begins with the first statement, in the same round trip.
final class PostgreSQLRows: Rows {
    private struct Savepoint {
        /// It is sent with the first statement that needs it; a share that only reads costs nothing.
        var isSent = false
    }

    private let session: Session
    /// Sent in front of the first statement.
    private var beginning: [(sql: String, arguments: [Value])]
    private var savepoints: [Savepoint] = []
    /// Set once the server has aborted the transaction, or the savepoint that is open.
    private var trouble: SessionTrouble?
    /// An answer has come; before it, a lost connection loses nothing.
    private(set) var hasAnswers = false
    private(set) var hasWritten = false

    /// Not the transaction's: that may have waited for its turn.
    var clockSQL: String { "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)" }

    init(_ session: Session, beginning: [(sql: String, arguments: [Value])]) {
        self.session = session
        self.beginning = beginning
    }

    func query(_ sql: String, _ arguments: [Value]) throws -> [Row] {
        let isReading = sql.hasPrefix("SELECT")
        return try translated { () throws(SessionTrouble) in
            try send(sql, arguments, writing: !isReading)
            return try settle().rows
        }
    }

    func execute(_ sql: String, _ arguments: [Value]) throws -> Int {
        try translated { () throws(SessionTrouble) in
            try send(sql, arguments, writing: true)
            return try settle().changed
        }
    }

    func later(_ sql: String, _ arguments: [Value], changing: Int?) throws {
        try translated { () throws(SessionTrouble) in
            try send(sql, arguments, writing: true, changing: changing)
            try session.push()
        }
    }

    func savepoint<T>(_ body: () throws -> T) throws -> T {
        savepoints.append(Savepoint())
        do {
            let result = try body()
            let ended = savepoints.removeLast()
            if ended.isSent {
                try translated { () throws(SessionTrouble) in
                    try session.send("RELEASE SAVEPOINT s\(savepoints.count + 1)")
                }
            }
            return result
        } catch {
            let ended = savepoints.removeLast()
            if ended.isSent { try rollBack(to: savepoints.count + 1) }
            throw error
        }
    }

    /// Returns to before the savepoint, where the server still takes statements.
    private func rollBack(to number: Int) throws {
        // A session that is lost cannot: then the failure that is on its way says so.
        if let trouble, trouble.endsSession { throw trouble.refusal }
        do throws(SessionTrouble) {
            // What is still under way is read first: it may be what failed, and would take these two with it.
            do throws(SessionTrouble) { try session.settle() } catch { if error.endsSession { throw error } }
            try session.send("ROLLBACK TO SAVEPOINT s\(number)")
            try session.send("RELEASE SAVEPOINT s\(number)")
            try session.settle()
            trouble = nil
        } catch {
            trouble = error
            throw error.refusal
        }
    }

    /// The session is of no more use.
    var endsSession: Bool { trouble?.endsSession ?? false }
    /// It was lost before anything of it was answered: nothing happened, and all of it can be run again.
    var canBeRepeated: Bool { endsSession && !hasAnswers }

    /// Makes everything durable, or throws. `last` goes to the server right before the commit.
    func commit(_ last: String) throws {
        if let trouble { throw trouble.refusal }
        guard beginning.isEmpty else { return }
        if hasWritten {
            // Answers of what was sent along are looked at before the commit is sent, not after.
            try translated { () throws(SessionTrouble) in
                try session.send(last)
                _ = try settle()
            }
        }
        let isConfirmed: Bool
        do throws(SessionTrouble) {
            isConfirmed = try session.commit()
        } catch {
            trouble = error
            throw error.endsSession ? SessionTrouble.unknown : error.refusal
        }
        guard isConfirmed else {
            trouble = .lost("the commit was not confirmed")
            throw SessionTrouble.unknown
        }
    }

    /// Ends a transaction that only read, without waiting for it.
    func end() {
        guard beginning.isEmpty, !endsSession else { return }
        do throws(SessionTrouble) { try session.end(trouble == nil ? "COMMIT" : "ROLLBACK") } catch { trouble = error }
    }

    /// Undoes everything. Afterwards `endsSession` says whether the session can be used again.
    func rollBack() {
        guard beginning.isEmpty, !endsSession else { return }
        do throws(SessionTrouble) {
            do throws(SessionTrouble) { try session.settle() } catch { if error.endsSession { throw error } }
            try session.send("ROLLBACK")
            try session.settle()
        } catch {
            trouble = error.endsSession ? error : .lost("a transaction could not be rolled back")
        }
    }

    private func send(
        _ sql: String, _ arguments: [Value], writing: Bool, changing: Int? = nil
    ) throws(SessionTrouble) {
        if let trouble { throw trouble }
        for (sql, arguments) in beginning { try session.send(sql, arguments) }
        beginning = []
        if writing {
            hasWritten = true
            for index in savepoints.indices where !savepoints[index].isSent {
                try session.send("SAVEPOINT s\(index + 1)")
                savepoints[index].isSent = true
            }
        }
        try session.send(sql, arguments, changing: changing)
    }

    private func settle() throws(SessionTrouble) -> Session.Answer {
        let answer = try session.settle()
        hasAnswers = true
        return answer
    }

    private func translated<T>(_ body: () throws(SessionTrouble) -> T) throws -> T {
        do throws(SessionTrouble) {
            return try body()
        } catch {
            // A text that cannot be stored was found before anything was sent.
            if error.state != "22021" { trouble = error }
            throw error.state == Session.wrongCount ? Self.wasWrong : error.refusal
        }
    }
}
