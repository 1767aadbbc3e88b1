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

    package init(house: House, reading: Reading) {
        self.house = house
        self.reading = reading
    }

    /// Addresses of the pages, with "{name}" where something stands for it.
    package var paths: [String] { pages.map { $0.0.description } }

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
        router.get("/signed-out") { _, _ in SignInPages.signedOut() }
        for (path, answer) in pages { router.get(path, use: Self.told(answer)) }
        for (path, answer) in deeds { router.post(path, use: Self.told(answer)) }
        router.get("/**", use: Self.told { _, _ in throw Self.noPage() })
    }

    typealias Handler = @Sendable (Request, PeopleContext) async throws -> Response

    private var pages: [(RouterPath, Handler)] {
        [
            ("/", today), ("/devices", devices), ("/devices/:name", device), ("/devices/:name/:verb", confirm),
            ("/claim", claim), ("/alarms", alarms), ("/batches", batches), ("/batches/:batch/ship", confirmShipping),
            ("/authorities", authorities), ("/ledger", ledger), ("/ledger/:index", entry),
            ("/ledger/:index/evidence", evidence), ("/releases", releases), ("/releases/:release", release),
            ("/releases/:release/withdraw", confirmWithdrawal), ("/updates", updates), ("/updates/:rollout", update),
            ("/people", people), ("/people/:verb/:person", confirmRemoval),
        ]
    }

    /// What changes something; the door has compared origin and form key before any of them is asked.
    private var deeds: [(RouterPath, Handler)] {
        [
            ("/devices/:name/:verb", act), ("/claim/:verb", claimed), ("/alarms/:index/acknowledge", acknowledge),
            ("/batches/:batch/ship", ship), ("/releases/:release/withdraw", withdrawRelease),
            ("/updates/:rollout/:verb", changeUpdate), ("/people/:verb", changePeople),
        ]
    }

    /// Refusals become pages here, where it is known who asks, so that the page keeps its navigation. What is broken
    /// inside goes on to the door, which logs it.
    private static func told(_ handler: @escaping Handler) -> Handler {
        { request, context in
            do {
                return try await handler(request, context)
            } catch let refusal as Refusal where refusal.code != .internal {
                return ErrorPages.refusal(refusal, request, context)
            }
        }
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
    static func query(_ name: Substring, _ request: Request, limit: Int = 256) -> String? {
        guard let found = request.uri.queryParameters[name], found.utf8.count <= limit else { return nil }
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
