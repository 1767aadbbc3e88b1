import Passport
import Registry
import Store
import Trust
import Wire

/// Takes a station's signed manifest into the registry. Twice does no harm: known births are counted, not made again.
///
/// What does not fit is refused one by one and named, and the rest is admitted: more births than permitted, a certificate
/// of another CA, a serial or a public key that another device has.
package struct AdmitBirths: Action {
    package static let name = "manufacture/admit-births"
    package static let permission = Permission.manufacture
    /// Bound of a manifest's payload, in bytes: a million births fit in several manifests.
    package static let maximumManifestBytes = 64 << 20

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

    package func perform(in change: Change) throws -> Answer {
        // Who signed it is said inside: read first, believed only after the seal has been checked with that batch's key.
        let claimed = try CanonicalJSON.decode(
            BirthManifest.self, from: manifest.payloadBytes(), limit: Self.maximumManifestBytes)
        guard
            let batch = try change.rows.first(
                """
                SELECT b.product, b.quantity, b.station_key, b.authority, p.hardware FROM batch b
                JOIN product p ON p.id = b.product WHERE b.id = $1
                """, [Value(claimed.batch)])
        else {
            throw Refusal(
                .notFound, "There is no batch \"\(claimed.batch)\".", hint: "Import where its permit was granted.")
        }
        let key = Base64.decode(try batch.text("station_key")) ?? []
        let payload = try manifest.verified(
            type: Seal.PayloadType.births, by: [key], limit: Self.maximumManifestBytes)
        let births = try CanonicalJSON.decode(BirthManifest.self, from: payload, limit: Self.maximumManifestBytes)
        var answer = Answer(batch: births.batch, admitted: 0, known: 0, refused: [])
        for birth in births.births { try admit(birth, of: births.batch, batch, into: &answer, change) }
        if answer.admitted > 0 {
            try change.record(
                .batchAdmitted(
                    batch: births.batch, births: answer.admitted, manifest: LeafCertificate.sha256(payload)))
        }
        return answer
    }

    private func admit(_ birth: Birth, of batch: BatchID, _ row: Row, into answer: inout Answer, _ change: Change)
        throws
    {
        func refuse(_ reason: String) {
            answer.refused.append(Refused(serial: String(birth.serial.prefix(64)), reason: reason))
        }
        guard Identifier<DeviceKind>.isValid(birth.serial), let der = Base64.decode(birth.certificate) else {
            return refuse("Its serial or certificate is malformed.")
        }
        // Verifying it must be possible, and must not be made expensive by who wrote it.
        guard birth.secretHash.map(PairingSecret.isHash) ?? true else {
            return refuse("The hash of its pairing secret is none that could be verified.")
        }
        let sha256 = LeafCertificate.sha256(der)
        if let known = try Device.find(birth.serial, in: change.rows) {
            if known.passport.birthCertificate.sha256 == sha256 {
                answer.known += 1
            } else {
                try Alarms.raise(
                    .keySeenTwice, on: known.id, detail: "A second unit was made with its serial \(birth.serial).",
                    in: change)
                refuse("Another device has this serial.")
            }
            return
        }
        let admitted = try change.rows.count(
            "SELECT admitted AS n FROM batch WHERE id = $1", [Value(batch)])
        guard admitted < (try row.int("quantity")) else { return refuse("The batch's permit is used up.") }
        do {
            try bear(birth, der, sha256, of: batch, row, change)
            answer.admitted += 1
        } catch let refusal as Refusal where refusal.code != .unavailable && refusal.code != .internal {
            refuse(refusal.detail)
        }
    }

    private func bear(
        _ birth: Birth, _ der: [UInt8], _ sha256: Digest, of batch: BatchID, _ row: Row, _ change: Change
    ) throws {
        let verifier = try change.house.authorities.verifier(for: .birth)
        let verified = try verifier.verify(leaf: der, at: change.now, purpose: .birth).get()
        guard verified.serialNumber == birth.serial else {
            throw Refusal(
                .conflict, "The certificate names another serial.", hint: "Ask the station for the right one.")
        }
        let authority = change.house.authorities.known(try row.text("authority"))
        guard verified.chain.first == authority?.certificate else {
            throw Refusal(.conflict, "The certificate is of another batch's CA.", hint: "Import it with its own batch.")
        }
        try KeyQuality.demand(verified.spki)
        let key = verified.reference.key
        if let other = try change.rows.first("SELECT device FROM key_use WHERE key = $1", [Value(key)]) {
            let device: DeviceID = try other.id("device")
            try Alarms.raise(
                .keySeenTwice, on: device, detail: "A second unit, \(birth.serial), was made with its key.", in: change)
            throw Refusal(.conflict, "Another device has this public key.", hint: "Find out how the key was copied.")
        }
        let id: DeviceID = change.newID()
        let certificate = CertificateName(
            serial: verified.reference.serial, sha256: sha256, key: key, notAfter: verified.reference.notAfter)
        try change.recordBirth(
            .born(product: ProductID(row.text("product")), batch: batch, birthCertificate: certificate), of: id,
            serial: birth.serial, hardware: row.text("hardware"), certificate: der, labelCode: birth.labelCode,
            secretHash: birth.secretHash)
        try KeyUse.claim(key, for: id, tenure: nil, in: change)
        try change.rows.execute("UPDATE batch SET admitted = admitted + 1 WHERE id = $1", [Value(batch)])
    }
}
