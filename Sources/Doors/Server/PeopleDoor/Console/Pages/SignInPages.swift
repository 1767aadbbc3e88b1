import HTTPTypes
import Hummingbird

/// Before and after somebody is signed in.
enum SignInPages {
    /// One button: a link alone must do nothing, because mail scanners and previews follow links.
    static func signIn(_ request: Request) -> Response {
        let secret = request.uri.path.split(separator: "/").last.map(String.init) ?? ""
        return Page("Sign in", for: nil) {
            tag("div", .class("narrow-page")) {
                tag("section", .class("card")) {
                    tag("h1", text: "Sign in to Lifelong")
                    tag("p", .class("soft")) {
                        "This link signs you in once, on this browser, for 12 hours. After that it is used up."
                    }
                    tag("form", Attribute("method", "post"), .action(Place("/sign-in", secret))) {
                        tag("button", .class("primary"), .type("submit"), .flag("autofocus")) { "Sign in" }
                    }
                }
            }
        }.response
    }

    static func signedOut() -> Response {
        Page("Signed out", for: nil) {
            howToSignIn(
                "You are signed out", "The session has ended on the server; its cookie opens nothing any more.")
        }.response
    }

    /// For whoever comes without a session, and for whoever has just left.
    static func howToSignIn(_ title: String, _ lead: String) -> HTML {
        tag("div", .class("narrow-page")) {
            tag("section", .class("card")) {
                tag("h1", text: title)
                tag("p", .class("soft"), text: lead)
                tag("p") { "To sign in, open a one-time link. On the server, somebody with its account makes one:" }
                tag("pre", Attribute("data-copy", "")) { "lifelong person link NAME" }
                tag("p", .class("quiet")) {
                    "A link works once and for 15 minutes. A maker admin can also make one on the page People."
                }
            }
        }
    }
}
