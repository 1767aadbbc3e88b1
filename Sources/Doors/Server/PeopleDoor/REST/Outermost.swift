import HTTPTypes
import Hummingbird
import Logging

/// Around every request: headers that tell a browser to trust nothing else, and one line of access log.
///
/// The line has the route, never the path: a sign-in link's secret is a part of the path.
struct Outermost: RouterMiddleware {
    typealias Context = PeopleContext
    let log: Logger
    let isSecure: Bool

    private static let contentSecurityPolicy = [
        "default-src 'none'", "style-src 'self'", "img-src 'self' data:", "form-action 'self'",
        "frame-ancestors 'none'",
        "script-src 'self'", "base-uri 'none'",
    ].joined(separator: "; ")

    func handle(
        _ request: Request, context: PeopleContext, next: (Request, PeopleContext) async throws -> Response
    ) async throws -> Response {
        let started = ContinuousClock.now
        var response = try await next(request, context)
        add(&response.headers)
        let elapsed = ContinuousClock.now - started
        let microseconds = elapsed.components.seconds * 1_000_000 + elapsed.components.attoseconds / 1_000_000_000_000
        // Browsers show it beside each request (W3C Server Timing).
        if let name = HTTPField.Name("Server-Timing") {
            response.headers[name] = "total;dur=\(Double(microseconds) / 1000)"
        }
        log.info(
            "people request",
            metadata: [
                "method": "\(request.method.rawValue)", "route": "\(context.endpointPath ?? "none")",
                "status": "\(response.status.code)", "address": "\(context.address)",
                "microseconds": "\(microseconds)",
            ])
        return response
    }

    /// A page may have said something stricter already.
    private func add(_ headers: inout HTTPFields) {
        func set(_ name: HTTPField.Name?, _ value: String) {
            if let name, headers[name] == nil { headers[name] = value }
        }
        set(.contentSecurityPolicy, Self.contentSecurityPolicy)
        set(.xContentTypeOptions, "nosniff")
        set(HTTPField.Name("Referrer-Policy"), "no-referrer")
        set(HTTPField.Name("Cross-Origin-Opener-Policy"), "same-origin")
        set(HTTPField.Name("Cross-Origin-Resource-Policy"), "same-origin")
        set(.cacheControl, "no-store")
        if isSecure { set(.strictTransportSecurity, "max-age=31536000") }
    }
}
