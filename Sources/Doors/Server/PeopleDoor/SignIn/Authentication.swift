import Crypto
import HTTPTypes
import Hummingbird
import Registry
import Wire

/// Finds out who asks: an API token, or a browser's session cookie.
///
/// A cookie comes along by itself, so whatever it changes must come from our own page: the browser says so
/// (`Sec-Fetch-Site`, `Origin`), and the form carries the session's key. A token is sent on purpose and needs neither.
struct Authentication: RouterMiddleware {
    typealias Context = PeopleContext
    let house: House
    let settings: PeopleDoor.Settings

    /// Carries the form key where there is no form.
    static let formKeyHeader = HTTPField.Name("X-Form-Key")

    func handle(
        _ request: Request, context: PeopleContext, next: (Request, PeopleContext) async throws -> Response
    ) async throws -> Response {
        var (request, context) = (request, context)
        if let credentials = request.headers[.authorization] {
            context.session = try await session(of: credentials, request)
        } else {
            let cookie = SessionCookie.value(in: request)
            if let cookie { context.session = try await find(cookie, .session) }
            if !Self.isSafe(request.method) {
                if cookie != nil || request.uri.path.hasPrefix("/sign-in/") { try demandSameOrigin(request) }
                if context.session != nil { try await demandFormKey(&request, &context) }
            }
        }
        return try await next(request, context)
    }

    private static func isSafe(_ method: HTTPRequest.Method) -> Bool {
        method == .get || method == .head || method == .options
    }

    private func session(of credentials: String, _ request: Request) async throws -> PeopleSession {
        if ManagementErrors.isBelow(request.uri.path), let basic = BasicCredentials(credentials) {
            return try await session(of: basic, request)
        }
        let parts = credentials.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Refusal(
                .unauthenticated, "The Authorization header is not \"Bearer\" and a token.",
                hint: "Send \"Authorization: Bearer ll_token_…\".", rule: "RFC 6750 §2.1")
        }
        guard let session = try await find(String(parts[1]), .token) else {
            throw Refusal(
                .unauthenticated, "The token is unknown, expired or revoked.",
                hint: "Have a new one issued: lifelong token issue NAME --label LABEL. The server's own, cli-token, is "
                    + "renewed when it starts.", rule: "RFC 6750 §3.1")
        }
        return session
    }

    /// Scripts for hawkBit have a user, who may be "tenant\\user", and a password: here a person's name and an API token of theirs.
    private func session(of basic: BasicCredentials, _ request: Request) async throws -> PeopleSession {
        // A browser that was asked for a password sends it along by itself.
        let isBrowser = request.headers[.secFetchSite] != nil || request.headers[.origin] != nil
        if !Self.isSafe(request.method), isBrowser { try demandSameOrigin(request) }
        let user = basic.user.split(separator: "\\", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
        guard let session = try await find(basic.password, .token), session.person.name == user else {
            throw Refusal(
                .unauthenticated, "The password is no API token of that person, or it is expired or revoked.",
                hint: "Use the person's name, and as password a token: lifelong token issue NAME --label LABEL.",
                rule: "RFC 7617 §2")
        }
        return session
    }

    private func find(_ secret: String, _ kind: People.CredentialKind) async throws -> PeopleSession? {
        let now = try house.time()
        return try await house.read { try People.find(secret, kind: kind, now: now, in: $0) }.map {
            PeopleSession(person: $0.person, formKey: $0.formKey)
        }
    }

    private func demandSameOrigin(_ request: Request) throws(Refusal) {
        let site = request.headers[.secFetchSite]
        let origin = request.headers[.origin]
        let isOurs = origin.map { $0 == settings.origin ?? ownOrigin(request) }
        // A page that sends no referrer has the origin "null"; then the browser's other word counts alone.
        let fits =
            switch (site, isOurs) {
            case ("same-origin", let isOurs): isOurs != false || origin == "null"
            case (nil, true): true
            default: false
            }
        guard fits else {
            throw Refusal(
                .forbidden, "The request did not come from a page of this server.",
                hint: "Use the console, or send an API token instead of the cookie.", rule: "people's door: same origin"
            )
        }
    }

    private func ownOrigin(_ request: Request) -> String {
        "\(settings.isSecure ? "https" : "http")://\(request.head.authority ?? "")"
    }

    private func demandFormKey(_ request: inout Request, _ context: inout PeopleContext) async throws {
        var given = Self.formKeyHeader.flatMap { request.headers[$0] }
        if request.mediaType == "application/x-www-form-urlencoded" {
            let form = try Form(try await request.bytes(limit: Form.maximumBytes))
            context.form = form
            given = form[Form.keyField] ?? given
        }
        guard let given, let key = context.session?.formKey, Self.isEqual(given, key) else {
            throw Refusal(
                .forbidden, "The form's key is missing or of another session.", hint: "Load the page again and repeat.",
                rule: "people's door: form key")
        }
    }

    /// Takes the same time wherever the two differ.
    private static func isEqual(_ a: String, _ b: String) -> Bool {
        SHA256.hash(data: Array(a.utf8)) == SHA256.hash(data: Array(b.utf8))
    }
}

extension HTTPField.Name {
    /// Fetch Metadata, https://www.w3.org/TR/fetch-metadata/
    fileprivate static var secFetchSite: HTTPField.Name {
        guard let name = HTTPField.Name("Sec-Fetch-Site") else { preconditionFailure("a valid header name") }
        return name
    }
}
