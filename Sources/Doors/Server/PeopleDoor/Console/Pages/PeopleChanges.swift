import Hummingbird
import Registry
import Wire

/// What the forms of the page People do.
extension Console {
    func changePeople(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        guard let form = context.form else { throw Self.noForm() }
        let who = session.principal
        switch try Self.part("verb", context) {
        case "add":
            let answer = try await house.perform(
                AddPerson(
                    person: try Self.field("name", form), role: try Self.role(form),
                    owner: try form["owner"].map { text throws(Refusal) in try OwnerID(text) }), as: who)
            return signInLink(answer.signInPath, for: answer.person.name, request, session)
        case "link":
            let name = try Self.field("person", form)
            return signInLink(
                try await house.perform(SignInLink(person: name), as: who).signInPath, for: name, request, session)
        case "owner":
            guard let kind = form["kind"].flatMap({ AddOwner.Kind(rawValue: $0) }) else { throw Self.noForm() }
            _ = try await house.perform(AddOwner(owner: try Self.field("ownerName", form), kind: kind), as: who)
            return Self.back(to: Place("/people").with("done", "owner"))
        case "token":
            let name = try Self.field("person", form)
            let answer = try await house.perform(
                IssueToken(person: name, label: try Self.field("label", form)), as: who)
            return Self.showOnce(
                "Token for \(name)", secret: answer.token,
                explanation:
                    "Send it as \"Authorization: Bearer\". It is shown once and kept nowhere; revoke it if it is lost.",
                back: Place("/people"), session)
        case "remove":
            _ = try await house.perform(RemovePerson(person: try Self.field("person", form)), as: who)
            return Self.back(to: Place("/people").with("done", "removed"))
        case "revoke-token":
            _ = try await house.perform(
                RevokeToken(person: try Self.field("person", form), label: try Self.field("label", form)), as: who)
            return Self.back(to: Place("/people").with("done", "revoked"))
        default: throw Self.noPage()
        }
    }

    /// The page that asks before somebody is removed.
    func confirmRemoval(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let people = try await reading.people(as: session.principal)
        let (verb, id) = (try Self.part("verb", context), try Self.part("person", context))
        guard verb == "remove", let person = people.first(where: { $0.person.text == id }) else { throw Self.noPage() }
        return Page("Remove \(person.name)", in: .people, for: session) {
            tag("div", .class("narrow-page")) {
                pageHead("Remove \(person.name)", crumb: link(Place("/people"), "People"))
                tag("section", .class("card"), .label("Confirm")) {
                    tag("p") {
                        "Every sign-in link, session and token of "
                        tag("strong", text: person.name)
                        ", \(person.role.title), ends with the next request. The name stays taken, because the ledger's history has it."
                    }
                    tag("p", .class("notice bad")) { "This cannot be undone." }
                    Forms.form(to: Place("/people/remove"), session: session) {
                        HTML.void("input", [.type("hidden"), .name("person"), .value(person.name)])
                        tag("div", .class("row")) {
                            tag("button", .class("final"), .type("submit")) { "Remove" }
                            link(Place("/people"), "Cancel")
                        }
                    }
                }
            }
        }.response
    }

    private func signInLink(
        _ path: String, for name: String, _ request: Request, _ session: PeopleSession
    ) -> Response {
        // The path alone: behind a proxy only the reader knows under which name this server is reached.
        Self.showOnce(
            "Sign-in link for \(name)", secret: path,
            explanation:
                "Put this server's address in front of it and hand it to \(name). It works once and for 15 minutes.",
            back: Place("/people"), session)
    }

    private static func role(_ form: Form) throws(Refusal) -> Role {
        guard let role = form["role"].flatMap({ Role(rawValue: $0) }) else { throw noForm() }
        return role
    }

    private static func field(_ name: String, _ form: Form) throws(Refusal) -> String {
        guard let value = form[name] else {
            throw Refusal(.malformed, "The field \"\(name)\" is empty.", hint: "Go back and fill it in.")
        }
        return value
    }
}
