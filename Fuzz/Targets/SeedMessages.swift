import Auditor
import Ledger
import Passport
import Station
import Trust
import Wire

/// One of each message, as its sender makes it.
extension FuzzSeeds {
    private static let digest = Digest([UInt8](repeating: 0xAB, count: 32))
    private static let tenure = TenureID(trusted: "018f3c1a-0000-7c11-9d0a-3b5e8f2a4c6d")

    static let plainReceipt = Receipt(
        kind: .updated, device: device, at: now, nonce: "bm9uY2U=", release: digest, sequence: 4, configuration: 2,
        reason: "Ran.", artifact: digest)
    var plainReceipt: Receipt { Self.plainReceipt }

    static let manifest = ReleaseManifest(
        product: product, sequence: 4, version: "1.4.2", hardware: ["board-c", "board-d"], sha256: digest,
        size: 200_000,
        created: now)
    var manifest: ReleaseManifest { Self.manifest }

    static func plainPermit(_ authority: [UInt8], _ leaf: [UInt8], _ key: [UInt8]) -> Permit {
        Permit(
            batch: BatchID(trusted: "B-1"), product: product, hardware: "board-c", quantity: 1000,
            expires: now.adding(days: 30), birthChain: [leaf, authority].map { Base64.encode($0) },
            stationKey: Base64.encode(key),
            service: ServiceAnchor(
                url: "https://devices.example:8443", anchors: [Base64.encode(authority)],
                releaseKeys: [Base64.encode(key)]))
    }
    var plainPermit: Permit { Self.plainPermit(authority.certificate, leaf, signer.publicKeyDER) }

    static func plainBirths(_ leaf: [UInt8], _ secretHash: String) -> BirthManifest {
        BirthManifest(
            batch: BatchID(trusted: "B-1"), station: "line-1", closed: now,
            births: [
                Birth(
                    serial: "THERMOSTAT-2-7KQ2M9XA", certificate: Base64.encode(leaf), at: now, labelCode: digest,
                    secretHash: secretHash)
            ])
    }
    var plainBirths: BirthManifest { Self.plainBirths(leaf, secretHash) }

    var stationRequest: StationRequest {
        StationRequest(
            name: "line-1", birthAuthorityRequest: Base64.encode(authorityRequest),
            stationKey: Base64.encode(signer.publicKeyDER))
    }

    var label: Label { Label(product: Self.product, serial: "T-1", code: "ABCDEFGH", secret: "ABCD-EFGH-JKMN-PQRS") }

    var report: CheckInReport {
        CheckInReport(
            agent: "lifelong-agent/0.1.0", sequence: 4, version: "1.4.2", slot: "a", configuration: 2,
            posture: ["secureBoot": "on"],
            log: [DeviceLogEntry(index: 0, at: Self.now, kind: "boot", text: "Started.", hash: Self.digest)])
    }

    var bareReport: CheckInReport {
        CheckInReport(agent: "lifelong-agent/0.1.0", sequence: 4, version: "1.4.2", posture: ["secureBoot": "on"])
    }

    var statuses: [DeviceStatus] {
        [
            DeviceStatus(
                state: .notPaired, stage: "shipped", reason: "No owner.", hint: "Wait.", device: Self.device,
                enrol: "/.well-known/est", pairing: .init(nonce: "bm9uY2U=", expires: Self.now),
                wipe: .init(nonce: "bm9uY2U="), serverTime: Self.now)
        ]
    }

    /// The release key, or that of permits, got a successor; both hold.
    func statement(_ role: KeySuccession.Role) -> KeySuccession {
        KeySuccession(
            role: role, number: 1, keys: [otherKeys[0], signer].map { Base64.encode($0.publicKeyDER) }, at: Self.now)
    }

    func succession(_ role: KeySuccession.Role) throws -> Seal {
        try Seal.sign(
            type: Seal.PayloadType.succession, payload: CanonicalJSON.encode(statement(role)),
            with: [otherKeys[0], signer])
    }

