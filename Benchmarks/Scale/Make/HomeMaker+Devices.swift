import Crypto
import Foundation
import Keys
import Passport
import Registry
import Store
import Trust
import Wire

/// 2. Devices with everything that hangs on them.
extension HomeMaker {
    /// What one device adds to each table.
    private struct Rows: Sendable {
        var device: [Value] = []
        var keys: [[Value]] = []
        var tenure: [Value]?
        var certificate: [Value]?
        var receipts: [[Value]] = []
        var contact: [Value]?
        var transfer: [Value]?
        var configuration: [Value]?
        var log: [[Value]] = []
        var digests: Digests
    }

    /// Devices of one transaction.
    private static let chunk = 4000

    func makeDevices(_ batches: Batches, _ digests: inout [Digests]) async throws {
        let operational = try operationalMould()
        bar.begin("devices", plan.devices)
        var at = 0
        var next = Task { try await make(0..<min(Self.chunk, plan.devices), batches, operational) }
        while at < plan.devices {
            let rows = try await next.value
            at += rows.count
            if at < plan.devices {
                let range = at..<min(at + Self.chunk, plan.devices)
                next = Task { try await make(range, batches, operational) }
            }
            try await house.database.write { try Self.write(rows, into: $0) }
            digests += rows.map(\.digests)
            bar.show(at)
        }
        bar.end()
    }

    private static func write(_ all: [Rows], into rows: any Store.Rows) throws {
        try Bulk.insert(
            "device",
            """
            id, serial, product, batch, hardware, stage, version, passport, birth_certificate, owner, label_code,
            pairing_failures, born_at, changed_at
            """, all.map(\.device), into: rows)
        try Bulk.insert("key_use", "key, device, tenure", all.flatMap(\.keys), into: rows)
        try Bulk.insert(
            "tenure", "id, device, owner, grade, since, ended, data_key, commitment", all.compactMap(\.tenure),
            into: rows)
        try Bulk.insert(
            "certificate",
            """
            serial, authority, kind, device, tenure, key, state, intent, der, not_before, not_after, at, revoked_at,
            reason
            """, all.compactMap(\.certificate), into: rows)
        try Bulk.insert("receipt", "sha256, device, kind, seal, at", all.flatMap(\.receipts), into: rows)
        try Bulk.insert(
            "contact", "device, at, agent, version, sequence, slot, configuration, posture", all.compactMap(\.contact),
            into: rows)
        try Bulk.insert("transfer", "device, code_hash, failures, expires", all.compactMap(\.transfer), into: rows)
        try Bulk.insert(
            "configuration", "device, tenure, version, document, at", all.compactMap(\.configuration), into: rows)
        try Bulk.insert("device_log", "device, idx, entry", all.flatMap(\.log), into: rows)
    }

    /// Two halves at once.
    private func make(
        _ range: Range<Int>, _ batches: Batches, _ operational: CertificateMould
    ) async throws -> [Rows] {
        let middle = range.lowerBound + range.count / 2
        async let first = half(range.lowerBound..<middle, batches, operational)
        async let second = half(middle..<range.upperBound, batches, operational)
        return try await first + second
    }

    private func half(
        _ range: Range<Int>, _ batches: Batches, _ operational: CertificateMould
    ) async throws -> [Rows] {
        try range.map { try rows(of: SyntheticDevice($0, plan), batches, operational) }
    }

    private func rows(
        of device: SyntheticDevice, _ batches: Batches, _ operational: CertificateMould
    ) throws -> Rows {
        let isChecked = device.number % 1000 == 0
        let birthKey = try device.key(birth: true)
        let bornAt = Timestamp(seconds: device.instant(0).seconds)
        let serial = device.certificateSerial(birth: true)
        let der = try batches.moulds[device.batch].certificate(
            .init(
                serial: serial, point: Array(birthKey.publicKeyDER.suffix(65)), name: Array(device.serial.utf8),
                notBefore: bornAt, notAfter: .noExpiry), check: isChecked)
        let birth = CertificateName(
            serial: Hex.encode(serial), sha256: LeafCertificate.sha256(der), key: birthKey.keyDigest,
            notAfter: .noExpiry)
        var rows = Rows(digests: Digests(birth: birth))
        rows.keys = [[Value(birth.key), Value(device.id), .null]]
        if device.hasTenure { try addTenure(of: device, batches, operational, isChecked, &rows) }
        if device.isOwned { try addDocuments(of: device, &rows) }
        if device.fate == .claimable {
            let nonce = Base64.encode(Array(device.document.bytes.prefix(16)))
            rows.digests.wiped = try Self.add(
                Receipt(kind: .wiped, device: device.id, at: device.instant(device.steps.count - 1), nonce: nonce),
                birthKey, to: &rows)
        }
        let passport = try Lives.fold(device, rows.digests, batches, plan)
        let product = plan.product(ofBatch: device.batch)
        let json = String(decoding: try CanonicalJSON.encode(passport), as: UTF8.self)
        rows.device = [
            Value(device.id), .text(device.serial), .text(product), Value(batches.ids[device.batch]),
            .text(FleetPlan.hardware(of: product)), .text(passport.stage.rawValue), Value(passport.version),
            .text(json),
            .bytes(der), device.isOwned ? Value(batches.owners[device.owner]) : .null, Value(device.labelCode), 0,
            Value(passport.bornAt), Value(passport.changedAt),
        ]
        return rows
    }

