import HTTPTypes
import Hummingbird
import Passport
import Registry
import Wire

/// Asking before something is done to a device, and doing it.
extension Console {
    /// The page that asks first: what happens then, in a sentence, and what the action needs to know.
    func confirm(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let (verb, view) = try await asked(context, session)
        guard let action = view.actions.first(where: { $0.name == verb.action }) else {
            throw Refusal(
                .conflict, "That is not possible with this device, or not for you.", hint: view.whatToDo,
                rule: "stage \(view.stage.rawValue)")
        }
        let releases =
            verb.action == "use/offer-update"
            ? try await reading.releases(product: view.product, as: session.principal) : []
        let crumb = link(Place("/devices", view.serial), view.serial)
        return Page("\(action.title): \(view.serial)", in: .devices, for: session) {
            tag("div", .class("narrow-page")) {
                pageHead(action.title, crumb: crumb) { Pieces.badge(view.stage) }
                tag("section", .class("card"), .label("Confirm")) {
                    tag("p") {
                        "Device "
                        tag("strong", text: view.serial)
                        ", \(view.productTitle ?? view.product.text)."
                    }
                    tag("p", text: action.consequence)
                    if action.isFinal {
                        tag("p", .class("notice bad")) { "This cannot be undone." }
                    }
                    Forms.form(to: Place("/devices", view.serial, verb.path), session: session) {
                        verb.fields(view, releases)
                        tag("div", .class("row")) {
                            tag("button", .class(verb.cutsOff || action.isFinal ? "final" : "primary"), .type("submit"))
                            {
                                action.title
                            }
                            link(Place("/devices", view.serial), "Cancel")
                        }
                    }
                }
            }
        }.response
    }

    func act(_ request: Request, _ context: PeopleContext) async throws -> Response {
        let session = try context.requireSession()
        let (verb, view) = try await asked(context, session)
        guard let form = context.form else { throw Self.noForm() }
        switch try await verb.perform(view, form, house, session.principal) {
        case .done: return Self.back(to: Place("/devices", view.serial).with("done", verb.path))
        case .secret(let title, let secret, let explanation):
            return Self.showOnce(
                title, secret: secret, explanation: explanation, back: Place("/devices", view.serial), session)
        }
    }

    private func asked(_ context: PeopleContext, _ session: PeopleSession) async throws -> (DeviceVerb, DeviceView) {
        guard let verb = DeviceVerb.named(try Self.part("verb", context)) else { throw Self.noPage() }
        return (verb, try await reading.device(try Self.part("name", context), as: session.principal))
    }

    static func noForm() -> Refusal {
        Refusal(.malformed, "The request carries no form.", hint: "Use the button on the page.")
    }

    /// A secret stands in no address and no history: the answer to the form is the one place where it is ever shown.
    static func showOnce(
        _ title: String, secret: String, explanation: String, back: Place, _ session: PeopleSession
    ) -> Response {
        Page(title, for: session) {
            tag("div", .class("narrow-page")) {
                pageHead(title)
                tag("section", .class("card"), .label("Shown once")) {
                    tag("pre", .class("secret wrapped"), Attribute("data-copy", "")) { secret }
                    tag("p") { explanation }
                    tag("p") { link(back, .class("button")) { "I have it" } }
                }
            }
        }.response
    }
}
