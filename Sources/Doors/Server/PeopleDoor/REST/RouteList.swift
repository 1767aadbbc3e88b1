import HTTPTypes
import Hummingbird
import NIOCore
import Registry
import Store
import Wire

/// All operations of the people's API.
package enum RouteList {
    package static func all(_ door: PeopleDoor) -> [PeopleRoute] {
        Reads.all(door.reading) + ActionList.all.map { $0.route(door.house) } + [
            Artifacts(house: door.house, limit: door.settings.maximumArtifactBytes).route
        ] + SignInRoutes(door: door).all + service(door)
    }

    /// What monitors and programs ask without being anybody.
    private static func service(_ door: PeopleDoor) -> [PeopleRoute] {
        [
            PeopleRoute(
                method: .get, path: "\(PeopleRoute.prefix)/openapi.yaml", summary: "This document.", tag: "service",
                reply: "text/yaml", isOpen: true
            ) { _, _ in .text(OpenAPI.document(all(door)), type: "application/yaml; charset=utf-8") },
            PeopleRoute(
                method: .get, path: "/healthz", summary: "The program runs.", tag: "service", reply: "Health",
                isOpen: true
            ) { _, _ in try .json(Health(status: "ok")) },
            PeopleRoute(
                method: .get, path: "/readyz",
                summary: "Requests may be sent; the database answers, no damage was found, the clock is believed.",
                tag: "service", reply: "Health", isOpen: true
            ) { _, _ in
                try await PublicDoor.demandWellness(of: door.house, door.health)
                return try .json(Health(status: "ok"))
            },
        ]
    }

    package struct Health: Codable, Sendable {
        package var status: String
    }

    /// Methods that a path has; empty for an unknown one.
    static func methods(at path: String, in routes: [PeopleRoute]) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        return routes.filter { route in
            let wanted = route.path.split(separator: "/")
            return wanted.count == parts.count && zip(wanted, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }.map(\.method)
    }
}
