import Registry

/// What each route of the people's door asks for, typed from docs/openapi/people.yaml and docs/console.md and not taken
/// from the code: any of the permissions, the first of which a refusal names. None: whoever is signed in.
enum PeopleRoutes {
    enum Need: Sendable {
        /// Nobody need be anybody.
        case open(Int)
        case signedIn
        case anyOf([Permission])
        /// The same, and a person who acts for an owner sees its own.
        case orOwner(Permission)
    }

    struct Try: Sendable {
        let route: String
        let need: Need
        /// What is really asked for; the route itself without its braces if left out.
        var path: String?
        var body = ""
        var type = "application/json"
        /// What somebody who may gets: the request is made so that it changes nothing.
        var answer = 200
        /// A form of the console: a token brings none.
        var isForm = false
        /// What is asked for is looked for before the permission is; nil for staff and owner alike.
        var changes: Bool { !route.hasPrefix("GET") }
        var method: String { String(route.split(separator: " ")[0]) }
    }

    private static let sight: [Permission] = [.readFleet, .readOwnDevices]

    /// - Parameters:
    ///   - batch: one that is closed.
    ///   - person: name and id of somebody.
    static func all(_ serial: String, batch: String, person: (name: String, id: String)) -> [Try] {
        reads(serial) + actions() + console(serial, batch) + people(person) + service()
    }

    private static func read(_ path: String, _ need: Need, _ real: String? = nil) -> Try {
        Try(route: "GET /api/v1/\(path)", need: need, path: "/api/v1/\(real ?? path)")
    }

    private static func reads(_ serial: String) -> [Try] {
        [
            read("fleet", .anyOf(sight)), read("alarms", .anyOf(sight)), read("whoami", .signedIn),
            read("devices", .anyOf(sight)), read("devices/{device}", .anyOf(sight), "devices/\(serial)"),
            read("devices/{device}/passport", .anyOf(sight), "devices/\(serial)/passport"),
            read("devices/{device}/updates", .anyOf(sight), "devices/\(serial)/updates"),
            read("devices/{device}/evidence", .anyOf(sight), "devices/\(serial)/evidence"),
            read("ledger", .anyOf([.readLedger])), read("ledger/entries", .anyOf([.readLedger])),
            read("ledger/witnesses", .anyOf([.readLedger])),
            read("ledger/entries/{index}", .anyOf([.readLedger]), "ledger/entries/3"),
            read("ledger/proof/{index}", .anyOf([.readLedger]), "ledger/proof/3"),
            read("products", .anyOf([.readFleet, .manufacture, .readOwnDevices])),
            read("batches", .anyOf([.readFleet, .manufacture])), read("releases", .anyOf(sight)),
            read("rollouts", .anyOf([.readFleet])), read("groups", .anyOf([.readFleet])),
            Try(
                route: "GET /api/v1/rollouts/{rollout}", need: .anyOf([.readFleet]), path: "/api/v1/rollouts/NOBODY",
                answer: 404),
            Try(
                route: "GET /api/v1/rollouts/{rollout}/devices", need: .anyOf([.readFleet]),
                path: "/api/v1/rollouts/NOBODY/devices", answer: 404),
            read("people", .anyOf([.administer])), read("owners", .orOwner(.administer)),
            read("authorities", .anyOf([.readFleet, .manufacture])), read("update-metadata", .anyOf([.readFleet])),
            // Nobody proposed it: who may look learns that.
            Try(
                route: "GET /api/v1/update-metadata/{sha256}", need: .anyOf([.readFleet]),
                path: "/api/v1/update-metadata/" + String(repeating: "0", count: 64), answer: 404),
        ]
    }

    private static func actions() -> [Try] {
        let needs: [(String, Permission)] = [
            ("design/publish-product", .publish), ("manufacture/open-batch", .manufacture),
            ("manufacture/admit-births", .manufacture), ("manufacture/ship-devices", .ship),
            ("pairing/pair-device", .pair), ("pairing/enrolment-code", .own), ("pairing/unlock", .respond),
            ("use/configure-device", .own), ("use/publish-release", .publish), ("use/offer-update", .publish),
            ("use/withdraw-update", .publish), ("use/set-gateway-token", .publish), ("use/issue-device-token", .own),
            ("use/adopt-device-tokens", .own),
            ("use/plan-rollout", .publish), ("use/try-rollout", .publish), ("use/approve-rollout", .publish),
            ("use/start-rollout", .publish), ("use/pause-rollout", .publish), ("use/resume-rollout", .publish),
            ("use/stop-rollout", .publish), ("use/return-rollout", .publish),
            ("use/label-devices", .publish), ("use/set-group", .publish), ("use/remove-group", .publish),
            ("use/hold-updates", .publish), ("use/release-updates", .publish),
            ("use/quarantine-device", .respond), ("use/restore-device", .respond), ("transfer/offer-device", .own),
            ("transfer/withdraw-offer", .own), ("transfer/accept-device", .pair), ("retirement/retire-device", .retire),
            ("alarms/acknowledge", .respond), ("people/add-person", .administer), ("people/add-owner", .administer),
            ("people/sign-in-link", .administer), ("people/issue-token", .administer),
            ("people/revoke-token", .administer), ("people/remove-person", .administer),
            ("use/draft-root", .administer), ("use/delegate-updates", .administer), ("use/propose-release", .publish),
            ("use/sign-metadata", .publish), ("use/publish-metadata", .publish), ("use/add-signer", .administer),
            ("use/remove-signer", .administer), ("use/prune-artifacts", .administer),
        ]
        // Nothing is in the body: who may learns that (400), and nothing happens.
        return needs.map { name, permission in
            Try(route: "POST /api/v1/\(name)", need: .anyOf([permission]), body: "{}", answer: 400)
        } + [
            Try(
                route: "PUT /api/v1/artifacts/{sha256}", need: .anyOf([.publish]),
                path: "/api/v1/artifacts/" + String(repeating: "0", count: 64), body: "not those bytes",
                type: "application/octet-stream", answer: 409)
        ]
    }

