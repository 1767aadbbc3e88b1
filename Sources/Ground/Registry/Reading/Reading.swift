import Ledger
import Passport
import Store
import Wire

/// What people read: every view of the house, scoped to who asks. The REST API, the console and the command line show the
/// same ones.
///
/// An owner sees the devices that it owns now and nothing of anybody else; staff sees every device and no owner's name,
/// which is for the maker's administrators and the owner itself. Reads leave no events.
package struct Reading: Sendable {
    package let house: House
    /// What verifies the ledger's checkpoints.
    package let verifierKey: VerifierKey

    /// Minutes within which a contact counts as "lately".
    package static let contactMinutes = 15
    /// Rows of a page, unless told, and at most.
    package static let pageLimit = 50
    package static let maximumPageLimit = 200
    /// A number beyond which nobody counts on.
    package static let countLimit = 10_000
    /// Rows of a list that has no pages: products, batches, people, owners, authorities.
    static let listLimit = 1000

    package init(_ house: House, verifierKey: VerifierKey) {
        self.house = house
        self.verifierKey = verifierKey
    }

    /// Refuses unless the role includes one of the permissions.
    static func demand(_ permissions: Permission..., of principal: Principal) throws(Refusal) {
        guard let first = permissions.first, !permissions.contains(where: { Access.allows($0, principal) }) else {
            return
        }
        try Access.demand(first, of: principal)
    }

    /// Whether the principal may learn who this owner is.
    static func mayName(_ owner: OwnerID?, _ principal: Principal) -> Bool {
        Access.allows(.administer, principal) || (owner != nil && owner == principal.owner)
    }

    /// The one owner that a principal without sight of the fleet is confined to; nil for staff.
    static func confinement(of principal: Principal) throws(Refusal) -> OwnerID? {
        guard Access.allows(.readOwnDevices, principal), !Access.allows(.readFleet, principal) else {
            try Access.demand(.readFleet, of: principal)
            return nil
        }
        guard let owner = principal.owner else {
            throw Refusal(
                .forbidden, "Your account acts for no owner.", hint: "Ask an administrator to add you to your owner.",
                rule: "tenure: owner only")
        }
        return owner
    }

    static func pageSize(_ limit: Int?) throws(Refusal) -> Int {
        guard let limit else { return pageLimit }
        guard (1...maximumPageLimit).contains(limit) else {
            throw Refusal(
                .malformed, "A page of \(limit) rows is not possible.",
                hint: "Use a limit from 1 to \(maximumPageLimit).")
        }
        return limit
    }
}

/// Conditions of a query with their arguments, numbered in order.
struct Conditions {
    private(set) var clauses: [String] = []
    private(set) var arguments: [Value] = []

    init() {}

    /// Of a query around another one, whose arguments come first.
    init(after inner: Conditions) { arguments = inner.arguments }

    /// - Parameter clause: holds `?` once for each value.
    mutating func add(_ clause: String, _ values: Value...) {
        var text = ""
        var rest = values[...]
        for character in clause {
            if character == "?", let value = rest.popFirst() {
                text += argument(value)
            } else {
                text.append(character)
            }
        }
        clauses.append(text)
    }

    /// The placeholder of one more argument.
    mutating func argument(_ value: Value) -> String {
        arguments.append(value)
        return "$\(arguments.count)"
    }

    var sql: String { clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ") }
}