    var desired: DesiredState {
        DesiredState(
            status: statuses[0], configuration: .init(version: 2, document: "{}"),
            update: .init(manifest: release, path: "/device/v1/artifacts/\(Self.digest)"),
            roots: RootSet.name(of: [authority.certificate]), logTaken: 1,
            nextCheckInSeconds: 300)
    }

    var lineMessages: [LineMessage] {
        [
            .identify(station: "line-1"), .hardware(name: "board-c", serial: "T-1"),
            .request(serial: "T-1", product: Self.product), .csr(Base64.encode(csr)),
            .birth(
                certificate: Base64.encode(leaf), chain: [Base64.encode(authority.certificate)],
                service: plainPermit.service),
            .born(sha256: Self.digest), .error(Refusal(.malformed, "No.", hint: "Try again.")),
        ]
    }

    /// A whole life, each step allowed.
    static func makeEntries() throws -> [Entry] {
        func name(_ serial: String) -> CertificateName {
            CertificateName(serial: serial, sha256: digest, key: digest, notAfter: now.adding(days: 90))
        }
        let events: [Event] = [
            .born(product: product, batch: BatchID(trusted: "B-1"), birthCertificate: name("0a")), .shipped,
            .paired(tenure: tenure, grade: .secret, owner: digest), .enrolled(tenure: tenure, certificate: name("0b")),
            .configured(version: 1, document: digest), .configurationApplied(version: 1, receipt: digest),
            .updateOffered(release: digest, sequence: 4), .updated(release: digest, sequence: 4, receipt: digest),
            .logTaken(from: 0, to: 3, head: digest), .alarmRaised(alarm: .logBroken), .quarantined(reason: "Odd."),
            .restored, .certificateRevoked(serial: "0b", reason: .cessationOfOperation), .retired(how: .recycled),
        ]
        return events.enumerated().map { step, event in
            Entry(
                at: now.adding(seconds: Int64(step)), device: device,
                by: Actor(role: "makerAdmin", person: PersonID(trusted: "p1")), event: event)
        }
    }
    func entries() throws -> [Entry] { try Self.makeEntries() }
}

/// Proofs and documents that are made of others.
extension FuzzSeeds {
    func evidence() throws -> Evidence {
        let items = try [Int64(1), 4].map {
            (try Tiles.inclusion(index: $0, size: checkpoint.size, reading: tiles), leaf: leaves[Int($0)])
        }
        return Evidence(subject: "passport", vkey: logKey, checkpoint: note, entries: items)
    }

    /// Two sizes of eight bytes and the hashes, as the target "proofs" reads them.
    func proofs() throws -> [[UInt8]] {
        func bytes(_ a: Int64, _ b: Int64, _ hashes: [Digest]) -> [UInt8] {
            [a, b].flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * Int64($0))) } }
                + hashes.flatMap(\.bytes)
        }
        let size = checkpoint.size
        let consistency = try Tiles.consistency(from: 3, to: size, reading: tiles)
        let inclusion = try Tiles.inclusion(index: 5, size: size, reading: tiles)
        return [
            bytes(3, size, consistency.hashes), bytes(5, size, inclusion.hashes), bytes(Int64.max - 1, .max, []),
            bytes(0, size, []),
        ]
    }

    func memory() throws -> [UInt8] {
        try CanonicalJSON.encode(
            Remembered(
                seen: .init(
                    vkey: logKey.description, size: checkpoint.size, root: checkpoint.root, note: text(note),
                    at: Self.now)
            ))
    }

    func revocationList() throws -> [UInt8] {
        try CertificateRevocationList.make(
            by: authority, number: 7, thisUpdate: Self.now, nextUpdate: Self.now.adding(days: 1),
            entries: [RevokedCertificate(serial: "4a01", at: Self.now.adding(days: -1), reason: .keyCompromise)])
    }

    func statusID() throws -> OCSP.CertificateID {
        try OCSP.CertificateID(of: "4a01", issuer: authority.certificate)
    }

    func statusResponse() throws -> [UInt8] {
        try OCSP.response(
            [(id: try statusID(), status: .good)], by: OCSP.Responder(authority), producedAt: Self.now,
            thisUpdate: Self.now, nextUpdate: Self.now.adding(days: 1), nonce: [1, 2, 3, 4])
    }
}
