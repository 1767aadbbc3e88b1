import CLibPQ
import Foundation
import Store

/// One connection in pipeline mode: statements are sent without waiting, and their answers are read where one is waited for.
/// Owned by one lane.
final class Session {
    private enum Expected {
        /// Answer to the preparation of this statement.
        case preparation(String)
        /// Answer to a statement; `changing` is the number of rows it must have changed.
        case statement(changing: Int?)
        case end
    }

    struct Answer {
        var rows: [Row] = []
        var changed = 0
        /// "COMMIT", "UPDATE 1", …
        var tag = ""
    }

    private let connection: OpaquePointer
    private var prepared: [String: String] = [:]
    private var expected: [Expected] = []
    private let warnings = Warnings()
    /// Longest wait for an answer: beyond it the server counts as lost.
    private let patience: Int32

    /// Seconds; a server that is gone is noticed by TCP (`ConnectionPlan`), long before.
    static let unhurried: Int32 = 7 * 24 * 3600

    /// - Parameter patience: seconds; the plan's unless it is given.
    init(_ plan: ConnectionPlan, patience: Int32? = nil) throws(SessionTrouble) {
        self.patience = patience ?? plan.patienceSeconds
        let keywords = CStrings(plan.options.map(\.keyword))
        let values = CStrings(plan.options.map(\.value))
        guard let connection = PQconnectdbParams(keywords.pointers, values.pointers, 0) else {
            throw .lost("no memory")
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            defer { PQfinish(connection) }
            throw Self.refusedConnection(String(cString: PQerrorMessage(connection)))
        }
        self.connection = connection
        // Notices would go to standard error; a warning while a commit is under way means that it may not have reached the
        // replicas that it had to reach.
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let severity = PQresultErrorField(result, Field.severity) else { return }
                if String(cString: severity) == "WARNING" {
                    Unmanaged<Warnings>.fromOpaque(context).takeUnretainedValue().count += 1
                }
            }, Unmanaged.passUnretained(warnings).toOpaque())
        _ = PQsetnonblocking(connection, 1)
        _ = PQenterPipelineMode(connection)
    }

    deinit { PQfinish(connection) }

    var socket: Int32 { PQsocket(connection) }

    // MARK: sending

    /// Sends the statement along with the next one that is waited for. It is prepared once a connection.
    func send(_ sql: String, _ arguments: [Value] = [], changing: Int? = nil, once: Bool = false) throws(SessionTrouble)
    {
        let parameters = try Parameters(arguments)
        if once {
            guard
                PQsendQueryParams(
                    connection, sql, Int32(arguments.count), nil, parameters.pointers, parameters.lengths,
                    parameters.formats, 1) == 1
            else { throw lost() }
        } else {
            let name = try prepare(sql)
            guard
                PQsendQueryPrepared(
                    connection, name, Int32(arguments.count), parameters.pointers, parameters.lengths,
                    parameters.formats, 1) == 1
            else { throw lost() }
        }
        expected.append(.statement(changing: changing))
    }

    private func prepare(_ sql: String) throws(SessionTrouble) -> String {
        if let name = prepared[sql] { return name }
        let name = "s\(prepared.count)"
        guard PQsendPrepare(connection, name, sql, 0, nil) == 1 else { throw lost() }
        prepared[sql] = name
        expected.append(.preparation(sql))
        return name
    }

    /// Lets the server begin with what was sent.
    func push() throws(SessionTrouble) {
        guard PQsendFlushRequest(connection) == 1, PQflush(connection) >= 0 else { throw lost() }
    }

    // MARK: answers

    /// Sends what waits and reads all answers. Returns the last one.
    ///
    /// The first statement that failed is thrown; those after it were not run.
    @discardableResult
    func settle() throws(SessionTrouble) -> Answer {
        guard PQpipelineSync(connection) == 1 else { throw lost() }
        expected.append(.end)
        defer { expected.removeAll(keepingCapacity: true) }
        var answer = Answer()
        var trouble: SessionTrouble?
        for item in expected {
            if case .end = item {
                try readEnd()
                continue
            }
            var isLast = false
            while let result = try next() {
                defer { PQclear(result) }
                guard !isLast else { continue }
                isLast = true
                switch (PQresultStatus(result), item) {
                case (PGRES_COMMAND_OK, .statement(let changing)), (PGRES_TUPLES_OK, .statement(let changing)):
                    // Not thrown here: what comes after it has to be read, or the next statement gets its answer.
                    do throws(SessionTrouble) {
                        answer = try Self.answer(result)
                        if let changing, changing != answer.changed, trouble == nil {
                            trouble = SessionTrouble(state: Self.wrongCount, message: "")
                        }
                    } catch {
                        trouble = trouble ?? error
                    }
                case (PGRES_COMMAND_OK, .preparation): break
                case (_, .preparation(let sql)):
                    prepared[sql] = nil
                    trouble = trouble ?? Self.trouble(of: result)
                default: trouble = trouble ?? Self.trouble(of: result)
                }
            }
        }
        if let trouble { throw trouble }
        return answer
    }

    /// State of a statement that changed another number of rows than it had to; not PostgreSQL's own.
    static let wrongCount = "LL001"

    /// Commits, and believes it only if the server said COMMIT and warned of nothing meanwhile.
    ///
    /// A warning comes where a synchronous replica did not confirm ("canceling wait for synchronous replication"): the
    /// commit is on this server and may be lost with it.
    func commit() throws(SessionTrouble) -> Bool {
        let before = warnings.count
        try send("COMMIT")
        return try settle().tag == "COMMIT" && warnings.count == before
    }

    /// Ends the transaction and does not wait for the answer: it is read with the next statement's.
    func end(_ sql: String) throws(SessionTrouble) {
        try send(sql)
        guard PQpipelineSync(connection) == 1, PQflush(connection) >= 0 else { throw lost() }
        expected.append(.end)
    }

    private func readEnd() throws(SessionTrouble) {
        for _ in 0..<3 {
            guard let result = try next() else { continue }
            defer { PQclear(result) }
            if PQresultStatus(result) == PGRES_PIPELINE_SYNC { return }
        }
        throw .lost("out of step with the server")
    }

    /// The next result; nil where those of one statement end.
    private func next() throws(SessionTrouble) -> OpaquePointer? {
        while true {
            // Never at rest with something unsent: neither side may wait for the other to read.
            let unsent = PQflush(connection)
            guard unsent >= 0 else { throw lost() }
            if PQisBusy(connection) == 0 { break }
            guard wait(orWriting: unsent == 1, milliseconds: patience * 1000), PQconsumeInput(connection) == 1 else {
                throw lost()
            }
        }
        let result = PQgetResult(connection)
        if result == nil, PQstatus(connection) != CONNECTION_OK { throw lost() }
        return result
    }

    /// False after so many milliseconds without anything to read.
    func wait(orWriting: Bool = false, milliseconds: Int32) -> Bool {
        var events = pollfd(fd: socket, events: Int16(POLLIN | (orWriting ? POLLOUT : 0)), revents: 0)
        while true {
            let ready = poll(&events, 1, milliseconds)
            if ready < 0, errno == EINTR { continue }
            return ready > 0
        }
    }

    private func lost() -> SessionTrouble { .lost(String(cString: PQerrorMessage(connection))) }

    /// Payloads of notices that came in; reads what is there, without waiting.
    func notices() throws(SessionTrouble) -> [String] {
        guard PQconsumeInput(connection) == 1 else { throw lost() }
        var payloads: [String] = []
        while let notice = PQnotifies(connection) {
            payloads.append(String(cString: notice.pointee.extra))
            PQfreemem(notice)
        }
        return payloads
    }

    // MARK: translation

    private static func answer(_ result: OpaquePointer) throws(SessionTrouble) -> Answer {
        var answer = Answer()
        answer.tag = String(cString: PQcmdStatus(result))
        answer.changed = Int(String(cString: PQcmdTuples(result))) ?? 0
        let count = PQntuples(result)
        guard count > 0 else { return answer }
        let width = PQnfields(result)
        let columns = (0..<width).map { String(cString: PQfname(result, $0)) }
        let types = (0..<width).map { PQftype(result, $0) }
        answer.rows.reserveCapacity(Int(count))
        for row in 0..<count {
            var values: [Value] = []
            values.reserveCapacity(Int(width))
            for column in 0..<width {
                guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
                    values.append(.null)
                    continue
                }
                let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
                values.append(try BinaryFormat.value(bytes, type: types[Int(column)]))
            }
            answer.rows.append(Row(columns: columns, values: values))
        }
        return answer
    }

    private static func trouble(of result: OpaquePointer) -> SessionTrouble {
        // A statement that was not run because one before it failed has no state, and neither has a lost connection.
        let none = PQresultStatus(result) == PGRES_PIPELINE_ABORTED ? "25P02" : "08006"
        let state = PQresultErrorField(result, Field.state).map { String(cString: $0) } ?? none
        let message = PQresultErrorField(result, Field.message).map { String(cString: $0) } ?? ""
        return SessionTrouble(state: state, message: message)
    }

    /// libpq keeps no state of a refused connection; the server's words are the only sign.
    private static func refusedConnection(_ words: String) -> SessionTrouble {
        let signs = [
            ("too many clients", "53300"), ("connection slots are reserved", "53300"),
            ("too many connections", "53300"), ("authentication failed", "28P01"), ("no password supplied", "28P01"),
            ("no pg_hba.conf entry", "28000"), ("role \"", "28000"), ("database \"", "3D000"),
            ("session is read-only", "25006"), ("server is in hot standby", "25006"),
        ]
        let found = signs.first { words.contains($0.0) && (!$0.0.hasSuffix("\"") || words.contains("does not exist")) }
        return SessionTrouble(state: found?.1 ?? "08001", message: words)
    }

    /// libpq's codes of an error's fields (PG_DIAG_…), which are macros.
    private enum Field {
        static let severity = Int32(UInt8(ascii: "V"))
        static let state = Int32(UInt8(ascii: "C"))
        static let message = Int32(UInt8(ascii: "M"))
    }

    private final class Warnings { var count = 0 }
}
