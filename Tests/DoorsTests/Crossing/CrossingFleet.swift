import Agent
import Crypto
import Foundation
import Keys
import KeysFile
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Station
import Store
import Transfer
import Trust
import Use
import Wire
import Workbench

/// Where a device can stand, finer than the stage where it makes a difference of what a door says.
enum Spot: String, CaseIterable, Sendable {
    case made, shipped, challenged, paired, enrolled, replaced, resold, quarantined, offered, accepted, claimable
    case retiredOwing, retired

    var stage: Stage {
        switch self {
        case .made: .made
        case .shipped, .challenged: .shipped
        case .paired, .enrolled, .replaced, .resold: .inUse
        case .quarantined: .quarantined
        case .offered, .accepted: .inTransfer
        case .claimable: .claimable
        case .retiredOwing, .retired: .retired
        }
    }

    /// Whose it is: Ada's, Ben's or nobody's.
    var owner: String? {
        switch self {
        case .paired, .enrolled, .replaced, .quarantined, .offered: "Ada"
        case .resold: "Ben"
        default: nil
        }
    }
    /// A wipe is owed and its receipt is not in.
    var owesWipe: Bool { self == .accepted || self == .retiredOwing }
}

/// A device that was brought to a spot, with every credential that it ever had.
struct Placed: Sendable {
    let spot: Spot
    let unit: BenchUnit
    /// Of the open tenure and neither revoked nor replaced.
    var live: Operational?
    /// Of a tenure that is over, or replaced.
    var old: Operational?
    /// A token that its first owner, Ada, had made.
    var token: String?
}

/// One house with a device in every spot, two owners and one release that was offered to whoever could have it.
struct CrossingFleet: Sendable {
    let bench: HouseBench
    let ada: Principal
    let ben: Principal
    let placed: [Placed]
    /// More of them, to be used up by the actions that succeed.
    let spares: [Spot: [BenchUnit]]
    /// A unit that was born and never imported.
    let stranger: ClientIdentity
    let artifact: String

    static let release = Data((0..<1000).map { UInt8(truncatingIfNeeded: $0) })

    func at(_ spot: Spot) throws -> Placed {
        guard let found = placed.first(where: { $0.spot == spot }) else { throw CancellationError() }
        return found
    }

    init() async throws {
        bench = try await HouseBench(atRealTime: { _ in })
        ada = try await bench.ownership("Ada")
        ben = try await bench.ownership("Ben")
        artifact = Wire.Digest(SHA256.hash(data: Self.release)).description
        // For every spot one to look at, one to retire; one more to ship, and two for each of the owners to pair.
        let pairable: [Spot] = [.shipped, .challenged, .claimable]
        let wanted: [Spot] =
            Spot.allCases + Spot.allCases.filter { $0.stage != .retired } + [.made] + pairable + pairable
        let units = try await bench.makeUnits(wanted.count, shipped: false)
        let sha256 = Wire.Digest(SHA256.hash(data: Self.release))
        try Self.release.write(to: URL(filePath: bench.house.settings.artifactFolder + "/\(sha256)"))
        _ = try await bench.house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: 1, version: "1.1", hardware: [HouseBench.hardware],
                sha256: sha256, size: Self.release.count), as: .system)
        var placed: [Placed] = []
        var spares: [Spot: [BenchUnit]] = [:]
        for (spot, unit) in zip(wanted, units) {
            let done = try await Mover(bench: bench, ada: ada, ben: ben).bring(unit, to: spot)
            if placed.contains(where: { $0.spot == spot }) {
                spares[spot, default: []].append(unit)
            } else {
                placed.append(done)
            }
        }
        self.placed = placed
        self.spares = spares
        stranger = try await Self.unimported(bench)
    }

    /// Made by a permitted station, with a good certificate; its manifest never came.
    private static func unimported(_ bench: HouseBench) async throws -> ClientIdentity {
        let keys = try FileKeyStore(folder: bench.folder + "/line-9-keys")
        let home = StationHome(bench.folder + "/line-9")
        let request = try InitializeStation(home: home, name: "line-9", makerKey: bench.house.permitKey().publicKeyDER)
            .perform(keys: keys)
        let opened = try await bench.house.perform(
            OpenBatch(product: HouseBench.product, quantity: 1, request: request), as: .system)
        let clock = bench.clock
        let batch = try Batch.open(
            home, permit: opened.permit, keys: keys, options: .init(labelSecrets: false), clock: { clock.now })
        let key = EphemeralKey()
        let serial = try batch.claimSerial(hardware: HouseBench.hardware, carried: nil)
        let born = try batch.bear(serial, request: CertificationRequest.birth(serial: serial, key: key))
        return ClientIdentity(chain: [born.certificate], key: key)
    }
}

/// Brings a unit that was just made to a spot of its life, by the actions that people and devices take.
private struct Mover {
    let bench: HouseBench
    let ada: Principal
    let ben: Principal

    func bring(_ unit: BenchUnit, to spot: Spot) async throws -> Placed {
        let house = bench.house
        var placed = Placed(spot: spot, unit: unit)
        if spot == .made { return placed }
        _ = try await house.perform(ShipDevices(devices: [unit.serial]), as: .system)
        _ = try await house.perform(
            OfferUpdate(product: HouseBench.product, sequence: 1, devices: [unit.serial]), as: .system)
        if spot == .shipped { return placed }
        if spot == .challenged {
            _ = try await house.perform(PairDevice(device: unit.serial, grade: .proven), as: ada)
            return placed
        }
        try await bench.pair(unit, with: ada)
        if spot == .paired { return placed }
        placed.live = try await bench.enrol(unit)
        placed.token = try await house.perform(IssueDeviceToken(device: unit.serial), as: ada).token
        switch spot {
        case .replaced:
            placed.old = placed.live
            placed.live = try await bench.enrol(unit)
        case .quarantined:
            _ = try await house.perform(QuarantineDevice(device: unit.serial, reason: "tamper"), as: .system)
        case .offered: _ = try await house.perform(OfferDevice(device: unit.serial), as: ada)
        case .accepted, .claimable, .resold: try await hand(&placed, to: spot)
        case .retiredOwing, .retired:
            (placed.old, placed.live) = (placed.live, nil)
            _ = try await house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
            if spot == .retired { try await wipe(unit) }
        default: break
        }
        return placed
    }

    private func hand(_ placed: inout Placed, to spot: Spot) async throws {
        let (house, unit) = (bench.house, placed.unit)
        let code = try await house.perform(OfferDevice(device: unit.serial), as: ada).code
        _ = try await house.perform(AcceptDevice(device: unit.serial, code: code), as: ben)
        (placed.old, placed.live) = (placed.live, nil)
        if spot == .accepted { return }
        if spot == .claimable {
            // The buyer went away; nobody waits for the wiped device.
            _ = try await house.database.write { rows in
                try rows.execute("DELETE FROM transfer WHERE device = $1", [Value(unit.device)])
            }
        }
        try await wipe(unit)
        if spot == .resold { placed.live = try await bench.enrol(unit) }
    }

    private func wipe(_ unit: BenchUnit) async throws {
        let nonce = try await bench.house.read { rows in try WipeOrders.pending(for: unit.device, in: rows) }
        let receipt = Receipt(kind: .wiped, device: unit.device, at: bench.clock.now, nonce: nonce)
        let seal = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: CanonicalJSON.encode(receipt), with: unit.key)
        _ = try await bench.house.perform(RecordWipe(seal: seal), as: .device(unit.device))
    }
}
