import CLibPQ
import Wire

/// Why a statement or a connection failed, as PostgreSQL says it.
struct SessionTrouble: Error {
    /// Five characters (PostgreSQL, appendix A); "08006" for a connection that is gone.
    let state: String
    /// The server's words; they may hold values of a row and are never shown.
    let message: String

    static func lost(_ message: String) -> SessionTrouble { SessionTrouble(state: "08006", message: message) }

    // States of our own, for what PostgreSQL allows and we do not.
    static let notDurable = "LL002"
    static let notUTF8 = "LL003"
    static let newer = "LL004"
    static let occupied = "LL005"
    static let cleaned = "LL006"

    /// The session is of no more use: gone, being shut down, or on a server that takes no writes any more.
    var endsSession: Bool {
        state.hasPrefix("08") || state.hasPrefix("57P") || state == "25006" || state == "25P03"
            // A plan that a migration of another node has outdated; a statement that the session has lost.
            || state == "0A000" || state == "26000"
    }

    /// What went wrong, in words that an operator can act on; the statement and its values stay out of it.
    var refusal: Refusal {
        switch state {
        case "53100":
            Refusal(
                .unavailable, "The database's disk is full; nothing was changed.",
                hint: "Free space on the PostgreSQL server, then try again.", retryAfterSeconds: 30)
        case "53300", "53400":
            Refusal(
                .unavailable, "PostgreSQL takes no more connections.",
                hint: "Raise max_connections, or run fewer nodes; each takes six.", retryAfterSeconds: 5)
        case "25006":
            Refusal(
                .unavailable, "The database takes no writes at present; nothing was changed.",
                hint: "Wait for the fail-over to end, or name the primary in the setting \"database\".",
                retryAfterSeconds: 5)
        case "23505":
            Refusal(.conflict, "The same thing is there already.", hint: "Read the present state and try again.")
        case "40001", "40P01", "55P03", "25P03", "57014":
            Refusal(
                .unavailable, "The database was busy with another change; nothing was changed.", hint: "Try again.",
                retryAfterSeconds: 1)
        case "22021", "22P05":
            Refusal(.malformed, "A text holds a byte that cannot be stored.", hint: "Send UTF-8 text without NUL.")
        case "28P01", "28000":
            Refusal(
                .unavailable, "PostgreSQL refused the sign-in (\(state)).",
                hint: "Check the user in the setting \"database\", pg_hba.conf, and the password in PGPASSFILE.",
                retryAfterSeconds: 30)
        case "3D000", "3F000":
            Refusal(
                .unavailable, "The database or schema does not exist (\(state)).",
                hint: "Make it: createdb lifelong; see docs/operating.md.", retryAfterSeconds: 30)
        case "42501":
            Refusal(
                .unavailable, "The database user may not do what is needed (42501).",
                hint: "Make it the owner of the database, or GRANT CREATE, USAGE on its schema.", retryAfterSeconds: 30)
        case Self.notDurable:
            Refusal(
                .unavailable, "The PostgreSQL server runs with fsync=off; nothing that it answers is durable.",
                hint: "Set fsync = on in postgresql.conf.")
        case Self.notUTF8:
            Refusal(
                .unavailable, "The database is not in UTF-8.",
                hint: "Make it anew: createdb --encoding=UTF8 --template=template0 lifelong.")
        case Self.newer:
            Refusal(
                .unavailable, "The database was written by a newer Lifelong.",
                hint: "Start that version, or a newer one.")
        case Self.occupied:
            Refusal(
                .conflict, "The database holds a Lifelong already.", hint: "Name an empty one; nothing is overwritten.")
        case Self.cleaned:
            Refusal(
                .conflict, "Another node cleans the database's files at this moment.", hint: "Try again.",
                retryAfterSeconds: 1)
        case "XX001", "XX002":
            Refusal(
                .unavailable, "PostgreSQL found damaged data (\(state)).",
                hint: "Stop the nodes; see its log; restore with `lifelong restore` or fail over to a replica.")
        case _ where state.hasPrefix("08") || state.hasPrefix("57P"):
            Refusal(
                .unavailable, "The database cannot be reached; nothing was changed.",
                hint: "Check that PostgreSQL runs and that the setting \"database\" names it; then try again.",
                retryAfterSeconds: 2)
        case _ where state.hasPrefix("53") || state.hasPrefix("58"):
            Refusal(
                .unavailable, "The database server is out of a resource (\(state)); nothing was changed.",
                hint: "Look into PostgreSQL's log.", retryAfterSeconds: 30)
        case _ where state.hasPrefix("23"):
            Refusal(.conflict, "The same thing is there already.", hint: "Read the present state and try again.")
        default:
            // Class 42 speaks of statements and names, never of values.
            Refusal(
                .internal,
                "The database refused a statement (PostgreSQL \(state)\(state.hasPrefix("42") ? ": " + message : "")).",
                hint: "Report this with PostgreSQL's log.")
        }
    }

    /// A commit was sent and its answer never came.
    static let unknown = Refusal(
        .unavailable, "The connection to the database was lost; whether the change was stored is unknown.",
        hint: "Look at the present state before you try again.", retryAfterSeconds: 2)
}
