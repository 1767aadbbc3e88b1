import HTTPTypes
import Hummingbird
import Registry
import Wire

/// A refusal as a page: what was wrong, what to do, and the rule that said so.
enum ErrorPages {
    static func refusal(_ refusal: Refusal, _ request: Request, _ context: PeopleContext) -> Response {
        var response: Response
        let status = HTTPResponse.Status(code: refusal.httpStatus)
        if refusal.code == .unauthenticated {
            let isLink = request.uri.path.hasPrefix("/sign-in/")
            response =
                Page("Sign in", for: nil, status: status) {
                    SignInPages.howToSignIn(
                        isLink ? "This link does not work" : "Nobody is signed in",
                        isLink ? refusal.detail : "This page needs to know who you are.")
                }.response
        } else {
            response = page(refusal, status: status, request, context).response
        }
        if let seconds = refusal.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    private static func page(
        _ refusal: Refusal, status: HTTPResponse.Status, _ request: Request, _ context: PeopleContext
    ) -> Page {
        Page(title(refusal.code), for: context.session, status: status) {
            tag("div", .class("narrow-page")) {
                tag("h1", text: title(refusal.code))
                notice(refusal)
                tag("p", .class("row")) {
                    if let back = back(from: request) {
                        link(back.place, .class("button")) { back.title }
                    }
                    link(Place("/"), .class("button")) { "Go to Today" }
                }
            }
        }
    }

    static func notice(_ refusal: Refusal) -> HTML {
        tag("div", .class("notice bad"), Attribute("role", "alert")) {
            tag("p", .class("said"), text: refusal.detail)
            tag("p", text: refusal.hint)
            if let rule = refusal.rule { tag("p", .class("rule"), text: "Rule: \(rule)") }
        }
    }

    private static func title(_ code: Refusal.Code) -> String {
        switch code {
        case .malformed: "That cannot be read"
        case .unauthenticated: "Nobody is signed in"
        case .forbidden: "That is not allowed"
        case .notFound: "Nothing is there"
        case .conflict: "That does not fit now"
        case .gone: "That is over"
        case .tooLarge: "That is too large"
        case .unsupported: "That is not supported"
        case .tooMany: "Too many attempts"
        case .internal: "Something broke here"
        case .unavailable: "Not possible right now"
        }
    }

    /// The page that a refused action belongs to.
    private static func back(from request: Request) -> (place: Place, title: String)? {
        let parts = request.uri.path.split(separator: "/").map(String.init)
        switch parts.first {
        case "devices" where parts.count == 3 && !parts[1].contains("%"):
            return (Place("/devices", parts[1]), "Back to the device")
        case "devices" where parts.count > 1: return (Place("/devices"), "All devices")
        case "alarms": return (Place("/alarms").with("open", "true"), "Open alarms")
        case "batches" where parts.count > 1: return (Place("/batches"), "All batches")
        case "ledger" where parts.count > 1: return (Place("/ledger"), "The ledger")
        case "people" where parts.count > 1: return (Place("/people"), "Back to People")
        case "claim" where parts.count > 1: return (Place("/claim"), "Back")
        default: return nil
        }
    }
}
