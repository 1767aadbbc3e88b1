import Hummingbird
import Pairing
import Passport
import Registry
import Transfer
import Wire

/// How a device comes to an owner: a new one is paired, a used one is accepted.
extension Console {
    func claim(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        try Access.demand(PairDevice.permission, of: session.principal)
        return Page("Add a device", in: .devices, for: session) {
            pageHead("Add a device", crumb: link(Place("/devices"), "Devices"))
            if Self.query("done", request) == "waiting" {
                Pieces.done(
                    "The device has 15 minutes to prove itself. Switch it on and connect it; it appears in your list then."
                )
            }
            tag("div", .class("columns")) {
                pairCard(session)
                acceptCard(session)
            }
        }.response
    }

    private func pairCard(_ session: PeopleSession) -> HTML {
        card("A new device", id: "pair", lead: "The device gets you as its owner, may enrol and reach the back end.") {
            Forms.form(to: Place("/claim/pair"), session: session) {
                Self.serialField("pair-device")
                Forms.choices(
                    "grade", "How you show that it is yours",
                    options: [
                        ("proven", "The device proves it itself, when it is switched on"),
                        ("secret", "With the one-time secret that came with it"),
                        ("label", "With the code on its label"),
                        ("declared", "Only with its serial, where the product allows that"),
                    ])
                Forms.field(
                    "labelCode", "Code on the label", help: "For the label, and for the secret if you have both.")
                Forms.field("secret", "One-time secret")
                tag("button", .class("primary"), .type("submit")) { "Pair" }
            }
        }
    }

    private func acceptCard(_ session: PeopleSession) -> HTML {
        card(
            "A device that somebody gives you", id: "accept",
            lead: "Its former owner's data is destroyed, the device wipes itself, and then it is yours."
        ) {
            Forms.form(to: Place("/claim/accept"), session: session) {
                Self.serialField("accept-device")
                Forms.field("code", "Code from its owner", more: [.flag("required")])
                tag("button", .class("primary"), .type("submit")) { "Accept" }
            }
        }
    }

    private static func serialField(_ id: String) -> HTML {
        tag("div", .class("field")) {
            tag("label", Attribute("for", id), text: "Serial")
            HTML.void(
                "input",
                [
                    .type("text"), .id(id), .name("device"), .flag("required"), Attribute("maxlength", 64),
                    Attribute("autocomplete", "off"), Attribute("spellcheck", "false"),
                ])
        }
    }

    func claimed(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        guard let form = context.form, let device = form["device"] else { throw Self.noForm() }
        switch try Self.part("verb", context) {
        case "pair":
            guard let grade = form["grade"].flatMap({ Grade(rawValue: $0) }) else { throw Self.noForm() }
            let answer = try await house.perform(
                PairDevice(device: device, grade: grade, labelCode: form["labelCode"], secret: form["secret"]),
                as: session.principal)
            if answer.state == .waitingForProof { return Self.back(to: Place("/claim").with("done", "waiting")) }
            return Self.back(to: Place("/devices", device))
        case "accept":
            guard let code = form["code"] else { throw Self.noForm() }
            _ = try await house.perform(AcceptDevice(device: device, code: code), as: session.principal)
            return Self.back(to: Place("/devices").with("done", "accepted"))
        default: throw Self.noPage()
        }
    }
}
