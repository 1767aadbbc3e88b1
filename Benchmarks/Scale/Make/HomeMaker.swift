import Crypto
import Design
import Foundation
import Keys
import KeysFile
import Logging
import Manufacture
import Passport
import Registry
import Store
import StoreSQLite
import Trust
import Use
import Wire

/// A clock that the generator moves.
final class MadeClock: Sendable {
    private let instant: Locked<Timestamp>
    init(_ start: Timestamp) { instant = Locked(start) }
    var now: Timestamp { instant.withLock { $0 } }
    func move(to then: Timestamp) { instant.withLock { $0 = max($0, then) } }
}

/// Makes the home of a fleet: real keys, real certificates, real hashes; only written in bulk instead of asked for one by
/// one. `lifelong audit` holds on it.
///
/// 1. House, products, batches, people, a release: by the actions themselves. 2. Devices: keys, certificates, receipts,
/// passports folded by the stage machine. 3. Ledger entries, round by round. 4. Counts. 5. Tree and checkpoints.
struct HomeMaker {
    let folder: String
    let plan: FleetPlan
    let house: House
    let clock: MadeClock
    let bar: Bar

    /// What a device's entries need and what cannot be computed twice, because a signature is random.
    struct Digests: Sendable {
        var birth: CertificateName
        var operational: CertificateName?
        var configured: Wire.Digest?
        var updated: Wire.Digest?
        var configuration: Wire.Digest?
        var wiped: Wire.Digest?
    }

    struct Batches: Sendable {
        var ids: [BatchID] = []
        var moulds: [CertificateMould] = []
        var releases: [String: Wire.Digest] = [:]
        var owners: [OwnerID] = []
    }

