import Foundation
import HTTPTypes
import Hummingbird
import Passport
import Registry
import Rollout
import Selection
import Wire

/// The reading half of the API: `GET /api/v1/…`, the views of `Reading` as JSON.
enum Reads {
    private typealias P = PeopleRoute.Parameter

    static func all(_ reading: Reading) -> [PeopleRoute] {
        fleet(reading) + devices(reading) + ledger(reading) + lists(reading) + rollouts(reading)
    }

    private static let limit = P(
        name: "limit", schema: "{type: integer, minimum: 1, maximum: \(Reading.maximumPageLimit)}",
        meaning: "Rows of the page; \(Reading.pageLimit) unless told.")
    private static let after = P(
        name: "after", schema: "{type: string}", meaning: "`next` of the page before.")
    private static let before = P(
        name: "before", schema: "{type: integer, format: int64, minimum: 0}", meaning: "`next` of the page before.")
    private static let older = P(
        name: "before", schema: "{type: integer, format: int64, minimum: 0}", meaning: "`older` of the page before.")
    private static let product = P(name: "product", schema: "{type: string}", meaning: "Only of this product.")

    private static func fleet(_ reading: Reading) -> [PeopleRoute] {
        let open = P(
            name: "open", schema: "{type: boolean}", meaning: "true: nobody acknowledged them; false: the others.")
        return [
            read("fleet", "FleetView", "The fleet on one page.", tag: "fleet") { _, _, principal in
                try await reading.fleet(as: principal)
            },
            read("alarms", "AlarmPage", "Alarms, newest first.", tag: "fleet", query: [open, before, limit]) {
                query, _, principal in
                try await reading.alarms(
                    open: query.flag("open"), before: query.number("before"),
                    limit: query.number("limit").map(Int.init),
                    as: principal)
            },
            read("whoami", "WhoAmI", "Who the caller is, and what it may do.", tag: "people") { _, _, principal in
                try await reading.whoAmI(as: principal)
            },
        ]
    }

    private static func devices(_ reading: Reading) -> [PeopleRoute] {
        let filters = [
            P(name: "stage", schema: "{$ref: '#/components/schemas/Stage'}", meaning: "Only in this stage."), product,
            P(name: "batch", schema: "{type: string}", meaning: "Only of this batch."),
            P(name: "owner", schema: "{type: string}", meaning: "Only of this owner; for administrators."),
            P(name: "alarm", schema: "{type: string}", meaning: "`any`, or a kind of alarm that is open."),
            P(name: "q", schema: "{type: string}", meaning: "Beginning of a serial, or a device's whole name."),
            P(
                name: "where", schema: "{type: string, maxLength: 4096}",
                meaning: "A selector, such as `release < 7 and seen < 7d` (docs/rollouts.md)."), after, limit,
        ]
        return [
            read("devices", "DevicePage", "Devices, page by page.", tag: "devices", query: filters) {
                query, _, principal in
                try await reading.devices(
                    filter(query), after: query.text("after"), limit: query.number("limit").map(Int.init), as: principal
                )
            },
            read("devices/{device}", "DeviceView", "Everything of one device.", tag: "devices") { _, name, principal in
                try await reading.device(name, as: principal)
            },
            read(
                "devices/{device}/passport", "LifeView", "A device's life in sentences, the newest page first.",
                tag: "devices", query: [older, limit]
            ) { query, name, principal in
                try await reading.life(
                    name, before: query.number("before"), limit: query.number("limit").map(Int.init), as: principal)
            },
            read(
                "devices/{device}/updates", "UpdateHistory", "What became of releases on a device, newest first.",
                tag: "devices"
            ) { _, name, principal in
                try await reading.updates(of: name, as: principal)
            },
            read(
                "devices/{device}/evidence", "Evidence", "A device's entries with their proofs, for `lifelong verify`.",
                tag: "devices"
            ) { _, name, principal in
                try await reading.evidence(name, as: principal)
            },
        ]
    }

