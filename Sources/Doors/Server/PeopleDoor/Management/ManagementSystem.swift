import HTTPTypes
import Hummingbird
import Registry
import Wire

/// Settings of the system, which are the house's: read here, and changed in its configuration file.
extension Management {
    var system: [PeopleRoute] {
        let path = "/system/configs/{key}"
        return [
            route(
                .get, path, "A setting, under hawkBit's name.", needs: [.readFleet, .administer],
                reply: "HawkBitSetting"
            ) { call in Document.Setting(value: try setting(call)) },
            route(
                .put, path, "Accepts the value that a setting has, and refuses another.", needs: [.administer],
                request: "HawkBitSetting", reply: "none", status: 204
            ) { call in
                let value = try setting(call)
                guard try await call.body(ManagementSetting.self).value == value else {
                    throw Self.refuse(
                        "The setting \(call.name("key").prefix(64)) has another value.",
                        "Change it in lifelong.yaml, and start the server anew: lifelong serve --help")
                }
                return nil
            },
        ]
    }

    private func setting(_ call: Call) throws -> ManagementValue {
        switch call.name("key") {
        case "pollingTime": return .text(HawkBitPoll.sleep(house.settings.checkInSeconds))
        case "authentication.targettoken.enabled": return .flag(true)
        case "authentication.header.enabled", "anonymous.download.enabled": return .flag(false)
        case "user.confirmation.flow.enabled": return .flag(house.settings.confirmUpdates)
        case "authentication.gatewaytoken.enabled", "authentication.gatewaytoken.key":
            throw Self.refuse(
                "A gateway token is a product's, not the system's.",
                "Allow one where it is wanted: lifelong product gateway-token PRODUCT")
        default:
            throw Refusal(
                .notFound, "There is no setting \"\(call.name("key").prefix(64))\".",
                hint: "Look into lifelong.yaml for what can be set.")
        }
    }
}
