import Passport
import Registry
import Store
import Wire

/// A stock client says what its device is like. It belongs to the tenure: the next owner's device is asked anew.
package struct KeepAttributes: Action {
    package static let name = "use/keep-attributes"
    package static let permission = Permission.beDevice

    package enum Mode: String, Codable, Sendable, CaseIterable { case merge, replace, remove }

    package var mode: Mode
    package var attributes: [String: String]

    package init(mode: Mode, attributes: [String: String]) {
        self.mode = mode
        self.attributes = attributes
    }

    package func perform(in change: Change) throws -> Done {
        let device = try change.caller()
        try device.passport.demand(.backEnd)
        let bytes = StockClient.maximumAttributeBytes
        guard attributes.allSatisfy({ (1...bytes).contains($0.key.utf8.count) && $0.value.utf8.count <= bytes }) else {
            throw Refusal(
                .tooLarge, "An attribute's name or value is longer than \(bytes) bytes, or has no name.",
                hint: "Send shorter ones.")
        }
        var client = try StockClient.find(device.id, in: change.rows)
        var all = client.attributes ?? [:]
        if mode == .replace { all = [:] }
        for (key, value) in attributes {
            let key = StockClient.printable(key, atMost: bytes)
            all[key] = mode == .remove ? nil : StockClient.printable(value, atMost: bytes)
        }
        guard all.count <= StockClient.maximumAttributes else {
            throw Refusal(
                .tooLarge, "The device would have \(all.count) attributes.",
                hint: "Send at most \(StockClient.maximumAttributes), or remove some first.")
        }
        guard all != client.attributes else { return Done() }
        client.attributes = all
        try client.keep(in: change)
        return Done()
    }
}