    private static func console(_ serial: String, _ batch: String) -> [Try] {
        [
            page("/console.css", .open(200)), page("/console.js", .open(200)), page("/favicon.svg", .open(200)),
            page("/signed-out", .open(200)), page("/**", .open(404), "/no/such/page/at/all"),
            page("/devices", .anyOf(sight)), page("/devices/{name}", .anyOf(sight), "/devices/\(serial)"),
            page("/claim", .anyOf([.pair])), page("/alarms", .anyOf(sight)),
            page("/batches", .anyOf([.readFleet, .manufacture])),
            page("/batches/{batch}/ship", .anyOf([.ship]), "/batches/\(batch)/ship"),
            page("/authorities", .anyOf([.readFleet, .manufacture])), page("/ledger", .anyOf([.readLedger])),
            page("/ledger/{index}", .anyOf([.readLedger]), "/ledger/3"),
            page("/ledger/{index}/evidence", .anyOf([.readLedger]), "/ledger/3/evidence"),
            page("/updates", .anyOf([.readFleet])),
            page("/updates/{rollout}", .anyOf([.readFleet]), "/updates/NOBODY", answer: 404),
            deed("/updates/{rollout}/{verb}", .anyOf([.publish]), "/updates/NOBODY/pause", "back=1", answer: 404),
            // Nobody's device, nobody's alarm: whoever may learns that.
            deed("/claim/{verb}", .anyOf([.pair]), "/claim/pair", "device=NOBODY&grade=declared", answer: 404),
            deed(
                "/alarms/{index}/acknowledge", .anyOf([.respond]), "/alarms/999999/acknowledge", "back=open",
                answer: 404),
            deed("/batches/{batch}/ship", .anyOf([.ship]), "/batches/NOBODY/ship", "", answer: 404),
        ]
    }

    private static func page(_ path: String, _ need: Need, _ real: String? = nil, answer: Int = 200) -> Try {
        Try(route: "GET \(path)", need: need, path: real ?? path, answer: answer)
    }

    private static func deed(_ path: String, _ need: Need, _ real: String, _ form: String, answer: Int) -> Try {
        Try(
            route: "POST \(path)", need: need, path: real, body: form, type: "application/x-www-form-urlencoded",
            answer: answer, isForm: true)
    }

    /// Every verb of the page People, with a form that is whole and yet changes nothing: the name is taken, not usable or
    /// nobody's.
    private static func people(_ person: (name: String, id: String)) -> [Try] {
        let taken = person.name.replacing(" ", with: "+")
        let verbs = [
            ("add", "name=\(taken)&role=auditor", 409), ("link", "person=NOBODY", 404),
            ("owner", "ownerName=%01&kind=person", 400), ("token", "person=NOBODY&label=x", 404),
            ("remove", "person=NOBODY", 404), ("revoke-token", "person=\(taken)&label=none", 404),
        ]
        return verbs.map { verb, form, answer in
            deed("/people/{verb}", .anyOf([.administer]), "/people/\(verb)", form, answer: answer)
        } + [
            // There is no such verb, for anybody.
            deed("/people/{verb}", .signedIn, "/people/fly", "person=\(taken)", answer: 404),
            page("/people", .anyOf([.administer])),
            page("/people/{verb}/{person}", .anyOf([.administer]), "/people/remove/\(person.id)"),
            page("/people/{verb}/{person}", .anyOf([.administer]), "/people/remove/NOBODY", answer: 404),
            page("/people/{verb}/{person}", .anyOf([.administer]), "/people/link/\(person.id)", answer: 404),
        ]
    }

    private static func service() -> [Try] {
        [
            Try(route: "GET /api/v1/openapi.yaml", need: .open(200)), Try(route: "GET /healthz", need: .open(200)),
            Try(route: "GET /readyz", need: .open(200)),
            Try(route: "GET /sign-in/{link}", need: .open(200), path: "/sign-in/ll_link_none"),
            Try(route: "POST /sign-in/{link}", need: .open(401), path: "/sign-in/ll_link_none"),
        ]
    }
}