    static func make(_ folder: String, devices: Int, eventsPerDevice: Int) async throws {
        let home = folder
        try FileManager.default.createDirectory(
            atPath: home + "/artifacts", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard !FileManager.default.fileExists(atPath: home + "/lifelong.db") else {
            throw Refusal(.conflict, "There is a home in \(home) already.", hint: "Remove it, or choose another.")
        }
        let now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970) * 1000)
        let plan = FleetPlan(
            devices: devices, eventsPerDevice: eventsPerDevice, start: now.adding(days: -75), end: now,
            owners: max(10, devices / 20))
        try JSONEncoder().encode(plan).write(to: URL(filePath: home + "/plan.json"))
        let clock = MadeClock(plan.start.adding(days: -1))
        var settings = HouseSettings()
        settings.artifactFolder = home + "/artifacts"
        let house = try await House(
            database: SQLiteDatabase(path: home + "/lifelong.db", migrations: Schema.migrations),
            keys: FileKeyStore(folder: home + "/keys"), settings: settings,
            log: Logger(label: "scale") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now }, random: Bar.random)
        let maker = HomeMaker(folder: home, plan: plan, house: house, clock: clock, bar: Bar())
        try await maker.run()
        try house.database.close()
    }

    private func run() async throws {
        try await house.database.write { rows in
            // Random keys go into large indices: those want to stay in memory.
            _ = try rows.query("PRAGMA cache_size = -600000")
        }
        let batches = try await prepare()
        clock.move(to: plan.start)
        var digests: [Digests] = []
        digests.reserveCapacity(plan.devices)
        try await makeDevices(batches, &digests)
        try await makeLedger(batches, digests)
        clock.move(to: plan.end)
        let began = ContinuousClock.now
        let leaves = try await house.read { try $0.count("SELECT size AS n FROM ledger_size WHERE one = 1") }
        let publisher = try Publisher(house)
        try await publisher.publish()
        try await house.database.forgetDeleted()
        bar.note("integrated \(leaves) leaves in \(Bar.seconds(since: began)) s")
    }

    // MARK: 1. The house

    private func prepare() async throws -> Batches {
        var batches = Batches()
        let artifact = Array("an artifact".utf8)
        let sha256 = Wire.Digest(SHA256.hash(data: artifact))
        try Data(artifact).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        clock.move(to: plan.start.adding(seconds: -3600))
        for name in FleetPlan.products {
            _ = try await house.perform(
                PublishProduct(
                    product: ProductID(name), title: name, hardware: FleetPlan.hardware(of: name)), as: .system)
            batches.releases[name] = try await house.perform(
                PublishRelease(
                    product: ProductID(name), sequence: 1, version: "1.0.0", hardware: [FleetPlan.hardware(of: name)],
                    sha256: sha256, size: artifact.count), as: .system
            ).release
        }
        for number in 0..<40 {
            let role: Role = [.makerAdmin, .support, .auditor, .station][number % 4]
            _ = try await house.perform(AddPerson(person: "person \(number)", role: role), as: .system)
        }
        let birthKey = EphemeralKey(.p256)
        let stationKey = EphemeralKey(.p256)
        let request = StationRequest(
            name: "line-1",
            birthAuthorityRequest: Base64.encode(try CertificationRequest.authority(name: "line-1", key: birthKey)),
            stationKey: Base64.encode(stationKey.publicKeyDER))
        let count = (plan.devices + plan.batchSize - 1) / plan.batchSize
        for number in 0..<count {
            let product = plan.product(ofBatch: number)
            let quantity = min(plan.batchSize, plan.devices - number * plan.batchSize)
            let opened = try await house.perform(
                OpenBatch(product: ProductID(product), quantity: quantity, request: request), as: .system)
            guard let known = house.authorities.known("birth-\(opened.batch)") else { continue }
            let authority = try Authority(certificate: known.certificate, chain: known.chain, key: birthKey)
            batches.ids.append(opened.batch)
            batches.moulds.append(try birthMould(authority, product))
        }
        batches.owners = (0..<plan.owners).map {
            .timeOrdered(at: plan.start, random: plan.bytes($0, 20))
        }
        let owners = batches.owners
        let at = clock.now
        try await house.database.write { rows in
            try Bulk.insert(
                "owner", "id, name, kind, at",
                owners.enumerated().map {
                    [
                        Value($1), .text($0 == 0 ? "Fleet Operator" : "Owner \($0)"),
                        .text($0 == 0 ? "organisation" : "person"), Value(at),
                    ]
                }, into: rows)
        }
        return batches
    }

    private func birthMould(_ authority: Authority, _ product: String) throws -> CertificateMould {
        let hardware = FleetPlan.hardware(of: product)
        let number = SHA256.hash(data: Array(hardware.utf8)).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> 1
        let organisation = house.settings.organisation
        return try CertificateMould(
            authority, sample: Self.sample(name: Array("\(product.uppercased())-00000000".utf8), notAfter: .noExpiry)
        ) { fill in
            try Profile.birth(
                under: authority, spki: SeedKey.prefix + fill.point,
                deviceSerial: String(decoding: fill.name, as: UTF8.self),
                product: product, organisation: organisation, hardwareType: [2, 25, number], serial: fill.serial,
                notBefore: fill.notBefore)
        }
    }

    func operationalMould() throws -> CertificateMould {
        let authority = try house.authorities.signing(Authorities.Name.issuing)
        let settings = house.settings
        let name = Array("01234567-89ab-7cde-8f01-23456789abcd".utf8)
        return try CertificateMould(
            authority, sample: Self.sample(name: name, notAfter: plan.start.adding(days: 90))
        ) { fill in
            try Profile.operational(
                under: authority, spki: SeedKey.prefix + fill.point, device: String(decoding: fill.name, as: UTF8.self),
                organisation: settings.organisation, serial: fill.serial, notBefore: fill.notBefore,
                notAfter: fill.notAfter, urls: PublicURLs.of(Authorities.Name.issuing, settings))
        }
    }

    private static func sample(name: [UInt8], notAfter: Timestamp) -> CertificateMould.Fill {
        let key = EphemeralKey(.p256)
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        return CertificateMould.Fill(
            serial: [0x45] + Array(SHA256.hash(data: name).prefix(15)), point: Array(key.publicKeyDER.suffix(65)),
            name: name, notBefore: now, notAfter: notAfter == .noExpiry ? notAfter : now.adding(days: 90))
    }
}
