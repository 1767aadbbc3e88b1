import Hummingbird
import Registry
import Wire

/// Who may sign in, whose devices there are, and which programs hold tokens.
extension Console {
    func people(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let people = try await reading.people(as: session.principal)
        let owners = try await reading.owners(as: session.principal)
        let now = house.clock()
        return Page("People", in: .people, for: session) {
            pageHead(
                "People", lead: "There are no passwords: people sign in with one-time links, programs with tokens.")
            if let done = Self.query("done", request).flatMap({ Self.peopleDone[$0] }) { Pieces.done(done) }
            card("People", id: "people") { peopleTable(people, owners, session, now: now) }
            tag("div", .class("columns")) {
                tag("div", .class("stack")) {
                    tokens(people, session, now: now)
                    ownersCard(owners, now: now)
                }
                tag("div", .class("stack")) {
                    addPerson(owners, session)
                    addOwner(session)
                }
            }
        }.response
    }

    private static let peopleDone = [
        "owner": "The owner is added.",
        "removed": "Removed; no link, session or token of theirs works any more.",
        "revoked": "The token is revoked; it opens nothing from now on.",
    ]

    private func peopleTable(
        _ people: [PersonView], _ owners: [OwnerView], _ session: PeopleSession, now: Timestamp
    ) -> HTML {
        let names = Dictionary(owners.map { ($0.owner, $0.name) }, uniquingKeysWith: { first, _ in first })
        return Pieces.table("People", columns: ["Name", "Role", "Acts for", "Added", "Tokens", ""], numbers: [4]) {
            for person in people {
                tag("tr") {
                    tag("td", text: person.name)
                    tag("td", .class("nowrap"), text: person.role.title)
                    tag("td") { person.owner.map { .text(names[$0] ?? $0.text) } ?? Self.none }
                    tag("td", .class("nowrap")) { Times.brief(person.addedAt, now: now) }
                    tag("td", .class("number"), text: grouped(person.tokens.count))
                    tag("td", .class("nowrap")) {
                        tag("div", .class("side-by-side")) {
                            Forms.form(to: Place("/people/link"), session: session) {
                                HTML.void("input", [.type("hidden"), .name("person"), .value(person.name)])
                                tag(
                                    "button", .class("small"), .type("submit"),
                                    .label("Sign-in link for \(person.name)")
                                ) { "Sign-in link" }
                            }
                            link(
                                Place("/people/remove", person.person.text), .class("button small final"),
                                .label("Remove \(person.name)")
                            ) { "Remove…" }
                        }
                    }
                }
            }
        }
    }

    private func tokens(_ people: [PersonView], _ session: PeopleSession, now: Timestamp) -> HTML {
        let held = people.flatMap { person in person.tokens.map { (person, $0) } }
        return card(
            "API tokens", id: "tokens", lead: "A token is shown once, when it is issued; only its hash is kept."
        ) {
            tag("ul", .class("tasks divided")) {
                for (person, token) in held {
                    tag("li") {
                        tag("div", .class("what")) {
                            tag("p") {
                                tag("span", .class("title"), text: token.label)
                                " of \(person.name)"
                            }
                            tag("p", .class("soft")) {
                                "issued "
                                Times.brief(token.issuedAt, now: now)
                                ", ends "
                                Times.brief(token.expires, now: now)
                            }
                        }
                        Forms.form(to: Place("/people/revoke-token"), session: session) {
                            HTML.void("input", [.type("hidden"), .name("person"), .value(person.name)])
                            HTML.void("input", [.type("hidden"), .name("label"), .value(token.label)])
                            tag(
                                "button", .class("small final"), .type("submit"),
                                .label("Revoke \(token.label) of \(person.name)")
                            ) { "Revoke" }
                        }
                    }
                }
                tag("li") { tag("div", .class("what")) { issueToken(people, session) } }
            }
        }
    }

    private func issueToken(_ people: [PersonView], _ session: PeopleSession) -> HTML {
        Forms.form(to: Place("/people/token"), session: session) {
            tag("div", .class("field")) {
                Forms.select(
                    "person", "New token for", chosen: nil,
                    options: people.map { ($0.name, "\($0.name), \($0.role.title)") })
            }
            Forms.field("label", "What it is for", more: [.flag("required"), Attribute("maxlength", 64)])
            tag("button", .type("submit")) { "Issue a token" }
        }
    }

    private func ownersCard(_ owners: [OwnerView], now: Timestamp) -> HTML {
        card("Owners", id: "owners") {
            if owners.isEmpty { tag("p", .class("quiet"), text: "No owners yet.") }
            tag("ul", .class("tasks divided")) {
                for owner in owners {
                    tag("li") {
                        tag("div", .class("what")) {
                            tag("p") {
                                tag("span", .class("title"), text: owner.name)
                                " "
                                tag("span", .class("chip"), text: owner.kind)
                            }
                        }
                        tag("span", .class("quiet")) { Times.brief(owner.addedAt, now: now) }
                    }
                }
            }
        }
    }

    private func addPerson(_ owners: [OwnerView], _ session: PeopleSession) -> HTML {
        let roles: [Role] = [.makerAdmin, .support, .auditor, .station, .owner]
        let choices = [("", "Nobody (staff)")] + owners.map { ($0.owner.text, $0.name) }
        return card("Add a person", id: "add-person") {
            Forms.form(to: Place("/people/add"), session: session) {
                Forms.field("name", "Name", more: [.flag("required"), Attribute("maxlength", 128)])
                tag("div", .class("field")) {
                    Forms.select("role", "Role", chosen: "support", options: roles.map { ($0.rawValue, $0.title) })
                }
                tag("div", .class("field")) {
                    Forms.select("owner", "Acts for (role Owner only)", chosen: nil, options: choices)
                }
                tag("button", .class("primary"), .type("submit")) { "Add and make a sign-in link" }
            }
        }
    }

    private func addOwner(_ session: PeopleSession) -> HTML {
        card("Add an owner", id: "add-owner", lead: "A person or an organisation that owns devices.") {
            Forms.form(to: Place("/people/owner"), session: session) {
                Forms.field("ownerName", "Name of the owner", more: [.flag("required"), Attribute("maxlength", 128)])
                Forms.choices(
                    "kind", "Kind", options: [("person", "A person"), ("organisation", "An organisation")])
                tag("button", .type("submit")) { "Add the owner" }
            }
        }
    }
}
