import Crypto
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Store
import Trust
import Use
import Wire

/// A client that asks for a session: its key, and that it has the other half.
private struct MenderClaim {
    let key: [UInt8]
    var digest: Wire.Digest { PublicKeys.digest(key) }

    init(_ request: PlaneRequest) throws(Refusal) {
        let body = Array(request.body.readableBytesView)
        let asked = try CanonicalJSON.decode(MenderAuthRequest.self, from: body, limit: MenderAuthRequest.maximumBytes)
        _ = try CanonicalJSON.decode([String: MenderText].self, from: asked.id_data.utf8, limit: 4096)
        let blocks = try PEM.decode(asked.pubkey)
        guard blocks.count == 1, blocks[0].label == "PUBLIC KEY", blocks[0].der.count <= MenderKey.maximumBytes else {
            throw Refusal(
                .malformed, "The key is not one public key in PEM.", hint: "Send its SubjectPublicKeyInfo as PEM.",
                rule: "mender: pubkey")
        }
        key = blocks[0].der
        try KeyQuality.demand(key)
        let shown = request.headers.first(name: "X-MEN-Signature") ?? ""
        guard shown.utf8.count <= 4096, let signature = Base64.decode(shown),
            PublicKeys.verify(signature: signature, over: body, spki: key)
        else {
            throw Refusal(
                .unauthenticated, "The signature is not the key's over this request.",
                hint: "Sign the body as it is sent, and put the signature into X-MEN-Signature as Base64.",
                rule: "mender: signature")
        }
    }
}

extension MenderAPI {
    /// "Bearer DEVICE.SECRET".
    package static func session(_ header: String) -> ShownTicket? {
        guard header.hasPrefix("Bearer ") else { return nil }
        return ShownTicket(String(header.dropFirst("Bearer ".count)))
    }

    // MARK: - A session begins

    func authenticate(_ request: PlaneRequest) throws -> PlaneOutcome {
        try demandJSON(request)
        let claim = try MenderClaim(request)
        let digest = claim.digest
        try door.demandFair(token: SHA256.hash(data: claim.key))
        guard request.peer.certificate != nil else {
            return .later {
                let found = try await asSuspect(request) { rows in try MenderKey.owner(of: digest, in: rows) }
                guard let found else { throw try pending(digest, request) }
                return try await begin(found.id, nil)
            }
        }
        let shown = self.certificate(of: request)
        return try door.asCaller(request) { caller in
            try demand(caller)
            return .later {
                let other = try await door.house.read { rows in try MenderKey.owner(of: digest, in: rows) }
                guard other == nil || other?.id == caller.device else {
                    throw Refusal(
                        .unauthenticated, "The key is another device's than the certificate.",
                        hint: "Let each device make its own key.", rule: "key: one device")
                }
                return try await begin(caller.device, shown)
            }
        }
    }

    /// Whoever shows a certificate proves with it who it is: its key need not be known.
    private func demand(_ caller: Caller) throws(Refusal) {
        if !caller.isBirth || caller.passport.allows(.backEnd) { try caller.requireOperational() }
    }

    private func begin(_ device: DeviceID, _ certificate: Wire.Digest?) async throws -> PlaneAnswer {
        let issued = try await door.house.perform(
            IssueMenderTicket(certificate: certificate), as: .device(device))
        return PlaneAnswer(Array(issued.ticket.utf8), type: "text/plain")
    }

    /// A look-up for somebody whose address may have used up its wrong keys and sessions: such a one gets few places.
    private func asSuspect<T: Sendable>(
        _ request: PlaneRequest, _ look: @escaping @Sendable (any Rows) throws -> T
    ) async throws -> T {
        let isSuspect = door.tokenAttempts.isSpent(request.peer.address, at: try door.house.time())
        if isSuspect { try door.suspects.enter() }
        defer { if isSuspect { door.suspects.leave() } }
        return try await door.house.read(look)
    }

