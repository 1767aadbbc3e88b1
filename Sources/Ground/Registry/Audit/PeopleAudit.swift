import Passport
import Store
import Wire

/// Who may do what: a role that was changed behind the registry's back would let somebody do everything.
struct PeopleAudit {
    private var roles: [String: String] = [:]
    private var left: Set<String> = []

    mutating func take(_ event: Event) {
        switch event {
        case .personAdded(let person, let role): roles[person.text] = role
        case .personRemoved(let person): left.insert(person.text)
        default: break
        }
    }

    func compare(_ rows: any Rows, _ notes: Notes) throws {
        var missing = roles.filter { !left.contains($0.key) }
        for row in try rows.query("SELECT id, role, left_at FROM person ORDER BY id") {
            let id = try row.text("id")
            missing[id] = nil
            func find(_ finding: String) { notes.find("person \(id)", finding) }
            guard let role = roles[id] else {
                find("The ledger never heard of it.")
                continue
            }
            let actual = try row.text("role")
            if actual != role { find("The role is \(actual) in the registry, \(role) by the ledger.") }
            if left.contains(id) != (row.optionalInt("left_at") != nil) {
                find("Whether that person has left differs from the ledger.")
            }
        }
        for id in missing.keys.sorted() { notes.find("person \(id)", "The row is gone from the registry.") }
    }
}
