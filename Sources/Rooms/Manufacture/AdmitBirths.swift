import Passport
import Registry
import Store
import Trust
import Wire

/// Takes a station's signed manifest into the registry. Twice does no harm: known births are counted, not made again.
///
/// What does not fit is refused one by one and named, and the rest is admitted: more births than permitted, a certificate
/// of another CA, a serial or a public key that another device has.
///
/// 1. Outside of any transaction the manifest is read, its seal checked, and each page of births verified. 2. Each page is
/// admitted in a transaction of its own, with its event, so that others write in between. Cut off, it is sent again.
package struct AdmitBirths: Ceremony {
    package static let name = "manufacture/admit-births"
    package static let permission = Permission.manufacture
    /// Bound of a manifest's payload, in bytes: a million births fit in several manifests.
    package static let maximumManifestBytes = 64 << 20
    /// Births in one transaction.
    package static let pageSize = 500

    package var manifest: Seal
    package init(manifest: Seal) { self.manifest = manifest }

    package struct Refused: Codable, Sendable, Equatable {
        package var serial: String
        package var reason: String
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var batch: BatchID
        package var admitted: Int
        package var known: Int
        package var refused: [Refused]
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        // Who signed it is said inside: read first, believed only after the seal has been checked with that batch's key.
        let payload = try manifest.payloadBytes()
        let births = try CanonicalJSON.decode(BirthManifest.self, from: payload, limit: Self.maximumManifestBytes)
        let batch = try await house.read { rows in try Line(births.batch, in: rows) }
        _ = try manifest.verified(
            type: Seal.PayloadType.births, by: [batch.stationKey], limit: Self.maximumManifestBytes)
        // Granted on another node a moment ago, or read back while the database was away.
        if house.authorities.known(batch.authority) == nil { try await house.authorities.load(from: house) }
        let digest = LeafCertificate.sha256(payload)
        var answer = Answer(batch: births.batch, admitted: 0, known: 0, refused: [])
        for start in stride(from: 0, to: births.births.count, by: Self.pageSize) {
            let page = births.births[start..<min(start + Self.pageSize, births.births.count)]
            let (found, now) = try await house.read { rows in
                (try Set(page.map(\.serial).filter { try isKnown($0, in: rows) }), try house.instant(in: rows))
            }
            let candidates = try page.map {
                try Candidate($0, isKnown: found.contains($0.serial), batch, at: now, in: house)
            }
            let part = try await house.change(as: principal) { change in
                try admit(candidates, of: batch, digest, in: change)
            }
            answer.admitted += part.admitted
            answer.known += part.known
            answer.refused += part.refused
        }
        return answer
    }

    private func isKnown(_ serial: String, in rows: any Rows) throws -> Bool {
        try rows.first("SELECT id FROM device WHERE serial = $1", [.text(serial)]) != nil
    }

    private func admit(
        _ candidates: [Candidate], of batch: Line, _ manifest: Digest, in change: Change
    ) throws -> Answer {
        var answer = Answer(batch: batch.id, admitted: 0, known: 0, refused: [])
        for candidate in candidates {
            do {
                if try admit(candidate, of: batch, in: change) { answer.admitted += 1 } else { answer.known += 1 }
            } catch let refusal as Refusal where refusal.code != .unavailable && refusal.code != .internal {
                answer.refused.append(
                    Refused(serial: String(candidate.birth.serial.prefix(64)), reason: refusal.detail))
            }
        }
        if answer.admitted > 0 {
            try change.record(.batchAdmitted(batch: batch.id, births: answer.admitted, manifest: manifest))
        }
        return answer
    }

    /// False if this very birth is known.
    private func admit(_ candidate: Candidate, of batch: Line, in change: Change) throws -> Bool {
        let (birth, der) = (candidate.birth, try candidate.certificate.get())
        if let known = try Device.find(birth.serial, in: change.rows) {
            if known.passport.birthCertificate.sha256 == LeafCertificate.sha256(der) { return false }
            try Alarms.raise(
                .keySeenTwice, on: known.id, detail: "A second unit was made with its serial \(birth.serial).",
                in: change)
            throw Refusal(.conflict, "Another device has this serial.", hint: "Find out how it was given twice.")
        }
        let admitted = try change.rows.count("SELECT admitted AS n FROM batch WHERE id = $1", [Value(batch.id)])
        guard admitted < batch.quantity else {
            throw Refusal(.conflict, "The batch's permit is used up.", hint: "Open another batch.")
        }
        guard let verified = try candidate.verified?.get() else {
            throw Refusal(.unavailable, "A device was removed meanwhile.", hint: "Try again.", retryAfterSeconds: 1)
        }
        try bear(birth, der, verified, of: batch, in: change)
        return true
    }

    private func bear(
        _ birth: Birth, _ der: [UInt8], _ verified: VerifiedCertificate, of batch: Line, in change: Change
    ) throws {
        let key = verified.reference.key
        if let other = try change.rows.first("SELECT device FROM key_use WHERE key = $1", [Value(key)]) {
            let device: DeviceID = try other.id("device")
            try Alarms.raise(
                .keySeenTwice, on: device, detail: "A second unit, \(birth.serial), was made with its key.", in: change)
            throw Refusal(.conflict, "Another device has this public key.", hint: "Find out how the key was copied.")
        }
        let id: DeviceID = change.newID()
        let certificate = CertificateName(
            serial: verified.reference.serial, sha256: LeafCertificate.sha256(der), key: key,
            notAfter: verified.reference.notAfter)
        try change.recordBirth(
            .born(product: batch.product, batch: batch.id, birthCertificate: certificate), of: id,
            serial: birth.serial, hardware: batch.hardware, certificate: der, labelCode: birth.labelCode,
            secretHash: birth.secretHash)
        try KeyUse.claim(key, for: id, tenure: nil, in: change)
        try change.rows.execute("UPDATE batch SET admitted = admitted + 1 WHERE id = $1", [Value(batch.id)])
    }

    /// The batch that a manifest is of.
    private struct Line: Sendable {
        let id: BatchID
        let product: ProductID
        let hardware: String
        let quantity: Int
        let stationKey: [UInt8]
        /// Name of its birth CA.
        let authority: String

        init(_ id: BatchID, in rows: any Rows) throws {
            guard
                let row = try rows.first(
                    """
                    SELECT b.product, b.quantity, b.station_key, b.authority, p.hardware FROM batch b
                    JOIN product p ON p.id = b.product WHERE b.id = $1
                    """, [Value(id)])
            else {
                throw Refusal(
                    .notFound, "There is no batch \"\(id)\".", hint: "Import where its permit was granted.")
            }
            self.id = id
            product = try row.id("product")
            hardware = try row.text("hardware")
            quantity = try row.int("quantity")
            stationKey = Base64.decode(try row.text("station_key")) ?? []
            authority = try row.text("authority")
        }
    }

    /// One birth, and what can be said of it without the registry.
    private struct Candidate: Sendable {
        let birth: Birth
        /// Its DER, if it is well formed.
        let certificate: Result<[UInt8], Refusal>
        /// nil: not looked at, because a device has its serial.
        let verified: Result<VerifiedCertificate, Refusal>?

        init(
            _ birth: Birth, isKnown: Bool, _ batch: Line, at now: Timestamp, in house: House
        ) throws(Refusal) {
            self.birth = birth
            let certificate = Self.certificate(of: birth)
            self.certificate = certificate
            guard !isKnown, case .success(let der) = certificate else {
                verified = nil
                return
            }
            // Missing authorities are no fault of the birth.
            let verifier = try house.authorities.verifier(for: .birth)
            let authority = house.authorities.known(batch.authority)
            do throws(Refusal) {
                verified = .success(try Self.verify(der, birth, authority?.certificate, by: verifier, at: now))
            } catch {
                verified = .failure(error)
            }
        }

        private static func certificate(of birth: Birth) -> Result<[UInt8], Refusal> {
            guard Identifier<DeviceKind>.isValid(birth.serial), let der = Base64.decode(birth.certificate) else {
                return .failure(
                    Refusal(
                        .malformed, "Its serial or certificate is malformed.", hint: "Look at the station's records."))
            }
            // Verifying it must be possible, and must not be made expensive by who wrote it.
            guard birth.secretHash.map(PairingSecret.isHash) ?? true else {
                return .failure(
                    Refusal(
                        .malformed, "The hash of its pairing secret is none that could be verified.",
                        hint: "Look at the station's records."))
            }
            return .success(der)
        }

        private static func verify(
            _ der: [UInt8], _ birth: Birth, _ authority: [UInt8]?, by verifier: ChainVerifier, at now: Timestamp
        ) throws(Refusal) -> VerifiedCertificate {
            let verified = try verifier.verify(leaf: der, at: now, purpose: .birth).get()
            guard verified.serialNumber == birth.serial else {
                throw Refusal(
                    .conflict, "The certificate names another serial.", hint: "Ask the station for the right one.")
            }
            guard verified.chain.first == authority else {
                throw Refusal(
                    .conflict, "The certificate is of another batch's CA.", hint: "Import it with its own batch.")
            }
            try KeyQuality.demand(verified.spki)
            return verified
        }
    }
}
