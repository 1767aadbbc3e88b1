import Passport
import Registry
import Store
import Wire

/// What the reports of stock clients have in common: they are about the device's present action, and end with what is known of it.
extension Deployment {
    /// Finds the action and writes down what was said and how far it has come.
    /// - Parameter judge: refuses the report, or records what follows from it and says how far the action is then.
    static func report(
        _ action: Int64, _ messages: [String], in change: Change,
        judge: (_ deployment: Deployment, _ device: DeviceID) throws -> StockClient.State
    ) throws -> Done {
        let device = try change.caller()
        var client = try StockClient.find(device.id, in: change.rows)
        let deployment = try demand(action, of: device, client, in: change)
        client.progress = .init(
            action: action, state: try judge(deployment, device.id),
            messages: StockClient.messages(messages, after: deployment.messages))
        try client.keep(in: change)
        return Done()
    }

    /// The action of that number, as long as it is the device's present one; else what was asked for is over, or was never.
    static func demand(
        _ action: Int64, of device: Device, _ client: StockClient, in change: Change
    ) throws -> Deployment {
        if let offered = device.passport.offeredUpdate {
            try device.passport.demand(.firmware, for: offered.purpose)
        }
        let confirming = change.house.settings.confirmUpdates
        if let present = try current(of: device, client, confirming: confirming, at: change.now, in: change.rows),
            present.action == action
        {
            return present
        }
        let was = try change.rows.first(
            "SELECT idx FROM ledger WHERE idx = $1 AND device = $2 AND kind IN ('updateOffered', 'returnOffered')",
            [.int(action), Value(device.id)])
        guard was != nil else {
            throw Refusal(
                .notFound, "There is no action \(action) of this device.",
                hint: "Poll, and take what the answer links to.")
        }
        throw Refusal(
            .gone, "The action \(action) is over.", hint: "Poll, and take what the answer links to.",
            rule: "action: over")
    }
}

extension Change {
    /// The device that asks for itself.
    func caller() throws -> Device {
        guard let id = principal.device else {
            throw Refusal(.forbidden, "Only a device says this of itself.", hint: "Let the device send it.")
        }
        return try device(id.text)
    }
}
