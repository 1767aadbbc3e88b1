import Passport
import Registry
import Store
import Trust
import Wire

/// The maker permits a station to make a number of identities.
///
/// 1. The intent to certify the station's birth CA is stored. 2. The maker's root signs it. 3. The certificate, the permit
/// (sealed by the permit key) and the event are stored. The root's key may be kept offline otherwise.
package struct OpenBatch: Ceremony {
    package static let name = "manufacture/open-batch"
    package static let permission = Permission.manufacture

    package var product: ProductID
    package var quantity: Int
    /// How long the station may use the permit.
    package var days: Int
    package var request: StationRequest

    package init(product: ProductID, quantity: Int, days: Int = 30, request: StationRequest) {
        self.product = product
        self.quantity = quantity
        self.days = days
        self.request = request
    }

    package struct Answer: Codable, Sendable {
        package var batch: BatchID
        package var permit: Seal
        /// For a station that knows an older key; see `PermitFile`.
        package var successions: [Seal]?
    }

    package func perform(in house: House, as principal: Principal) async throws -> Answer {
        guard (1...1_000_000).contains(quantity), (1...3650).contains(days) else {
            throw Refusal(
                .malformed, "The quantity or the number of days is out of range.",
                hint: "Use 1 to 1000000 units and 1 to 3650 days.")
        }
        _ = try Identifier<Void>(request.name)
        guard let der = Base64.decode(request.birthAuthorityRequest),
            let stationKey = Base64.decode(request.stationKey),
            stationKey.count <= 512
        else {
            throw Refusal(
                .malformed, "The station's request is not base64.", hint: "Send what `lifelong station init` wrote.")
        }
        let csr = try VerifiedRequest(der: der)
        let station = request
        let name = try house.authorities.root(Authorities.Name.makerRoot).name
        let root = try house.authorities.signing(name)
        // Step 1 and 2, then step 3.
        let answer = try await Issuer.issue(by: name, as: principal, in: house) {
            change, issuer, serial in
            guard try change.rows.first("SELECT id FROM product WHERE id = $1", [Value(product)]) != nil else {
                throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
            }
            let intent = try Profile.authority(
                under: issuer, name: "\(house.settings.organisation) Birth \(station.name) \(Digest(serial.prefix(4)))",
                organisation: house.settings.organisation, spki: csr.spki, pathLength: 0, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.backdateSeconds), notAfter: .noExpiry,
                urls: PublicURLs.of(name, house.settings))
            return (intent, Issuer.Subject())
        } record: { change, certificate, der in
            try grant(change, house, root, certificate, der, stationKey)
        }
        try await house.authorities.load(from: house)
        return answer
    }

    private func grant(
        _ change: Change, _ house: House, _ root: Authority, _ certificate: CertificateName, _ der: [UInt8],
        _ stationKey: [UInt8]
    ) throws -> Answer {
        let row = try change.rows.first("SELECT hardware FROM product WHERE id = $1", [Value(product)])
        let batch: BatchID = change.newID()
        let authority = "birth-\(batch)"
        try BirthAuthorities.remember(der, name: authority, under: root, in: change)
        let permit = Permit(
            batch: batch, product: product, hardware: try row?.text("hardware") ?? "", quantity: quantity,
            expires: change.now.adding(days: Int64(days)),
            birthChain: [Base64.encode(der), Base64.encode(root.certificate)], stationKey: request.stationKey,
            service: try house.serviceAnchor())
        let payload = try CanonicalJSON.encode(permit)
        let seal = try Seal.sign(type: Seal.PayloadType.permit, payload: payload, with: house.signingKeys(.permit))
        try change.rows.execute(
            """
            INSERT INTO batch (id, product, quantity, admitted, station, station_key, authority, permit, at)
            VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8)
            """,
            [
                Value(batch), Value(product), Value(quantity), .text(request.name), .text(Base64.encode(stationKey)),
                .text(authority), .text(String(decoding: try CanonicalJSON.encode(seal), as: UTF8.self)),
                Value(change.now),
            ])
        try change.record(
            .permitGranted(
                batch: batch, product: product, quantity: quantity, permit: LeafCertificate.sha256(payload)))
        return Answer(
            batch: batch, permit: seal, successions: house.authorities.successions(of: .permit, after: 0))
    }
}
