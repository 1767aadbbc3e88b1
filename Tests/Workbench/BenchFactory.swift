import Agent
import Design
import Keys
import KeysFile
import Manufacture
import Passport
import Registry
import Station
import Store
import Trust
import Wire

/// A unit as a station made it: its key, and what the registry knows of it.
package struct BenchUnit: Sendable {
    package let serial: String
    package let device: DeviceID
    /// The birth key.
    package let key: any SigningKey
    /// DER of the birth certificate.
    package let certificate: [UInt8]
    /// The station that it was made at.
    package let station: String
}

extension HouseBench {
    /// The device's open tenure.
    package func tenure(of device: DeviceID) async throws -> TenureID? {
        try await house.read { try Device.require(device.text, in: $0).passport.tenure?.id }
    }

    package static let product = ProductID(trusted: "thermostat-2")
    package static let hardware = "thermostat-board-c"

    /// Units born at a real station and admitted to the registry, shipped if wanted. Publishes the product "thermostat-2".
    ///
    /// - Parameter station: each batch of a test needs a name of its own.
    package func makeUnits(_ count: Int, shipped: Bool = true, station: String = "line-1") async throws -> [BenchUnit] {
        let (batch, manifest, born) = try await makeManifest(count, station: station)
        let admitted = try await house.perform(AdmitBirths(manifest: manifest), as: .system)
        guard admitted.admitted == count else {
            throw Refusal(.internal, "The bench's births were refused: \(admitted.refused).", hint: "Read the reasons.")
        }
        if shipped { _ = try await house.perform(ShipDevices(batch: batch), as: .system) }
        return try await house.read { rows in
            try born.map { unit in
                BenchUnit(
                    serial: unit.serial, device: try Device.require(unit.serial, in: rows).id, key: unit.key,
                    certificate: unit.certificate, station: station)
            }
        }
    }

    /// Units born at a real station; the registry has not heard of them yet.
    package func makeManifest(_ count: Int, station: String) async throws -> (
        batch: BatchID, manifest: Seal, born: [(serial: String, key: any SigningKey, certificate: [UInt8])]
    ) {
        try await publishProduct()
        let keys = try FileKeyStore(folder: folder + "/\(station)-keys")
        let home = StationHome(folder + "/\(station)")
        let maker = try house.permitKey().publicKeyDER
        let request = try InitializeStation(home: home, name: station, makerKey: maker).perform(keys: keys)
        let opened = try await house.perform(
            OpenBatch(product: Self.product, quantity: count, request: request), as: .system)
        let born = try bear(count, at: home, opened, station, keys)
        return (
            opened.batch, try CloseBatch(home: home, batch: opened.batch).perform(keys: keys, at: clock.now), born
        )
    }

    package func publishProduct() async throws {
        _ = try await house.perform(
            PublishProduct(product: Self.product, title: "Thermostat 2", hardware: Self.hardware), as: .system)
    }

    private func bear(
        _ count: Int, at home: StationHome, _ opened: OpenBatch.Answer, _ station: String, _ keys: FileKeyStore
    ) throws -> [(serial: String, key: any SigningKey, certificate: [UInt8])] {
        let clock = clock
        let batch = try Batch.open(
            home, permit: opened.permit, successions: opened.successions ?? [], keys: keys,
            options: .init(labelSecrets: false), clock: { clock.now })
        let units = try FileKeyStore(folder: folder + "/\(station)-units")
        return try (0..<count).map { _ in
            let serial = try batch.claimSerial(hardware: Self.hardware, carried: nil)
            let key = try units.make(KeyLabel(serial), algorithm: .p256)
            let born = try batch.bear(serial, request: CertificationRequest.birth(serial: serial, key: key))
            return (serial, key, born.certificate)
        }
    }
}