    private func addTenure(
        of device: SyntheticDevice, _ batches: Batches, _ operational: CertificateMould, _ isChecked: Bool,
        _ rows: inout Rows
    ) throws {
        let key = try device.key(birth: false)
        let serial = device.certificateSerial(birth: false)
        let at = Timestamp(seconds: device.instant(3).seconds)
        let (notBefore, notAfter) = (at.adding(seconds: -60), at.adding(days: 90))
        let der = try operational.certificate(
            .init(
                serial: serial, point: Array(key.publicKeyDER.suffix(65)), name: Array(device.id.text.utf8),
                notBefore: notBefore, notAfter: notAfter), check: isChecked)
        let name = CertificateName(
            serial: Hex.encode(serial), sha256: LeafCertificate.sha256(der), key: key.keyDigest, notAfter: notAfter)
        rows.digests.operational = name
        rows.keys.append([Value(name.key), Value(device.id), Value(device.tenure)])
        let isOver = !device.isOwned
        let end = device.instant(device.steps.count - 1)
        let owner = batches.owners[device.owner]
        let wrapped = try house.keys.wrap(
            device.dataKey, under: KeyLabel(trusted: "tenure-wrapping"), context: Array(device.tenure.text.utf8))
        rows.tenure = [
            Value(device.tenure), Value(device.id), isOver ? .null : Value(owner), .text(Grade.label.rawValue),
            Value(device.instant(2)), isOver ? Value(end) : .null, isOver ? .null : .bytes(wrapped),
            Value(Lives.commitment(device, batches)),
        ]
        rows.certificate = [
            .text(name.serial), .text(Authorities.Name.issuing), .text(CertificateKind.operational.rawValue),
            Value(device.id), Value(device.tenure), Value(name.key), .text(isOver ? "revoked" : "issued"), .bytes([]),
            .bytes(der), Value(notBefore), Value(notAfter), Value(device.instant(3)), isOver ? Value(end) : .null,
            isOver ? .text(RevocationCause.cessationOfOperation.rawValue) : .null,
        ]
        try addReceipts(of: device, key, batches, &rows)
        if device.isOwned {
            let ago = Int64(device.plan.number(device.number, 14) % 300_000)
            rows.contact = [
                Value(device.id), Value(Timestamp(milliseconds: plan.end.milliseconds - ago)), "lifelong-agent/0.1.0",
                "1.0.0", 1, "a", 1, "{\"kernel\":\"6.1.0\",\"secureBoot\":\"on\"}",
            ]
        }
        if device.fate == .inTransfer {
            rows.transfer = [Value(device.id), .text(device.document.description), 0, Value(plan.end.adding(days: 7))]
        }
    }

    private func addReceipts(
        of device: SyntheticDevice, _ key: SeedKey, _ batches: Batches, _ rows: inout Rows
    ) throws {
        let release = batches.releases[plan.product(ofBatch: device.batch)]
        rows.digests.configured = try Self.add(
            Receipt(kind: .configured, device: device.id, at: device.instant(5), configuration: 1), key, to: &rows)
        rows.digests.updated = try Self.add(
            Receipt(
                kind: .updated, device: device.id, at: device.instant(7), release: release, sequence: 1,
                artifact: device.document), key, to: &rows)
    }