    private static func filter(_ query: Query) throws(Refusal) -> DeviceFilter {
        let alarm: DeviceFilter.AlarmFilter? =
            query.text("alarm") == "any" ? .any : try query.choice("alarm", Alarm.self).map { .kind($0) }
        return DeviceFilter(
            stage: try query.choice("stage", Stage.self), product: try query.id("product"),
            batch: try query.id("batch"), owner: try query.id("owner"), alarm: alarm, q: query.text("q"),
            selector: try query.text("where").map { text throws(Refusal) in try Selector(text) })
    }

    private static func ledger(_ reading: Reading) -> [PeopleRoute] {
        let behind = P(
            name: "after", schema: "{type: integer, format: int64, minimum: 0}",
            meaning: "Entries behind this one, oldest first.")
        let newest = P(
            name: "before", schema: "{type: integer, format: int64, minimum: 0}",
            meaning: "Entries before this one, newest first; not together with `after`.")
        return [
            read("ledger", "LedgerView", "The ledger's size, root and checkpoint.", tag: "ledger") { _, _, principal in
                try await reading.ledger(as: principal)
            },
            read(
                "ledger/witnesses", "WitnessList", "Who cosigns the ledger's checkpoints, and how far.", tag: "ledger"
            ) { _, _, principal in
                try await reading.witnesses(as: principal)
            },
            read(
                "ledger/entries", "LedgerEntryPage", "Entries of the ledger.", tag: "ledger",
                query: [behind, newest, limit]
            ) {
                query, _, principal in
                let limit = try query.number("limit").map(Int.init)
                guard let before = try query.number("before") else {
                    return try await reading.entries(after: query.number("after"), limit: limit, as: principal)
                }
                guard query.text("after") == nil else {
                    throw Refusal(.malformed, "Both after and before are given.", hint: "Give one of the two.")
                }
                return try await reading.newestEntries(before: before, limit: limit, as: principal)
            },
            read("ledger/entries/{index}", "LedgerLeafView", "One entry with its bytes.", tag: "ledger") {
                _, index, principal in
                try await reading.entry(number(index), as: principal)
            },
            read("ledger/proof/{index}", "ProofView", "How an entry hangs in the tree.", tag: "ledger") {
                _, index, principal in
                try await reading.proof(number(index), as: principal)
            },
        ]
    }

    private static func lists(_ reading: Reading) -> [PeopleRoute] {
        [
            read("products", "ProductList", "The products.", tag: "design") { _, _, principal in
                try await ProductList(products: reading.products(as: principal))
            },
            read("batches", "BatchList", "The batches, newest first.", tag: "manufacture", query: [product]) {
                query, _, principal in
                try await BatchList(batches: reading.batches(product: query.id("product"), as: principal))
            },
            read("releases", "ReleaseList", "The releases, newest first.", tag: "use", query: [product]) {
                query, _, principal in
                try await ReleaseList(releases: reading.releases(product: query.id("product"), as: principal))
            },
            read(
                "releases/{sha256}", "ReleaseDetail",
                "One release, with who signed it, what it is made of, and what changed since the one before.",
                tag: "use"
            ) { _, sha256, principal in
                try await reading.release(sha256, as: principal)
            },
            read(
                "releases/{sha256}/components", "ReleaseComponents",
                "All components of a release, by its bill of materials.", tag: "use",
                query: [P(name: "q", schema: "{type: string}", meaning: "Only those with this in their name.")]
            ) { query, sha256, principal in
                try await reading.components(of: sha256, matching: query.text("q"), as: principal)
            },
            read(
                "update-metadata", "UpdateMetadataView",
                "The update metadata that is published, who signs it, and what waits.",
                tag: "use"
            ) { _, _, principal in
                try await reading.updateMetadata(as: principal)
            },
            read(
                "update-metadata/{sha256}", "UpdateDraftView", "One draft of update metadata with its bytes.",
                tag: "use"
            ) {
                _, sha256, principal in
                try await reading.updateDraft(sha256, as: principal)
            },
            read("people", "PeopleList", "Everybody who signs in.", tag: "people") { _, _, principal in
                try await PeopleList(people: reading.people(as: principal))
            },
            read("owners", "OwnerList", "The owners of devices.", tag: "people") { _, _, principal in
                try await OwnerList(owners: reading.owners(as: principal))
            },
            read("authorities", "AuthorityList", "The certificate authorities.", tag: "authorities") {
                _, _, principal in
                try await AuthorityList(authorities: reading.authorities(as: principal))
            },
        ]
    }

