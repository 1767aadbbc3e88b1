import Passport
import Store
import Wire

/// Somebody may sign in from now on.
package struct AddPerson: Action {
    package static let name = "people/add-person"
    package static let permission = Permission.administer
    /// Unique; what the person is called in lists.
    package var person: String
    package var role: Role
    /// For the role owner: whose devices.
    package var owner: OwnerID?

    package init(person: String, role: Role, owner: OwnerID? = nil) {
        self.person = person
        self.role = role
        self.owner = owner
    }

    package struct Answer: Codable, Sendable {
        package var person: People.Person
        /// Path of the one-time sign-in link, good for 15 minutes.
        package var signInPath: String
    }

    package func perform(in change: Change) throws -> Answer {
        try People.checkName(person)
        guard role != .device, role != .system else {
            throw Refusal(
                .malformed, "\(role.rawValue) is not a role for people.",
                hint: "Use makerAdmin, station, owner, support or auditor.")
        }
        guard (role == .owner) == (owner != nil) else {
            throw Refusal(
                .malformed, "The role owner needs an owner, and only that role has one.",
                hint: "Add the owner first and name it, or choose another role.")
        }
        if let owner, try change.rows.first("SELECT id FROM owner WHERE id = $1", [Value(owner)]) == nil {
            throw Refusal(.notFound, "There is no owner \"\(owner)\".", hint: "Add the owner first.")
        }
        guard try change.rows.first("SELECT id FROM person WHERE name = $1", [.text(person)]) == nil else {
            throw Refusal(.conflict, "There is, or was, a person \"\(person)\" already.", hint: "Choose another name.")
        }
        let added = People.Person(id: change.newID(), name: person, role: role, owner: owner)
        try change.rows.execute(
            "INSERT INTO person (id, name, role, owner, at) VALUES ($1, $2, $3, $4, $5)",
            [Value(added.id), .text(person), .text(role.rawValue), Value(owner), Value(change.now)])
        try change.record(.personAdded(person: added.id, role: role.rawValue))
        return Answer(person: added, signInPath: try SignInLink.make(for: added.id, in: change))
    }
}

/// Somebody leaves: links, sessions and tokens end with the next request. The name stays theirs, because history has it.
package struct RemovePerson: Action {
    package static let name = "people/remove-person"
    package static let permission = Permission.administer
    package var person: String

    package init(person: String) { self.person = person }

    package func perform(in change: Change) throws -> Done {
        let id = try People.require(person, in: change.rows)
        let isLastAdmin =
            try change.rows.count(
                """
                SELECT COUNT(*) AS n FROM person a WHERE a.role = $1 AND a.left_at IS NULL
                AND EXISTS (SELECT id FROM person p WHERE p.id = $2 AND p.role = $1)
                """, [.text(Role.makerAdmin.rawValue), Value(id)]) == 1
        guard !isLastAdmin else {
            throw Refusal(
                .conflict, "Nobody who administers would be left.", hint: "Add another makerAdmin first.")
        }
        try change.rows.execute("DELETE FROM credential WHERE person = $1", [Value(id)])
        try change.rows.execute("UPDATE person SET left_at = $1 WHERE id = $2", [Value(change.now), Value(id)])
        try change.record(.personRemoved(person: id))
        return Done()
    }
}

/// An owner of devices: a person or an organisation.
package struct AddOwner: Action {
    package static let name = "people/add-owner"
    package static let permission = Permission.administer
    package enum Kind: String, Codable, Sendable { case person, organisation }
    package var owner: String
    package var kind: Kind

    package init(owner: String, kind: Kind) {
        self.owner = owner
        self.kind = kind
    }

    package struct Answer: Codable, Sendable {
        package var owner: OwnerID
    }

    package func perform(in change: Change) throws -> Answer {
        try People.checkName(owner)
        let id: OwnerID = change.newID()
        try change.rows.execute(
            "INSERT INTO owner (id, name, kind, at) VALUES ($1, $2, $3, $4)",
            [Value(id), .text(owner), .text(kind.rawValue), Value(change.now)])
        try change.record(.ownerAdded(kind: kind.rawValue))
        return Answer(owner: id)
    }
}

