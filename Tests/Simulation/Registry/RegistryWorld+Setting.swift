import Design
import Foundation
import Manufacture
import Passport
import Registry
import Store
import Trust
import Wire

/// What stands before the faults begin: nodes, owners, a product, devices; and new devices when the old ones are done.
extension RegistryWorld {
    func settle() async throws {
        for number in nodes.indices { try await open(number) }
        guard let house = nodes[0]?.house else { throw found(.replay, "no node came up") }
        _ = try await house.perform(
            PublishProduct(product: Self.product, title: "Thermostat 2", hardware: "board-c"), as: .system)
        for name in ["Ada", "Bob", "Eve"] {
            let owner = try await house.perform(AddOwner(owner: name, kind: .person), as: .system).owner
            let person = try await house.perform(
                AddPerson(person: "\(name) herself", role: .owner, owner: owner), as: .system
            ).person
            owners.append(Principal(role: .owner, person: person.id, owner: owner))
        }
        try await makeUnits(24, at: house)
        for number in nodes.indices { try await nodes[number]?.house.authorities.reload(for: self, number) }
    }

    func makeKey() throws -> SimulatedKey {
        keysMade += 1
        return try SimulatedKey("\(seed):unit:\(keysMade)")
    }

    /// A station's work: a batch, its births with certificates, its signed manifest, admitted.
    func makeUnits(_ count: Int, at house: House) async throws {
        batches += 1
        let line = batches
        let (authorityKey, manifestKey) = (try makeKey(), try makeKey())
        let csr = try CertificationRequest.authority(name: "line birth CA", key: authorityKey)
        let request = StationRequest(
            name: "line-\(line)", birthAuthorityRequest: Base64.encode(csr),
            stationKey: Base64.encode(manifestKey.publicKeyDER))
        let opened = try await house.perform(
            OpenBatch(product: Self.product, quantity: count, request: request), as: .system)
        let permit = try CanonicalJSON.decode(Permit.self, from: opened.permit.payloadBytes())
        let chain = permit.birthChain.compactMap { Base64.decode($0) }
        let authority = try Authority(certificate: chain[0], chain: Array(chain.dropFirst()), key: authorityKey)
        // The CA begins with the ledger's time, and the clock of a node may be behind that.
        let at = max(house.clock(), authority.reference.notBefore)
        var made: [Unit] = []
        var births: [Birth] = []
        for number in 0..<count {
            let key = try makeKey()
            let serial = "UNIT-\(line)-\(number)"
            let intent = try Profile.birth(
                under: authority, spki: key.publicKeyDER, deviceSerial: serial, product: Self.product.text,
                organisation: "Example Maker", hardwareType: [1, 3, 6, 1, 4, 1, 99999, 1],
                serial: [1] + random.bytes(15), notBefore: at)
            let der = try authority.sign(IssuanceToken(stored: intent))
            births.append(
                Birth(
                    serial: serial, certificate: Base64.encode(der), at: at, labelCode: nil, secretHash: nil))
            made.append(Unit(id: DeviceID(trusted: "unknown"), serial: serial, key: key, birth: der))
        }
        let manifest = BirthManifest(batch: opened.batch, station: "line-\(line)", closed: at, births: births)
        let seal = try Seal.sign(
            type: Seal.PayloadType.births, payload: try CanonicalJSON.encode(manifest), with: manifestKey)
        let answer = try await house.perform(AdmitBirths(manifest: seal), as: .system)
        guard answer.refused.isEmpty else { throw found(.stagesInOrder, "births are refused: \(answer.refused)") }
        for var unit in made {
            let serial = unit.serial
            unit.id = try await look { rows in try Device.require(serial, in: rows).id }
            units.append(unit)
            report.devices += 1
        }
        await stopOld()
    }

    /// Devices whose life is long over leave the hands of the clients.
    private func stopOld() async {
        while units.count > 48 { units.removeFirst() }
    }
}

extension Authorities {
    /// A node that was up before the batch was opened elsewhere learns of its birth CA.
    func reload(for world: RegistryWorld, _ number: Int) async throws {
        guard let house = world.nodes[number]?.house else { return }
        try await load(from: house)
    }
}
