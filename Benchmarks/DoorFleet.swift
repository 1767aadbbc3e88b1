import Crypto
import Foundation
import Keys
import KeysFile
import Logging
import Passport
import Registry
import Store
import StoreSQLite
import Trust
import Wire

/// `lifelong-bench home FOLDER DEVICES`: the home of a server with devices that are paired and enrolled, and the files with
/// which a load program is each of them (Benchmarks/Doors).
struct DoorFleet {
    let folder: String
    let house: House

    /// A device's key, whose bytes a load program needs.
    private struct FileKey: SigningKey {
        let key = P256.Signing.PrivateKey()
        var algorithm: KeyAlgorithm { .p256 }
        var publicKeyDER: [UInt8] { Array(key.publicKey.derRepresentation) }
        func signature(over message: [UInt8]) throws -> [UInt8] {
            Array(try key.signature(for: message).derRepresentation)
        }
    }

    init(folder: String) async throws {
        self.folder = folder
        for name in ["", "/home", "/home/artifacts", "/devices"] {
            try FileManager.default.createDirectory(
                atPath: folder + name, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        var settings = HouseSettings()
        settings.serviceNames = ["127.0.0.1"]
        house = try await House(
            database: SQLiteDatabase(path: folder + "/home/lifelong.db", migrations: Schema.migrations),
            keys: FileKeyStore(folder: folder + "/home/keys"), settings: settings,
            log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            clock: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
            random: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            })
    }

    /// - Parameters:
    ///   - count: devices that are paired and enrolled, in `devices`.
    ///   - newborn: devices that are paired only, in `newborn0/devices`, `newborn1/devices` …: so many folders of so many.
    func make(_ count: Int, newborn: (folders: Int, each: Int)) async throws {
        let product = ProductID(trusted: "bench-product")
        try await house.change(as: .system) { change in
            try change.rows.execute(
                """
                INSERT INTO product (id, name, hardware, minimum_grade, alarm_before_pairing, at)
                VALUES ($1, $2, $3, 'declared', 0, $4)
                """, [Value(product), "Bench", "board", Value(change.now)])
            try change.rows.execute(
                "INSERT INTO owner (id, name, kind, at) VALUES ($1, 'Bench', 'organisation', $2)",
                [Value(OwnerID(trusted: "bench-owner")), Value(change.now)])
        }
        let births = try await birthAuthority()
        for number in 0..<count { try await device("BENCH-\(number)", "devices/\(number)", true, of: product, births) }
        for room in 0..<newborn.folders {
            let place = "newborn\(room)/devices"
            try FileManager.default.createDirectory(
                atPath: folder + "/" + place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for number in 0..<newborn.each {
                try await device("NEW-\(room)-\(number)", "\(place)/\(number)", false, of: product, births)
            }
        }
        try write(house.authorities.known(Authorities.Name.operationalRoot)?.certificate ?? [], "root.pem")
        try write(house.authorities.known(Authorities.Name.issuing)?.certificate ?? [], "issuing.pem")
        try house.database.close()
    }

    /// A birth CA whose key is here.
    private func birthAuthority() async throws -> Authority {
        let key = FileKey()
        let root = try house.authorities.signing(Authorities.Name.makerRoot)
        let house = house
        let der = try await Issuer.issue(by: Authorities.Name.makerRoot, as: .system, in: house) {
            change, issuer, serial in
            let intent = try Profile.authority(
                under: issuer, name: "Bench Births", organisation: house.settings.organisation,
                spki: key.publicKeyDER, pathLength: 0, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.backdateSeconds), notAfter: .noExpiry)
            return (intent, Issuer.Subject())
        } record: { change, _, der in
            try BirthAuthorities.remember(der, name: "birth-bench", under: root, in: change)
            return der
        }
        return try Authority(certificate: der, chain: [root.certificate], key: key)
    }

    private func device(
        _ serial: String, _ path: String, _ isEnrolled: Bool, of product: ProductID, _ births: Authority
    ) async throws {
        let (birthKey, key, nextKey) = (FileKey(), FileKey(), FileKey())
        let now = house.clock()
        let intent = try Profile.birth(
            under: births, spki: birthKey.publicKeyDER, deviceSerial: serial, product: "Bench",
            organisation: house.settings.organisation, hardwareType: [1, 3, 6, 1, 4, 1, 99999, 1],
            serial: Issuer.serial(house), notBefore: now.adding(seconds: -Issuer.backdateSeconds))
        let birth = try births.sign(IssuanceToken(stored: intent))
        let reference = try births.reference(birth)
        let prepared = try await Tenures.prepare(in: house)
        let device = try await house.change(as: .system) { change -> DeviceID in
            let id: DeviceID = change.newID()
            try change.recordBirth(
                .born(
                    product: product, batch: BatchID(trusted: "bench-batch"),
                    birthCertificate: CertificateName(
                        serial: reference.serial, sha256: reference.sha256, key: reference.key,
                        notAfter: reference.notAfter)),
                of: id, serial: serial, hardware: "board", certificate: birth, labelCode: nil, secretHash: nil)
            try change.record(.shipped, on: id)
            try Tenures.open(
                Device.require(id.text, in: change.rows), for: OwnerID(trusted: "bench-owner"), grade: .declared,
                as: prepared, in: change)
            return id
        }
        try write(birth, "\(path)-birth.pem", birthKey)
        if isEnrolled { try write(try await enrol(device, key), "\(path).pem", key) }
        let csr = Base64.encodeLines(try CertificationRequest.enrolment(device: device, key: nextKey))
        try csr.write(toFile: folder + "/\(path).csr", atomically: false, encoding: .utf8)
    }

    private func enrol(_ device: DeviceID, _ key: FileKey) async throws -> [UInt8] {
        let house = house
        return try await Issuer.issue(by: Authorities.Name.issuing, as: .device(device), in: house) {
            change, issuer, serial in
            let tenure = try Device.require(device.text, in: change.rows).passport.tenure
            let intent = try Profile.operational(
                under: issuer, spki: key.publicKeyDER, device: device.text, organisation: house.settings.organisation,
                serial: serial, notBefore: change.now.adding(seconds: -Issuer.backdateSeconds),
                notAfter: change.now.adding(days: 90), urls: PublicURLs.of(Authorities.Name.issuing, house.settings))
            return (intent, Issuer.Subject(device: device, tenure: tenure?.id))
        } record: { change, certificate, der in
            guard let tenure = try Device.require(device.text, in: change.rows).passport.tenure else { return der }
            try change.record(.enrolled(tenure: tenure.id, certificate: certificate), on: device)
            return der
        }
    }

    private func write(_ certificate: [UInt8], _ name: String, _ key: FileKey? = nil) throws {
        let text = (key.map { $0.key.pemRepresentation + "\n" } ?? "") + PEM.encode(certificate, label: "CERTIFICATE")
        try text.write(toFile: folder + "/" + name, atomically: false, encoding: .utf8)
    }
}
