import Hummingbird
import Ledger
import Registry
import Wire

/// Refuses what is more than the server can do, before anything is read or looked up.
private struct Crowd: RouterMiddleware {
    typealias Context = PeopleContext
    let gate: Gate

    func handle(
        _ request: Request, context: PeopleContext, next: (Request, PeopleContext) async throws -> Response
    ) async throws -> Response {
        try gate.enter()
        defer { gate.leave() }
        return try await next(request, context)
    }
}

/// The people's door: REST API, sign-in and, plugged in, the console.
///
/// Order of a request: security headers and access log → errors become answers → who asks (token or cookie, origin and
/// form key) → route. The rules are the registry's and the rooms'; here bytes become an action and an answer becomes bytes.
package struct PeopleDoor: Sendable {
    package struct Settings: Sendable {
        /// Reached over TLS, ours or a proxy's: the session's cookie is marked Secure.
        package var isSecure: Bool
        /// Most bytes of an artifact.
        package var maximumArtifactBytes = 2 << 30
        /// "https://people.example:8444": what a browser's Origin must be; nil means the request's own Host.
        package var origin: String?

        package init(isSecure: Bool, origin: String? = nil) {
            self.isSecure = isSecure || origin?.hasPrefix("https://") == true
            self.origin = origin
        }
    }

    /// What the console plugs in.
    package struct Pages: Sendable {
        /// The page with one button behind a sign-in link; its form posts to `path` of the request itself.
        package var signIn: @Sendable (_ request: Request, _ context: PeopleContext) throws -> Response
        /// A refusal for a person with a browser.
        package var refusal:
            @Sendable (_ refusal: Refusal, _ request: Request, _ context: PeopleContext) throws -> Response
        /// Adds the console's own routes.
        package var add: @Sendable (_ router: Router<PeopleContext>, _ house: House, _ reading: Reading) -> Void

        package init(
            signIn: @escaping @Sendable (Request, PeopleContext) throws -> Response,
            refusal: @escaping @Sendable (Refusal, Request, PeopleContext) throws -> Response,
            add: @escaping @Sendable (Router<PeopleContext>, House, Reading) -> Void
        ) {
            self.signIn = signIn
            self.refusal = refusal
            self.add = add
        }
    }

    package let house: House
    package let reading: Reading
    package let settings: Settings
    package let pages: Pages
    let health: Health

    package init(
        house: House, publisherKey: VerifierKey, settings: Settings, pages: Pages = .plain, health: Health = Health()
    ) {
        self.house = house
        self.reading = Reading(house, verifierKey: publisherKey)
        self.settings = settings
        self.pages = pages
        self.health = health
    }

    /// The whole door as one router.
    package func router() -> Router<PeopleContext> {
        let routes = RouteList.all(self)
        let router = Router(context: PeopleContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: Outermost(log: house.log, isSecure: settings.isSecure))
        router.add(middleware: RefusalAnswers(log: house.log, pages: pages, routes: routes))
        router.add(middleware: Crowd(gate: Gate(limit: 256)))
        router.add(middleware: Authentication(house: house, settings: settings))
        for route in routes { router.on(RouterPath(route.path), method: route.method, use: route.answer) }
        pages.add(router, house, reading)
        return router
    }
}
