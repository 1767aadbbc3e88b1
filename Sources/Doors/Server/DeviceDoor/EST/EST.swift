import HTTPTypes
import Hummingbird
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

    func add(to router: Router<DeviceContext>) {
        // strongSwan's pki can only put something before the well-known path: a label is taken there too.
        for prefix in [Self.path, Self.path + "/:label", "/:label" + Self.path] {
            router.get(RouterPath(prefix + "/cacerts")) { _, context in try certificates(context) }
            router.get(RouterPath(prefix + "/csrattrs")) { _, context in try attributes(context) }
            router.post(RouterPath(prefix + "/simpleenroll")) { request, context in
                try await enrol(request, context, isRenewal: false)
            }
            router.post(RouterPath(prefix + "/simplereenroll")) { request, context in
                try await enrol(request, context, isRenewal: true)
            }
            router.post(RouterPath(prefix + "/serverkeygen")) { _, _ -> Response in
                throw Refusal(
                    .unsupported, "Keys are made on the device here.", hint: "Make a key pair and use /simpleenroll.",
                    rule: "RFC 7030 §4.4")
            }
        }
    }

    /// What an operational certificate chains to. Open to everybody, as bootstrapping needs (RFC 7030 §4.1.1).
    private func certificates(_ context: DeviceContext) throws -> Response {
        guard let root = door.house.authorities.known(Authorities.Name.operationalRoot),
            let issuing = door.house.authorities.known(Authorities.Name.issuing)
        else {
            throw Refusal(.unavailable, "The authorities are not loaded.", hint: "Try again.", retryAfterSeconds: 2)
        }
        let bundle = CertificateBundle.encode([issuing.certificate, root.certificate])
        return Self.answer(bundle, "application/pkcs7-mime", layout(context))
    }

    private func attributes(_ context: DeviceContext) throws -> Response {
        Self.answer(RequestAttributes.encode(key: .p256), "application/csrattrs", layout(context))
    }

    private func enrol(_ request: Request, _ context: DeviceContext, isRenewal: Bool) async throws -> Response {
        let (device, proof) = try await caller(request, context, isRenewal: isRenewal)
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() }
        guard type == "application/pkcs10" else {
            throw Refusal(
                .unsupported, "The body must be application/pkcs10.", hint: "Send base64 of a PKCS#10 request.",
                rule: "RFC 7030 §4.2.1")
        }
        let csr = try VerifiedRequest(base64Body: try await door.body(of: request, limit: Self.maximumBodyBytes))
        let der = try await EnrolDevice(device: device, request: csr, proof: proof).perform(in: door.house)
        return Self.answer(
            CertificateBundle.encode([der]), "application/pkcs7-mime; smime-type=certs-only", layout(context))
    }

    /// By its certificate; or, for a first enrolment without one, by a one-time code over HTTP Basic.
    private func caller(
        _ request: Request, _ context: DeviceContext, isRenewal: Bool
    ) async throws -> (DeviceID, EnrolDevice.Proof) {
        if !isRenewal, context.peer?.certificate == nil,
            let credentials = BasicCredentials(request.headers[.authorization])
        {
            let code = try await EnrolmentCode.admit(credentials.password, of: credentials.user, in: door.house)
            return (code.device, .code(code))
        }
        let caller = try await door.authentication.caller(context)
        if isRenewal { try caller.requireOperational() } else { try caller.requireBirth() }
        return (caller.device.id, isRenewal ? .operational(caller.shown) : .birth(caller.shown))
    }

    private func layout(_ context: DeviceContext) -> Base64Body.Layout {
        context.parameters.get("label").flatMap { door.settings.layouts[$0] } ?? .lines
    }

    private static func answer(_ der: [UInt8], _ type: String, _ layout: Base64Body.Layout) -> Response {
        Answers.bytes(Base64Body.encode(der, layout), type: type)
    }
}