    private static func rollouts(_ reading: Reading) -> [PeopleRoute] {
        let states = RolloutMember.State.allCases.map(\.rawValue).joined(separator: ", ")
        let state = P(
            name: "state", schema: "{type: string, enum: [\(states)]}",
            meaning: "Those that stand so; failed unless told.")
        return [
            read("groups", "GroupList", "The groups of devices, by name.", tag: "use") { _, _, principal in
                try await GroupList(groups: reading.groups(as: principal))
            },
            read("rollouts", "RolloutList", "The rollouts, newest first.", tag: "use") { _, _, principal in
                try await RolloutList(rollouts: reading.rollouts(as: principal))
            },
            read("rollouts/{rollout}", "RolloutView", "A rollout with its numbers.", tag: "use") {
                _, name, principal in
                try await reading.rollout(RolloutID(name), as: principal)
            },
            read(
                "rollouts/{rollout}/devices", "RolloutDevicePage", "Devices of a rollout, page by page.", tag: "use",
                query: [state, after, limit]
            ) { query, name, principal in
                try await reading.devices(
                    of: RolloutID(name), state: query.choice("state", RolloutMember.State.self) ?? .failed,
                    after: query.text("after"), limit: query.number("limit").map(Int.init), as: principal)
            },
        ]
    }

    /// - Parameter body: gets the query, and what the path's one parameter is.
    private static func read<View: Encodable & Sendable>(
        _ path: String, _ reply: String, _ summary: String, tag: String, query: [PeopleRoute.Parameter] = [],
        body: @escaping @Sendable (Query, String, Principal) async throws -> View
    ) -> PeopleRoute {
        PeopleRoute(
            method: .get, path: "\(PeopleRoute.prefix)/\(path)", query: query, summary: summary, tag: tag, reply: reply
        ) { request, context in
            let principal = try context.principal
            let values = try Query(request, allowed: query)
            let name =
                ["device", "index", "sha256", "rollout"].lazy.compactMap { context.parameters.get($0) }.first ?? ""
            return try .json(try await body(values, name.removingPercentEncoding ?? name, principal))
        }
    }

    private static func number(_ text: String) throws(Refusal) -> Int64 {
        guard text.utf8.count <= 19, let number = Int64(text), number >= 0 else {
            throw Refusal(
                .malformed, "\"\(text.prefix(64))\" is not an index.", hint: "Use a whole number, 0 or above.")
        }
        return number
    }
}

/// Lists travel in an object, so that something can be added beside them.
package struct ProductList: Codable, Sendable { package var products: [ProductView] }
package struct BatchList: Codable, Sendable { package var batches: [BatchView] }
package struct ReleaseList: Codable, Sendable { package var releases: [ReleaseView] }
package struct PeopleList: Codable, Sendable { package var people: [PersonView] }
package struct OwnerList: Codable, Sendable { package var owners: [OwnerView] }
package struct RolloutList: Codable, Sendable { package var rollouts: [RolloutView] }
package struct GroupList: Codable, Sendable { package var groups: [GroupView] }
package struct AuthorityList: Codable, Sendable { package var authorities: [AuthorityView] }
