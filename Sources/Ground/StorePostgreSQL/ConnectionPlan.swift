import CLibPQ
import Wire

/// Where the database is and how it is connected to: a libpq connection string or URI, without a password.
///
/// Several hosts (`host=a,b,c`) are tried in turn until one takes writes, so that a fail-over needs no restart.
package struct ConnectionPlan: Sendable {
    /// Keyword and value, as libpq takes them.
    let options: [(keyword: String, value: String)]
    /// Seconds that the server may take for an answer before it counts as lost; what is known to take long (migrations,
    /// VACUUM) does not go by it.
    package var patienceSeconds: Int32 = 30

    /// How long one host may take to answer, and how soon a host that went silent is given up; each unless it was given.
    private static let defaults = [
        ("connect_timeout", "3"), ("target_session_attrs", "read-write"), ("keepalives_idle", "5"),
        ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
        ("application_name", "lifelong"),
    ]
    private static let secrets: Set<String> = ["password", "sslpassword"]

    init(options: [(keyword: String, value: String)]) { self.options = options }

    package static func isPostgreSQL(_ setting: String) -> Bool {
        setting.hasPrefix("postgresql:") || setting.hasPrefix("postgres:")
    }

    /// - Parameter setting: "postgresql://user@host/name", or "postgresql:host=a,b dbname=lifelong".
    package init(_ setting: String) throws(Refusal) {
        var text = setting
        for scheme in ["postgresql:", "postgres:"] where text.hasPrefix(scheme) {
            guard !text.hasPrefix(scheme + "//") else { break }
            text = String(text.dropFirst(scheme.count))
            break
        }
        var problem: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(text, &problem) else {
            // The parser's own words may repeat a part of the text, and so a password.
            PQfreemem(problem)
            throw Refusal(
                .malformed, "The setting \"database\" is not a PostgreSQL connection string.",
                hint:
                    "Write it like postgresql://user@host:5432/lifelong or \"postgresql:host=/run/postgresql dbname=lifelong\"."
            )
        }
        defer { PQconninfoFree(parsed) }
        var options: [(keyword: String, value: String)] = []
        var next = parsed
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { options.append((String(cString: keyword), String(cString: value))) }
            next += 1
        }
        guard !options.contains(where: { Self.secrets.contains($0.keyword) }) else {
            throw Refusal(
                .malformed, "The setting \"database\" holds a password.",
                hint: "Take it out; put it into a file named by PGPASSFILE or passfile=, or into PGPASSWORD.")
        }
        for (keyword, value) in Self.defaults where !options.contains(where: { $0.keyword == keyword }) {
            options.append((keyword, value))
        }
        // Not to be chosen: the store reads and writes UTF-8.
        options.removeAll { $0.keyword == "client_encoding" }
        options.append(("client_encoding", "UTF8"))
        self.options = options
    }

    /// The same as one string, for PostgreSQL's own programs; they take the password from where libpq takes it.
    var text: String {
        // pg_dump reads from whichever server there is.
        options.filter { $0.keyword != "target_session_attrs" }.map { option in
            let escaped = option.value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(option.keyword)='\(escaped)'"
        }.joined(separator: " ")
    }

    /// What a person reads.
    var name: String {
        func value(_ keyword: String) -> String? { options.first { $0.keyword == keyword }?.value }
        let host = value("host") ?? value("hostaddr") ?? "this machine"
        return "PostgreSQL database \(value("dbname") ?? value("user") ?? "of the user") on \(host)"
    }
}
