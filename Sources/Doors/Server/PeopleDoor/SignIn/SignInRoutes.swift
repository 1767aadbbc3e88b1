import HTTPTypes
import Hummingbird
import Registry
import Wire

/// Signing in with a one-time link, and out.
///
/// Opening the link changes nothing: previewers and scanners of mail open links too. The button on its page uses it up.
struct SignInRoutes: Sendable {
    let door: PeopleDoor
    private let limit = AttemptLimit(burst: 10, what: "sign-ins", hint: "Wait, then use a fresh link.")

    init(door: PeopleDoor) { self.door = door }

    var all: [PeopleRoute] {
        [
            PeopleRoute(
                method: .get, path: "/sign-in/{link}", summary: "Shows the page with the button of a sign-in link.",
                tag: "session", reply: "text/html", isOpen: true
            ) { request, context in try door.pages.signIn(request, context) },
            PeopleRoute(
                method: .post, path: "/sign-in/{link}", summary: "Uses a sign-in link up and opens a session.",
                tag: "session", reply: "See Other", isOpen: true
            ) { _, context in try await signIn(context) },
            PeopleRoute(
                method: .post, path: "/sign-out", summary: "Ends the session of the cookie.", tag: "session",
                reply: "See Other"
            ) { request, context in try await signOut(request, context) },
        ]
    }

    private func signIn(_ context: PeopleContext) async throws -> Response {
        let now = door.house.clock()
        try limit.demand(context.address, at: now)
        do {
            let secret = context.parameters.get("link") ?? ""
            let answer = try await door.house.perform(SignIn(secret: secret), as: .system)
            return redirect(to: "/", SessionCookie.header(answer.session, isSecure: door.settings.isSecure))
        } catch let refusal as Refusal where refusal.code == .unauthenticated {
            limit.failed(context.address, at: now)
            throw refusal
        }
    }

    private func signOut(_ request: Request, _ context: PeopleContext) async throws -> Response {
        _ = try context.requireSession()
        guard let cookie = SessionCookie.value(in: request) else {
            throw Refusal(
                .conflict, "An API token has no session to end.", hint: "Revoke the token: lifelong token revoke")
        }
        _ = try await door.house.perform(SignOut(session: cookie), as: .system)
        return redirect(to: "/signed-out", SessionCookie.removal(isSecure: door.settings.isSecure))
    }

    private func redirect(to path: String, _ cookie: String) -> Response {
        Response(status: .seeOther, headers: [.location: path, .setCookie: cookie])
    }
}
