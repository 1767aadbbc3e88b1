import Passport
import Registry
import Store
import Trust
import Wire

/// The maker permits a station to make a number of identities.
///
/// 1. The station's birth CA is certified by the maker's root and stored (`Issuer`). 2. The permit is sealed by the permit key.
/// 3. The batch with its permit and the event are stored. Cut off before 3, there is a CA whose permit nobody has, and none
/// of whose births is admitted. The root's key may be kept offline otherwise.
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
        let batch = BatchID.timeOrdered(at: try house.time(), random: house.random(10))
        let name = try house.authorities.root(Authorities.Name.makerRoot).name
        let root = try house.authorities.signing(name)
        let (birthAuthority, hardware) = try await Issuer.issue(by: name, as: principal, in: house) {
            change, issuer, serial in
            _ = try demandHardware(in: change.rows)
            let intent = try Profile.authority(
                under: issuer, name: "\(house.settings.organisation) Birth \(station.name) \(Digest(serial.prefix(4)))",
                organisation: house.settings.organisation, spki: csr.spki, pathLength: 0, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.backdateSeconds), notAfter: .noExpiry,
                urls: PublicURLs.of(name, house.settings))
            return (intent, Issuer.Subject())
        } record: { change, certificate, der in
            try BirthAuthorities.remember(der, name: Self.authority(of: batch), under: root, in: change)
            return (der, try demandHardware(in: change.rows))
        }
        var service = try house.serviceAnchor()
        service.updates = try await house.read { try UpdateDocuments.anchor(for: product, in: $0) }
        let permit = Permit(
            batch: batch, product: product, hardware: hardware, quantity: quantity,
            expires: try house.time().adding(days: Int64(days)),
            birthChain: [Base64.encode(birthAuthority), Base64.encode(root.certificate)],
            stationKey: request.stationKey, service: service)
        let payload = try CanonicalJSON.encode(permit)
        let seal = try await house.seal(payload, type: Seal.PayloadType.permit, by: .permit)
        try await house.change(as: principal) { change in
            try grant(seal, LeafCertificate.sha256(payload), batch, stationKey, in: change)
        }
        await house.authorities.reload(from: house)
        return Answer(
            batch: batch, permit: seal,
            successions: house.authorities.successions(
                of: .permit, after: 0, atMost: KeySuccession.maximumBesidePermit))
    }

    private static func authority(of batch: BatchID) -> String { "birth-\(batch)" }

    private func demandHardware(in rows: any Rows) throws -> String {
        guard let row = try rows.first("SELECT hardware FROM product WHERE id = $1", [Value(product)]) else {
            throw Refusal(.notFound, "There is no product \"\(product)\".", hint: "Publish the product first.")
        }
        return try row.text("hardware")
    }

    private func grant(
        _ permit: Seal, _ digest: Digest, _ batch: BatchID, _ stationKey: [UInt8], in change: Change
    ) throws {
        try change.rows.execute(
            """
            INSERT INTO batch (id, product, quantity, admitted, station, station_key, authority, permit, at)
            VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8)
            """,
            [
                Value(batch), Value(product), Value(quantity), .text(request.name), .text(Base64.encode(stationKey)),
                .text(Self.authority(of: batch)),
                .text(String(decoding: try CanonicalJSON.encode(permit), as: UTF8.self)), Value(change.now),
            ])
        try change.record(.permitGranted(batch: batch, product: product, quantity: quantity, permit: digest))
    }
}