/// A new one-time link for somebody who lost the last one.
package struct SignInLink: Action {
    package static let name = "people/sign-in-link"
    package static let permission = Permission.administer
    package var person: String

    package init(person: String) { self.person = person }

    package struct Answer: Codable, Sendable {
        package var signInPath: String
    }

    package func perform(in change: Change) throws -> Answer {
        let id = try People.require(person, in: change.rows)
        try change.record(.signInLinkIssued(person: id))
        return Answer(signInPath: try Self.make(for: id, in: change))
    }

    static func make(for person: PersonID, in change: Change) throws -> String {
        let secret = People.newSecret(.link, change.house)
        try People.add(
            secret, kind: .link, for: person, label: "sign-in link", seconds: People.linkSeconds, formKey: nil,
            in: change)
        return "/sign-in/\(secret)"
    }
}

/// Uses a one-time link up and opens a browser session. Performed by the door, as the system.
package struct SignIn: Action {
    package static let name = "people/sign-in"
    package static let permission = Permission.administer
    package var secret: String

    package init(secret: String) { self.secret = secret }

    package struct Answer: Codable, Sendable {
        package var session: String
        package var person: People.Person
    }

    package func perform(in change: Change) throws -> Answer {
        let found = try People.find(secret, kind: .link, now: change.now, in: change.rows)
        let used = try change.rows.execute(
            "DELETE FROM credential WHERE hash = $1 AND kind = 'link'", [.text(People.hash(secret))])
        guard let found, used == 1 else {
            throw Refusal(
                .unauthenticated, "The sign-in link is used up, expired or not one of ours.",
                hint: "Make a new one: lifelong person link NAME")
        }
        try change.rows.execute("DELETE FROM credential WHERE expires <= $1", [Value(change.now)])
        let session = People.newSecret(.session, change.house)
        try People.add(
            session, kind: .session, for: found.person.id, label: "browser", seconds: People.sessionSeconds,
            formKey: Base64.encode(change.house.random(24)), in: change)
        return Answer(session: session, person: found.person)
    }
}

/// Ends a session. Performed by the door, as the system.
package struct SignOut: Action {
    package static let name = "people/sign-out"
    package static let permission = Permission.administer
    package var session: String
    package init(session: String) { self.session = session }
    package func perform(in change: Change) throws -> Done {
        try change.rows.execute(
            "DELETE FROM credential WHERE hash = $1 AND kind = 'session'", [.text(People.hash(session))])
        return Done()
    }
}

/// A token for a program that acts for a person. Shown once.
package struct IssueToken: Action {
    package static let name = "people/issue-token"
    package static let permission = Permission.administer
    package var person: String
    /// What it is for, so that it can be found and revoked.
    package var label: String

    package init(person: String, label: String) {
        self.person = person
        self.label = label
    }

    package struct Answer: Codable, Sendable {
        package var token: String
    }

    package func perform(in change: Change) throws -> Answer {
        try People.checkName(label)
        let id = try People.require(person, in: change.rows)
        let token = People.newSecret(.token, change.house)
        try People.add(
            token, kind: .token, for: id, label: label, seconds: People.tokenDays * 86_400, formKey: nil, in: change)
        try change.record(.tokenIssued(person: id))
        return Answer(token: token)
    }
}

/// Every token of that label of that person stops working with the next request.
package struct RevokeToken: Action {
    package static let name = "people/revoke-token"
    package static let permission = Permission.administer
    package var person: String
    package var label: String

    package init(person: String, label: String) {
        self.person = person
        self.label = label
    }

    package func perform(in change: Change) throws -> Done {
        let id = try People.require(person, in: change.rows)
        let gone = try change.rows.execute(
            "DELETE FROM credential WHERE person = $1 AND label = $2 AND kind = 'token'", [Value(id), .text(label)])
        guard gone > 0 else {
            throw Refusal(.notFound, "That person has no token \"\(label.prefix(64))\".", hint: "List the tokens.")
        }
        try change.record(.tokenRevoked(person: id))
        return Done()
    }
}