    private func pending(_ key: Wire.Digest, _ request: PlaneRequest) throws -> Refusal {
        let now = try door.house.time()
        try door.tokenAttempts.demand(request.peer.address, at: now)
        door.tokenAttempts.failed(request.peer.address, at: now)
        return Refusal(
            .unauthenticated, "The key with the SHA-256 \(key) is not accepted for any device.",
            hint: "Let the device's owner accept it: lifelong device adopt-tokens.", rule: "mender: key not accepted")
    }

    // MARK: - A session goes on

    /// `work` for the device whose session it is, if it may still have one; where a certificate is shown, it has to be the same
    /// device's. Then rights are judged by what the passport says at this moment.
    func asMender(
        _ request: PlaneRequest, _ work: @escaping @Sendable (StockCaller) async throws -> PlaneAnswer
    ) throws -> PlaneOutcome {
        let header = request.headers.first(name: "Authorization") ?? ""
        guard let shown = Self.session(header) else { throw noSession() }
        let share = SHA256.hash(data: Array(header.utf8))
        return try admit(shown, share, request, otherwise: noSession(), { $0.session }, work)
    }

    /// The same for who calls the link of a download.
    func asDownload(
        _ request: PlaneRequest, _ work: @escaping @Sendable (StockCaller) async throws -> PlaneAnswer
    ) throws -> PlaneOutcome {
        let refusal = Refusal(
            .unauthenticated, "The link is not one of this device's, or its time is over.",
            hint: "Ask for the next deployment again.", rule: "mender: link")
        let text = String(request.parameters.first ?? "")
        guard let shown = ShownTicket(text) else { throw refusal }
        let share = SHA256.hash(data: Array(text.utf8))
        return try admit(shown, share, request, otherwise: refusal, { $0.download }, work)
    }

    private func admit(
        _ shown: ShownTicket, _ share: SHA256Digest, _ request: PlaneRequest, otherwise refusal: Refusal,
        _ kept: @escaping @Sendable (MenderTickets) -> MenderTickets.Ticket?,
        _ work: @escaping @Sendable (StockCaller) async throws -> PlaneAnswer
    ) throws -> PlaneOutcome {
        guard request.peer.certificate != nil else {
            try door.demandFair(token: share)
            return .later { try await work(try await find(shown, nil, request, otherwise: refusal, kept)) }
        }
        let certificate = self.certificate(of: request)
        return try door.asCaller(request) { caller in
            try demand(caller)
            guard caller.device == shown.device else { throw refusal }
            return .later { try await work(try await find(shown, certificate, request, otherwise: refusal, kept)) }
        }
    }

    private func find(
        _ shown: ShownTicket, _ certificate: Wire.Digest?, _ request: PlaneRequest, otherwise refusal: Refusal,
        _ kept: @escaping @Sendable (MenderTickets) -> MenderTickets.Ticket?
    ) async throws -> StockCaller {
        let house = door.house
        let now = try house.time()
        let found = try await asSuspect(request) { rows -> StockCaller? in
            guard let device = try Device.find(shown.device.text, in: rows), device.id == shown.device else {
                return nil
            }
            let client = try StockClient.find(device.id, in: rows)
            guard let ticket = kept(client.mender), ticket.admits(shown, over: certificate, at: now) else { return nil }
            // Without a certificate the key speaks, and the key is the tenure's.
            if certificate == nil {
                guard client.menderKey != nil, let tenure = client.tenure, device.passport.tenure?.id == tenure else {
                    return nil
                }
            }
            return StockCaller(
                device: device, client: client,
                deployment: try Deployment.current(
                    of: device, client, confirming: house.settings.confirmUpdates, at: now, in: rows),
                certificate: request.peer.certificate,
                base: HostName.origin(of: request, else: house.settings.serviceURL))
        }
        guard let found else {
            // Counted, and always 401: a client that is told to wait does not authenticate again.
            door.tokenAttempts.failed(request.peer.address, at: now)
            throw refusal
        }
        return found
    }

    func certificate(of request: PlaneRequest) -> Wire.Digest? { request.peer.sha256.map { Wire.Digest($0) } }

    private func noSession() -> Refusal {
        Refusal(
            .unauthenticated, "The session is not one of this device's, or its time is over.",
            hint: "Authenticate again: /api/devices/v1/authentication/auth_requests.", rule: "mender: session")
    }
}
