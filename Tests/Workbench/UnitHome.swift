import Agent
import Foundation
import Keys
import KeysFile
import Logging
import Registry
import Trust
import Wire

/// The home of a bench's unit on the real disk, as its birth left it, for agents in this process or their own.
package struct UnitHome: Sendable {
    package let place: AgentHome
    package let transport = DeviceTransport()

    /// - Parameter folder: made here; the unit's service is the one that `door` runs.
    package init(_ unit: BenchUnit, _ door: DeviceBench, folder: String) throws {
        let disk = PosixDisk()
        place = AgentHome(folder)
        try disk.makeFolder(folder)
        try place.makeFolders(on: disk)
        try disk.makeFolder(place.keys)
        // The station's bench made the key; a file store keeps it under the name that an agent looks for.
        let key = try Data(contentsOf: URL(filePath: door.bench.birthKeyFile(unit, station: unit.station)))
        try disk.write(Array(key), to: place.keys + "/birth.key.pem")
        let birthAuthority = door.house.authorities.all.filter { $0.kind == "birth" }.map(\.certificate)
        let issuer = try birthAuthority.first { try Self.issued(unit.certificate, by: $0) }
        let root = door.house.authorities.known(Authorities.Name.makerRoot)?.certificate
        let chain = [unit.certificate] + [issuer, root].compactMap { $0 }
        try disk.write(
            Array(chain.map { PEM.encode($0, label: "CERTIFICATE") }.joined().utf8), to: place.birthCertificate)
        var service = try door.house.serviceAnchor()
        service.url = door.device
        try disk.write(service, as: place.service)
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        try Slots(on: disk, folder: place.slots).furnish(
            Array("factory".utf8), product: HouseBench.product, hardware: HouseBench.hardware, at: now)
        try disk.write(
            UnitRecord(
                hardware: HouseBench.hardware, serial: unit.serial, product: HouseBench.product, born: now),
            as: place.unit)
    }

    private static func issued(_ certificate: [UInt8], by issuer: [UInt8]) throws -> Bool {
        try HeldCertificate(certificate).issuerDER == HeldCertificate(issuer).subjectDER
    }

    /// An agent in this process.
    package func agent() throws -> Agent {
        try Agent(
            home: place,
            around: Surroundings(
                disk: PosixDisk(), keys: try FileKeyStore(folder: place.keys), transport: transport,
                now: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
                random: BenchClock.random, logger: Logger(label: "agent") { _ in SwiftLogNoOpLogHandler() }))
    }
}
