import NIOCore
import NIOHTTP1
import Pairing
import Passport
import Registry
import Trust
import Wire

/// Enrolment over Secure Transport (RFC 7030, RFC 8951), with and without a label.
struct EST: Sendable {
    let door: DeviceDoor
    static let path = "/.well-known/est"
    /// DER of a request has at most 64 KiB; base64 with line ends takes 1.4 times as much.
    private static let maximumBodyBytes = 96 * 1024

    func add(to routes: inout PlaneRoutes) {
        // strongSwan's pki can only put something before the well-known path: a label is taken there too.
        for prefix in [Self.path, Self.path + "/*", "/*" + Self.path] {
            routes.get(prefix + "/cacerts") { .now(try certificates($0)) }
            routes.get(prefix + "/csrattrs") { .now(attributes($0)) }
            routes.post(prefix + "/simpleenroll", limit: Self.maximumBodyBytes) { try enrol($0, isRenewal: false) }
            routes.post(prefix + "/simplereenroll", limit: Self.maximumBodyBytes) { try enrol($0, isRenewal: true) }
            routes.post(prefix + "/serverkeygen", limit: Self.maximumBodyBytes) { _ in
                throw Refusal(
                    .unsupported, "Keys are made on the device here.", hint: "Make a key pair and use /simpleenroll.",
                    rule: "RFC 7030 §4.4")
            }
        }
    }

    /// What an operational certificate chains to. Open to everybody, as bootstrapping needs (RFC 7030 §4.1.1). While a root is
    /// succeeded: OldWithOld, OldWithNew, NewWithOld and NewWithNew (§4.1.3).
    private func certificates(_ request: PlaneRequest) throws -> PlaneAnswer {
        let authorities = door.house.authorities
        let (issuing, roots) = (authorities.allIssuing, authorities.roots(Authorities.Name.operationalRoot))
        guard !roots.isEmpty, !issuing.isEmpty else {
            throw Refusal(.unavailable, "The authorities are not loaded.", hint: "Try again.", retryAfterSeconds: 2)
        }
        let links = authorities.links(Authorities.Name.operationalRoot)
        let all = issuing + roots + links.newWithOld + links.oldWithNew
        return answer(CertificateBundle.encode(all.map(\.certificate)), "application/pkcs7-mime", request)
    }

    private func attributes(_ request: PlaneRequest) -> PlaneAnswer {
        answer(RequestAttributes.encode(key: .p256), "application/csrattrs", request)
    }

    private func enrol(_ request: PlaneRequest, isRenewal: Bool) throws -> PlaneOutcome {
        // For a first enrolment without a certificate, a one-time code over HTTP Basic will do.
        if !isRenewal, request.peer.certificate == nil,
            let credentials = BasicCredentials(request.headers.first(name: "Authorization"))
        {
            return .later {
                let code = try await admit(credentials, from: request.peer.address)
                return try await issue(code.device, .code(code), request)
            }
        }
        return try door.asCaller(request) { caller in
            if isRenewal { try caller.requireOperational() } else { try caller.requireBirth() }
            let proof: EnrolDevice.Proof = isRenewal ? .operational(caller.shown) : .birth(caller.shown)
            return .later { try await issue(caller.device, proof, request) }
        }
    }

    private func admit(_ credentials: BasicCredentials, from address: String) async throws -> EnrolmentCode {
        let now = try door.house.time()
        try door.attempts.demand(address, at: now)
        do {
            return try await EnrolmentCode.admit(credentials.password, of: credentials.user, in: door.house)
        } catch let refusal as Refusal where refusal.code == .unauthenticated {
            door.attempts.failed(address, at: now)
            throw refusal
        }
    }

    private func issue(
        _ device: DeviceID, _ proof: EnrolDevice.Proof, _ request: PlaneRequest
    ) async throws -> PlaneAnswer {
        guard request.mediaType == "application/pkcs10" else {
            throw Refusal(
                .unsupported, "The body must be application/pkcs10.", hint: "Send base64 of a PKCS#10 request.",
                rule: "RFC 7030 §4.2.1")
        }
        let csr = try VerifiedRequest(base64Body: Array(request.body.readableBytesView))
        let der = try await EnrolDevice(device: device, request: csr, proof: proof).perform(in: door.house)
        return answer(CertificateBundle.encode([der]), "application/pkcs7-mime; smime-type=certs-only", request)
    }

    private func answer(_ der: [UInt8], _ type: String, _ request: PlaneRequest) -> PlaneAnswer {
        let layout = request.parameters.first.flatMap { door.settings.layouts[String($0)] } ?? .lines
        return PlaneAnswer(Base64Body.encode(der, layout), type: type)
    }
}
