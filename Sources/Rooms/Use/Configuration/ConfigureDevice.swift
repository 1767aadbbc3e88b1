import Foundation
import Passport
import Registry
import Store
import Wire

/// The owner says how the device is to be set. Kept encrypted under the tenure's data key; the ledger has only its hash
/// under that key's commitment, because a configuration may be personal.
package struct ConfigureDevice: Action {
    package static let name = "use/configure-device"
    package static let permission = Permission.own
    package static let maximumBytes = 64 * 1024

    package var device: String
    /// A JSON object, as text.
    package var document: String

    package init(device: String, document: String) {
        self.device = device
        self.document = document
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var version: Int
    }

    package func perform(in change: Change) throws -> Answer {
        let bytes = Array(document.utf8)
        guard bytes.count <= Self.maximumBytes else {
            throw Refusal(
                .tooLarge, "The configuration has \(bytes.count) bytes; \(Self.maximumBytes) are allowed.",
                hint: "Send a smaller document.")
        }
        guard (try? JSONSerialization.jsonObject(with: Data(bytes))) is [String: Any] else {
            throw Refusal(
                .malformed, "The configuration is not a JSON object.", hint: "Send something like {\"interval\": 60}.")
        }
        let device = try change.device(device)
        try Access.demandOwner(of: device, change.principal)
        try device.passport.demand(.backEnd)
        guard let tenure = device.passport.tenure else {
            throw Refusal(.forbidden, "The device has no owner.", hint: device.passport.whatToDo)
        }
        let version = device.passport.configurationVersion + 1
        let sealed = try Tenures.seal(bytes, for: tenure.id, in: change)
        try change.rows.execute(
            "INSERT INTO configuration (device, tenure, version, document, at) VALUES ($1, $2, $3, $4, $5)",
            [Value(device.id), Value(tenure.id), Value(version), .bytes(sealed), Value(change.now)])
        // The hash of the ciphertext: the plain one could be guessed.
        try change.record(.configured(version: version, document: LeafCertificate.sha256(sealed)), on: device.id)
        return Answer(version: version)
    }
}

/// Reading what is to be in force.
package enum Configurations {
    package static func next(
        for device: Device, applied: Int, house: House, in rows: any Rows
    ) throws -> DesiredState.Configuration? {
        let version = device.passport.configurationVersion
        guard version > 0, version != applied, let tenure = device.passport.tenure,
            let row = try rows.first(
                "SELECT document FROM configuration WHERE tenure = $1 AND version = $2",
                [Value(tenure.id), Value(version)])
        else { return nil }
        let plain = try Tenures.open(row.bytes("document"), of: tenure.id, in: rows, house: house)
        return DesiredState.Configuration(version: version, document: String(decoding: plain, as: UTF8.self))
    }
}
