import Foundation
import Passport
import Registry
import Store
import Wire

/// The owner says how the device is to be set. Kept encrypted under the tenure's data key; the ledger has only its hash
/// under that key's commitment, because a configuration may be personal.
///
/// 1. The tenure's data key is read, unwrapped by the key store and used. 2. In one transaction everything is judged again, and
/// what was encrypted is stored, if the tenure is still the same.
package struct ConfigureDevice: Ceremony {
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

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
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
        let key = try await house.read { rows in
            try Tenures.key(of: tenure(of: Device.require(device, in: rows), principal), in: rows)
        }
        let sealed = try await Tenures.seal(bytes, under: key, in: house)
        return try await house.change(as: principal) { change in try store(sealed, under: key, in: change) }
    }

    private func tenure(of device: Device, _ principal: Principal) throws -> TenureID {
        try Access.demandOwner(of: device, principal)
        try device.passport.demand(.backEnd)
        guard let tenure = device.passport.tenure else {
            throw Refusal(.forbidden, "The device has no owner.", hint: device.passport.whatToDo)
        }
        return tenure.id
    }

    private func store(_ sealed: [UInt8], under key: Tenures.WrappedKey, in change: Change) throws -> Answer {
        let device = try change.device(device)
        let tenure = try tenure(of: device, change.principal)
        guard tenure == key.tenure else {
            throw Refusal(.conflict, "The device's tenure ended meanwhile.", hint: "Look at the device again.")
        }
        let version = device.passport.configurationVersion + 1
        try change.rows.execute(
            "INSERT INTO configuration (device, tenure, version, document, at) VALUES ($1, $2, $3, $4, $5)",
            [Value(device.id), Value(tenure), Value(version), .bytes(sealed), Value(change.now)])
        // The hash of the ciphertext: the plain one could be guessed.
        try change.record(.configured(version: version, document: LeafCertificate.sha256(sealed)), on: device.id)
        return Answer(version: version)
    }
}

/// Reading what is to be in force.
package enum Configurations {
    /// As it stands in the store: to be opened outside of the transaction, because the key store may take its time.
    package struct Sealed: Sendable {
        fileprivate let version: Int
        fileprivate let document: [UInt8]
        fileprivate let key: Tenures.WrappedKey

        package func open(in house: House) async throws -> DesiredState.Configuration {
            let plain = try await Tenures.open(document, under: key, in: house)
            return DesiredState.Configuration(version: version, document: String(decoding: plain, as: UTF8.self))
        }
    }

    package static func next(for device: Device, applied: Int, in rows: any Rows) throws -> Sealed? {
        let version = device.passport.configurationVersion
        guard version > 0, version != applied, let tenure = device.passport.tenure,
            let row = try rows.first(
                "SELECT document FROM configuration WHERE tenure = $1 AND version = $2",
                [Value(tenure.id), Value(version)])
        else { return nil }
        return Sealed(
            version: version, document: try row.bytes("document"), key: try Tenures.key(of: tenure.id, in: rows))
    }
}
