import Crypto
import NIOCore
import NIOHTTP1
import Passport
import Registry
import Store
import Trust
import Use
import Wire

/// A client that asks for a session: its key, and what is to prove that it has the other half.
private struct MenderClaim: Sendable {
    let key: [UInt8]
    private let body: [UInt8]
    /// As it was shown, in Base64.
    private let shown: String
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
        self.body = body
        key = blocks[0].der
        shown = request.headers.first(name: "X-MEN-Signature") ?? ""
    }

    /// Costs as much as its key is large: not on an event loop.
    func prove() throws(Refusal) {
        try KeyQuality.demand(key)
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
        guard request.peer.certificate != nil else {
            return .later {
                let found = try await asSuspect(request) { () async throws -> Device? in
                    do throws(Refusal) { try claim.prove() } catch { throw try wrong(request, error) }
                    // Not before: a key that somebody else shows is not the one who shows it.
                    try door.demandFair(token: SHA256.hash(data: claim.key))
                    return try await door.house.read { rows in try MenderKey.owner(of: digest, in: rows) }
                }
                guard let found else { throw try wrong(request, MenderKey.notAccepted(digest)) }
                return try await begin(found.id, key: digest)
            }
        }
        let shown = self.certificate(of: request)
        return try door.asCaller(request) { caller in
            try demand(caller)
            return .later {
                try claim.prove()
                let other = try await door.house.read { rows in try MenderKey.owner(of: digest, in: rows) }
                guard other == nil || other?.id == caller.device else {
                    throw Refusal(
                        .unauthenticated, "The key is another device's than the certificate.",
                        hint: "Let each device make its own key.", rule: "key: one device")
                }
                return try await begin(caller.device, certificate: shown)
            }
        }
    }

    /// Whoever shows a certificate proves with it who it is: its key need not be known.
    private func demand(_ caller: Caller) throws(Refusal) {
        if !caller.isBirth || caller.passport.allows(.backEnd) { try caller.requireOperational() }
    }

    private func begin(
        _ device: DeviceID, key: Wire.Digest? = nil, certificate: Wire.Digest? = nil
    ) async throws -> PlaneAnswer {
        let issued = try await door.house.perform(
            IssueMenderTicket(key: key, certificate: certificate), as: .device(device))
        return PlaneAnswer(Array(issued.ticket.utf8), type: "text/plain")
    }

    /// Work for somebody whose address may have used up its wrong keys and sessions: such a one gets few places.
    private func asSuspect<T: Sendable>(
        _ request: PlaneRequest, _ work: @Sendable () async throws -> T
    ) async throws -> T {
        let isSuspect = door.tokenAttempts.isSpent(request.peer.address, at: try door.house.time())
        if isSuspect { try door.suspects.enter() }
        defer { if isSuspect { door.suspects.leave() } }
        return try await work()
    }

    /// A key that is not accepted, weak, or not the caller's: counted, because each costs.
    private func wrong(_ request: PlaneRequest, _ refusal: Refusal) throws(Refusal) -> Refusal {
        let now = try door.house.time()
        try door.tokenAttempts.demand(request.peer.address, at: now)
        door.tokenAttempts.failed(request.peer.address, at: now)
        return refusal
    }

    // MARK: - A session goes on

    /// `work` for the device whose session it is, if it may still have one; where a certificate is shown, it has to be the same
    /// device's. Then rights are judged by what the passport says at this moment.
    func asMender(
        _ request: PlaneRequest, _ work: @escaping @Sendable (StockCaller) async throws -> PlaneAnswer
    ) throws -> PlaneOutcome {
        let header = request.headers.first(name: "Authorization") ?? ""
        guard let shown = Self.session(header) else { throw MenderTickets.noSession }
        let share = SHA256.hash(data: Array(header.utf8))
        return try admit(shown, share, request, otherwise: MenderTickets.noSession, { $0.session }, work)
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
        let look: @Sendable (any Rows) throws -> StockCaller? = { rows in
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
        let found: StockCaller? = try await asSuspect(request) { try await house.read(look) }
        guard let found else {
            // Counted, and always 401: a client that is told to wait does not authenticate again.
            door.tokenAttempts.failed(request.peer.address, at: now)
            throw refusal
        }
        return found
    }

    func certificate(of request: PlaneRequest) -> Wire.Digest? { request.peer.sha256.map { Wire.Digest($0) } }
}
