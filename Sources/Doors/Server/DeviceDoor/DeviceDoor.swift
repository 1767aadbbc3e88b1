import HTTPTypes
import Hummingbird
import Logging
import Registry
import Trust
import Wire

/// The device plane: the open device API and EST, over TLS with a client certificate.
package struct DeviceDoor: Sendable {
    package struct Settings: Sendable {
        /// Layout of base64 bodies per EST label; labels that are not listed, and none, get lines of 64.
        package var layouts: [String: Base64Body.Layout] = [:]
        /// A body that takes longer, in seconds, is given up.
        package var bodySeconds = Bodies.limitSeconds
        package init() {}
    }

    let house: House
    let settings: Settings
    let authentication: DeviceAuthentication

    package init(house: House, settings: Settings) {
        self.house = house
        self.settings = settings
        authentication = DeviceAuthentication(house: house)
    }

    /// The whole body, within the bounds of size and time.
    func body(of request: Request, limit: Int) async throws -> [UInt8] {
        try await Bodies.collect(request, limit: limit, seconds: settings.bodySeconds)
    }

    package func router() -> Router<DeviceContext> {
        let router = Router(context: DeviceContext.self)
        router.add(middleware: ChallengeMiddleware())
        router.add(middleware: RefusalMiddleware(log: house.log))
        OwnAPI(door: self).add(to: router)
        EST(door: self).add(to: router)
        return router
    }
}

/// Tells EST clients with what, beside a certificate, they may authenticate (RFC 7030 §3.2.3, RFC 9110 §11.6.1).
private struct ChallengeMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: DeviceContext, next: (Request, DeviceContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        if response.status == .unauthorized, request.uri.path.contains(EST.path + "/") {
            response.headers[.wwwAuthenticate] = "Basic realm=\"lifelong\", charset=\"UTF-8\""
        }
        return response
    }
}

/// Turns what was thrown into an answer.
struct RefusalMiddleware<Context: RequestContext>: RouterMiddleware {
    let log: Logger

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let refusal = Answers.asRefusal(error, log: log)
            log.info(
                "refused",
                metadata: [
                    "path": "\(request.uri.path.prefix(128))", "status": "\(refusal.httpStatus)",
                    "rule": "\(refusal.rule ?? "")",
                ])
            return Answers.refusal(refusal)
        }
    }
}
