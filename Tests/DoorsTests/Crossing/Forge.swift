import Agent
import Foundation
import Keys
import KeysFile
import Registry
import Store
import Trust
import Wire
import Workbench

/// Certificates that look right and are not: of other authorities, of other times, of other kinds.
struct Forge {
    private let bench: HouseBench
    private let foreign: Authority

    init(_ fleet: CrossingFleet) throws {
        bench = fleet.bench
        let key = EphemeralKey()
        foreign = try Authority(
            root: IssuanceToken(
                stored: Profile.root(
                    name: "Example Maker Operational Root", organisation: "Example Maker", key: key,
                    serial: BenchClock.random(16), notBefore: fleet.bench.clock.now.adding(days: -20),
                    notAfter: fleet.bench.clock.now.adding(days: 100))), key: key)
    }

    func foreignBirth(_ placed: Placed) throws -> ClientIdentity {
        let der = try foreign.sign(
            IssuanceToken(
                stored: Profile.birth(
                    under: foreign, spki: placed.unit.key.publicKeyDER, deviceSerial: placed.unit.serial,
                    product: HouseBench.product.text, organisation: "Example Maker",
                    hardwareType: [1, 3, 6, 1, 4, 1, 32473, 1], serial: BenchClock.random(16),
                    notBefore: bench.clock.now.adding(days: -1))))
        return ClientIdentity(chain: [der, foreign.certificate], key: placed.unit.key)
    }

    func foreignOperational(_ placed: Placed) throws -> ClientIdentity {
        let key = EphemeralKey()
        let der = try operational(placed, by: foreign, key, days: -1...9)
        return ClientIdentity(chain: [der, foreign.certificate], key: key)
    }

    /// Signed with the issuing CA's own key, past the registry.
    func operational(_ placed: Placed, days: ClosedRange<Int64>) throws -> ClientIdentity {
        let key = EphemeralKey()
        let issuing = try bench.house.authorities.signing(Authorities.Name.issuing)
        return ClientIdentity(chain: [try operational(placed, by: issuing, key, days: days)], key: key)
    }

    private func operational(
        _ placed: Placed, by issuer: Authority, _ key: EphemeralKey, days: ClosedRange<Int64>
    ) throws -> [UInt8] {
        let now = bench.clock.now
        // Not before its issuer, which was made some minutes ago.
        let from =
            days.lowerBound < 0 && days.upperBound > 0 ? now.adding(seconds: -60) : now.adding(days: days.lowerBound)
        return try issuer.sign(
            IssuanceToken(
                stored: Profile.operational(
                    under: issuer, spki: key.publicKeyDER, device: placed.unit.device.text,
                    organisation: "Example Maker", serial: BenchClock.random(16), notBefore: from,
                    notAfter: now.adding(days: days.upperBound))))
    }

    func responder() async throws -> ClientIdentity {
        let name = Authorities.Name.responder(of: Authorities.Name.issuing)
        _ = try await ServiceCertificates.responder(of: Authorities.Name.issuing, bench.house)
        let der = try await bench.house.read { rows in
            try rows.first("SELECT der FROM certificate WHERE purpose = $1", [.text(name)])?.bytes("der") ?? []
        }
        return ClientIdentity(chain: [der], key: try bench.house.keys.require(KeyLabel(name)))
    }
}
