import Foundation
import HTTPTypes
import Hummingbird
import Registry
import Wire

/// The console: what people see in a browser. Server-rendered pages over the same readings and actions as the REST API;
/// no page reads more than it shows, and everything works without a script.
package struct Console: Sendable {
    let house: House
    let reading: Reading

    /// What plugs into the people's door.
    package static var pages: PeopleDoor.Pages {
        PeopleDoor.Pages(
            signIn: { request, _ in SignInPages.signIn(request) },
            refusal: { refusal, request, context in ErrorPages.refusal(refusal, request, context) },
            add: { router, house, reading in Console(house: house, reading: reading).routes(router) })
    }

    private func routes(_ router: Router<PeopleContext>) {
        for file in ConsoleFiles.all {
            router.get(RouterPath(file.path)) { request, _ in file.answer(to: request) }
        }
        router.get("/") { request, context in try await today(request, context) }
        router.get("/signed-out") { _, _ in SignInPages.signedOut() }
        router.get("/devices") { request, context in try await devices(request, context) }
        router.get("/devices/:name") { request, context in try await device(request, context) }
        router.get("/devices/:name/:verb") { request, context in try await confirm(request, context) }
        router.post("/devices/:name/:verb") { request, context in try await act(request, context) }
        router.get("/claim") { request, context in try claim(request, context) }
        router.post("/claim/:verb") { request, context in try await claimed(request, context) }
        router.get("/alarms") { request, context in try await alarms(request, context) }
        router.post("/alarms/:index/acknowledge") { request, context in try await acknowledge(request, context) }
        router.get("/batches") { request, context in try await batches(request, context) }
        router.get("/batches/:batch/ship") { request, context in try await confirmShipping(request, context) }
        router.post("/batches/:batch/ship") { request, context in try await ship(request, context) }
        router.get("/authorities") { request, context in try await authorities(request, context) }
        router.get("/ledger") { request, context in try await ledger(request, context) }
        router.get("/ledger/:index") { request, context in try await entry(request, context) }
        router.get("/ledger/:index/evidence") { request, context in try await evidence(request, context) }
        router.get("/people") { request, context in try await people(request, context) }
        router.post("/people/:verb") { request, context in try await changePeople(request, context) }
        router.get("/**") { _, _ -> Response in throw Self.noPage() }
    }

    static func noPage() -> Refusal {
        Refusal(.notFound, "There is no such page.", hint: "Start from Today, or search for the device.")
    }

    /// A part of the path, as it was before percent-encoding.
    static func part(_ name: String, _ context: PeopleContext) throws(Refusal) -> String {
        guard let value = context.parameters.get(name), !value.isEmpty, value.utf8.count <= 256 else { throw noPage() }
        return value
    }

    /// One of the query's values; nothing if it is missing, empty or too long to mean anything.
    static func query(_ name: Substring, _ request: Request) -> String? {
        guard let found = request.uri.queryParameters[name], found.utf8.count <= 256 else { return nil }
        let value = String(found).trimmingCharacters(in: .whitespaces)
        return value.isEmpty ? nil : value
    }

    /// Back to a page after something was done, so that a reload does it no second time (POST, redirect, GET).
    static func back(to place: Place) -> Response {
        var headers = ConsoleHeaders.page
        headers[.location] = place.text
        return Response(status: .seeOther, headers: headers)
    }
}
