import Crypto
import NIOHTTP1
import Passport
import Registry
import Store
import Use
import Wire
import Workbench

/// The routes of hawkBit's interface below a controller, each tried so that it changes nothing.
enum StockCalls {
    struct Call: Sendable {
        let method: HTTPMethod
        let route: String
        /// Nil: whatever a remedy needs.
        let right: Right?
        /// What who may gets.
        let answer: Int
        var rule: String?
        var body: String?
        let path: @Sendable (BenchUnit?) async throws -> String
    }

    static func all(_ fleet: CrossingFleet) -> [Call] {
        let feedback = #"{"status":{"execution":"proceeding","result":{"finished":"none"}}}"#
        @Sendable func own(_ place: String, _ behind: String = "") -> @Sendable (BenchUnit?) async throws -> String {
            { unit in "\(place)/\(try await fleet.action(of: unit))\(behind)" }
        }
        @Sendable func fixed(_ path: String) -> @Sendable (BenchUnit?) async throws -> String { { _ in path } }
        let file = "/softwaremodules/1/artifacts/\(HouseBench.product)-1.bin"
        return [
            Call(method: .GET, route: "", right: nil, answer: 200, path: fixed("")),
            Call(
                method: .PUT, route: "/configData", right: .backEnd, answer: 400, body: "{}", path: fixed("/configData")
            ),
            Call(
                method: .GET, route: "/deploymentBase/*", right: .firmware, answer: 200, path: own("/deploymentBase")),
            Call(
                method: .POST, route: "/deploymentBase/*/feedback", right: .firmware, answer: 404, body: feedback,
                path: fixed("/deploymentBase/999999999/feedback")),
            Call(method: .GET, route: "/cancelAction/*", right: .firmware, answer: 404, path: own("/cancelAction")),
            Call(
                method: .POST, route: "/cancelAction/*/feedback", right: .firmware, answer: 405, body: feedback,
                path: own("/cancelAction", "/feedback")),
            Call(method: .GET, route: "/confirmationBase", right: nil, answer: 200, path: fixed("/confirmationBase")),
            Call(
                method: .GET, route: "/confirmationBase/*", right: .firmware, answer: 404,
                path: own("/confirmationBase")),
            Call(
                method: .POST, route: "/confirmationBase/*/feedback", right: .firmware, answer: 410,
                rule: "action: confirmation", body: #"{"confirmation":"denied"}"#,
                path: own("/confirmationBase", "/feedback")),
            Call(
                method: .POST, route: "/confirmationBase/activateAutoConfirm", right: .backEnd, answer: 400, body: "[]",
                path: fixed("/confirmationBase/activateAutoConfirm")),
            Call(
                method: .POST, route: "/confirmationBase/deactivateAutoConfirm", right: .backEnd, answer: 400,
                body: "[]", path: fixed("/confirmationBase/deactivateAutoConfirm")),
            Call(
                method: .PUT, route: "/installedBase", right: .firmware, answer: 404,
                body: #"{"name":"other","version":"9"}"#, path: fixed("/installedBase")),
            Call(method: .GET, route: "/installedBase/*", right: nil, answer: 404, path: fixed("/installedBase/1")),
            Call(
                method: .GET, route: "/softwaremodules/*/artifacts", right: .firmware, answer: 200,
                path: fixed("/softwaremodules/1/artifacts")),
            Call(
                method: .GET, route: "/softwaremodules/*/artifacts/*", right: .firmware, answer: 200,
                path: fixed(file)),
            Call(
                method: .GET, route: "/softwaremodules/*/artifacts/*", right: .firmware, answer: 200,
                path: fixed(file + ".MD5SUM")),
        ]
    }
}

extension CrossingFleet {
    /// Where the offer to the device stands in the ledger; 1 for one that was offered nothing.
    func action(of unit: BenchUnit?) async throws -> Int64 {
        guard let unit else { return 1 }
        return try await bench.house.read { rows in
            try rows.first(
                "SELECT MAX(idx) AS n FROM ledger WHERE device = $1 AND kind = 'updateOffered'", [Value(unit.device)])?
                .optionalInt("n") ?? 1
        }
    }
}
