import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Wire

/// The one place where errors of this door become HTTP: a refusal as JSON for programs, as a page for a browser. What is
/// `internal`, or no refusal at all, is logged and never shown.
struct RefusalAnswers: RouterMiddleware {
    typealias Context = PeopleContext
    let log: Logger
    let pages: PeopleDoor.Pages
    let routes: [PeopleRoute]

    func handle(
        _ request: Request, context: PeopleContext, next: (Request, PeopleContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as Refusal {
            if refusal.code == .internal { log.error("internal refusal", metadata: ["detail": "\(refusal)"]) }
            return try answer(refusal, request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return try unknown(request, context)
        } catch {
            return try answer(translated(error), request, context)
        }
    }

    private func unknown(_ request: Request, _ context: PeopleContext) throws -> Response {
        let methods = Set(RouteList.methods(at: request.uri.path, in: routes).map(\.rawValue))
        guard !methods.isEmpty else {
            let refusal = Refusal(
                .notFound, "There is nothing at this path.", hint: "Look the path up in /api/v1/openapi.yaml.")
            return try answer(refusal, request, context)
        }
        let allowed = methods.union(methods.contains("GET") ? ["HEAD"] : []).sorted().joined(separator: ", ")
        let refusal = Refusal(
            .unsupported, "This path does not take \(request.method.rawValue.prefix(16)).", hint: "Use \(allowed).",
            rule: "RFC 9110 §15.5.6")
        var response =
            ManagementErrors.isBelow(request.uri.path)
            ? try ManagementErrors.answer(refusal, status: 405)
            : try Response.json(refusal, status: .methodNotAllowed)
        response.headers[.allow] = allowed
        return response
    }

    /// What the framework or the engine threw.
    private func translated(_ error: any Error) -> Refusal {
        if error is NIOTooManyBytesError {
            return Refusal(.tooLarge, "The body is too large.", hint: "Send a smaller one.")
        }
        if let error = error as? HTTPError, error.status.kind == .clientError {
            return Refusal(.malformed, "The request cannot be read.", hint: "Look it up in /api/v1/openapi.yaml.")
        }
        log.error(
            "internal error", metadata: ["type": "\(type(of: error))", "error": "\(Answers.loggable(error))"])
        return Refusal(.internal, "unexpected", hint: "Look into the server's log.")
    }

    private func answer(_ thrown: Refusal, _ request: Request, _ context: PeopleContext) throws -> Response {
        let refusal = Answers.face(of: thrown)
        var response = try shown(refusal, request, context)
        if refusal.code == .unauthenticated {
            let also = ManagementErrors.isBelow(request.uri.path) ? ", Basic realm=\"lifelong\", charset=\"UTF-8\"" : ""
            response.headers[.wwwAuthenticate] = "Bearer realm=\"lifelong\"\(also)"
        }
        if let seconds = refusal.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        return response
    }

    private func shown(_ refusal: Refusal, _ request: Request, _ context: PeopleContext) throws -> Response {
        let path = request.uri.path
        if ManagementErrors.isBelow(path) { return try ManagementErrors.answer(refusal) }
        if !path.hasPrefix("/api/"), request.headers[.accept]?.contains("text/html") ?? false {
            return try pages.refusal(refusal, request, context)
        }
        return try .json(refusal, status: HTTPResponse.Status(code: refusal.httpStatus))
    }
}
