import Keys
import Trust
import Wire

/// What a unit is since its birth; kept as `identity/unit.json`.
package struct UnitRecord: Codable, Sendable, Equatable {
    package var hardware: String
    package var serial: String
    package var product: ProductID
    package var born: Timestamp

    package init(hardware: String, serial: String, product: ProductID, born: Timestamp) {
        self.hardware = hardware
        self.serial = serial
        self.product = product
        self.born = born
    }
}

/// The credential of the present tenure.
package struct OperationalRecord: Codable, Sendable, Equatable {
    package var device: DeviceID
    /// Base64 DER.
    package var certificate: String
    /// Base64 DER, issuers below the root, to be sent in handshakes.
    package var chain: [String]
    /// Base64 DER of all that /cacerts gave: the explicit trust anchors of RFC 7030 §3.6.1.
    package var authorities: [String]
    /// Path of the EST service that issued it and renews it.
    package var enrol: String
    /// Name of its key in the key store; a new one per tenure and per renewal.
    package var key: String
    package var since: Timestamp
}

/// A request for a certificate whose answer is not on the disk yet. Kept so that a repetition is the identical request
/// (RFC 7030 §4.2.3) and no key is left behind.
package struct PendingRequest: Codable, Sendable, Equatable {
    package var renewal: Bool
    package var device: DeviceID
    package var key: String
    /// Base64 DER of PKCS#10.
    package var request: String
    package var authorities: [String]
    /// Not before this instant, if the service said so.
    package var notBefore: Timestamp?
}

/// An order to wipe that is not finished: the nonce is durable before the first deletion, and goes with the receipt.
package struct WipeOrder: Codable, Sendable, Equatable {
    package var device: DeviceID
    package var nonce: String
    /// The life of the device ends with this wipe.
    package var retired: Bool
    /// Everything is deleted; only the receipt is outstanding.
    package var done: Bool
    /// When that was. The receipt bears this instant, so that repeating it is sending the same receipt.
    package var doneAt: Timestamp?
}

/// What the service last said of this device.
package struct LastWord: Codable, Sendable, Equatable {
    package var at: Timestamp
    package var device: DeviceID
    package var state: DeviceStatus.State
    package var stage: String
    package var reason: String
    package var hint: String
}

/// Names of the device's keys.
package enum DeviceKeys {
    package static let birth = KeyLabel(trusted: "birth")
    package static let operationalPrefix = "operational-"

    /// - Parameter random: 8 bytes.
    package static func operational(random: [UInt8]) -> KeyLabel {
        KeyLabel(trusted: operationalPrefix + Hex.encode(random.prefix(8)))
    }
}