    /// Returns its name.
    private static func add(_ receipt: Receipt, _ key: SeedKey, to rows: inout Rows) throws -> Wire.Digest {
        let payload = try CanonicalJSON.encode(receipt)
        let sha256 = LeafCertificate.sha256(payload)
        let seal = try Seal.sign(type: Seal.PayloadType.receipt, payload: payload, with: key)
        rows.receipts.append([
            Value(sha256), Value(receipt.device), .text(receipt.kind.rawValue),
            .text(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self)), Value(receipt.at),
        ])
        return sha256
    }

    /// What its owner's tenure holds: a configuration, encrypted as `Tenures.seal` does, and the entries of its own log.
    private func addDocuments(of device: SyntheticDevice, _ rows: inout Rows) throws {
        let box = try AES.GCM.seal(
            Array("{\"interval\":300}".utf8), using: SymmetricKey(data: device.dataKey),
            authenticating: Array(device.tenure.text.utf8))
        let sealed = Array(box.combined ?? Data())
        rows.digests.configuration = LeafCertificate.sha256(sealed)
        rows.configuration = [Value(device.id), Value(device.tenure), 1, .bytes(sealed), Value(device.instant(4))]
        for (number, step) in device.steps.enumerated() {
            guard case .logTaken(let index) = step else { continue }
            let entry = DeviceLogEntry(
                index: index, at: device.instant(number), kind: "boot", text: "Started from slot a.",
                hash: device.logHead(index))
            rows.log.append([Value(device.id), Value(index), .bytes(try CanonicalJSON.encode(entry))])
        }
    }
}

/// Lives as events, for the passport and for the ledger alike.
enum Lives {
    static func event(
        _ step: Step, of device: SyntheticDevice, _ digests: HomeMaker.Digests, _ batches: HomeMaker.Batches
    )
        throws -> Event
    {
        let plan = device.plan
        let release = batches.releases[plan.product(ofBatch: device.batch)]
        guard let operational = digests.operational ?? (device.hasTenure ? nil : digests.birth), let release else {
            throw Refusal(.internal, "A device has no certificate.", hint: "Fix the generator.")
        }
        let none = Wire.Digest([UInt8](repeating: 0, count: 32))
        return switch step {
        case .born:
            .born(
                product: ProductID(trusted: plan.product(ofBatch: device.batch)), batch: batches.ids[device.batch],
                birthCertificate: digests.birth)
        case .shipped: .shipped
        case .paired: .paired(tenure: device.tenure, grade: .label, owner: commitment(device, batches))
        case .enrolled: .enrolled(tenure: device.tenure, certificate: operational)
        case .configured: .configured(version: 1, document: digests.configuration ?? device.document)
        case .configurationApplied: .configurationApplied(version: 1, receipt: digests.configured ?? none)
        case .updateOffered: .updateOffered(release: release, sequence: 1)
        case .updated: .updated(release: release, sequence: 1, receipt: digests.updated ?? none)
        case .logTaken(let page): .logTaken(from: page, to: page + 1, head: device.logHead(page))
        case .alarm: .alarmRaised(alarm: .artifactRefused)
        case .quarantined: .quarantined(reason: "incident")
        case .offered: .offered
        case .accepted: .accepted
        case .revoked: .certificateRevoked(serial: operational.serial, reason: .cessationOfOperation)
        case .tenureEnded: .tenureEnded(tenure: device.tenure)
        case .wiped: .wiped(receipt: digests.wiped ?? none)
        case .retired: .retired(how: .recycled)
        }
    }

    static func actor(_ step: Step) -> Actor {
        switch step {
        case .born: Actor(role: "station")
        case .shipped, .updateOffered, .retired: Actor(role: "makerAdmin")
        case .paired, .configured, .offered, .accepted, .revoked, .tenureEnded: Actor(role: "owner")
        case .quarantined: Actor(role: "support")
        case .enrolled, .configurationApplied, .updated, .logTaken, .alarm, .wiped: Actor(role: "device")
        }
    }

    static func commitment(_ device: SyntheticDevice, _ batches: HomeMaker.Batches) -> Wire.Digest {
        Tenures.commitment(to: batches.owners[device.owner], of: device.tenure, under: device.dataKey)
    }

    static func fold(
        _ device: SyntheticDevice, _ digests: HomeMaker.Digests, _ batches: HomeMaker.Batches, _ plan: FleetPlan
    ) throws -> Passport {
        var passport: Passport?
        for (number, step) in device.steps.enumerated() {
            passport = try Passport.advance(
                passport, device: device.id, by: event(step, of: device, digests, batches), at: device.instant(number))
        }
        guard let passport else { throw Refusal(.internal, "A device has no life.", hint: "Fix the generator.") }
        return passport
    }
}
