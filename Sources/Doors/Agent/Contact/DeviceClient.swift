import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOSSL
import Trust
import Wire

/// The device API and EST as one device with one certificate calls them. Holds no state: `Agent` keeps it on a disk, a
/// simulator in memory.
package struct DeviceClient: Sendable {
    package static let agent = "lifelong-agent/0.1.0"
    /// Bound of every answer but an artifact, in bytes.
    static let largestAnswerBytes = 1 << 20

    let transport: DeviceTransport
    /// "https://devices.example:8443"
    let service: String
    let tls: TLSConfiguration

    /// - Parameters:
    ///   - service: from birth.
    ///   - identity: the birth identity, or an operational one.
    package init(service: ServiceAnchor, identity: ClientIdentity, transport: DeviceTransport) throws(Refusal) {
        self.transport = transport
        self.service = try Self.base(service.url)
        var anchors: [[UInt8]] = []
        for text in service.anchors.prefix(16) {
            guard let der = Base64.decode(text) else {
                throw Refusal(
                    .malformed, "An anchor of the service is not base64.", hint: "Give the unit back to its station.")
            }
            anchors.append(der)
        }
        tls = try identity.tlsConfiguration(anchors: anchors)
    }

    /// What the device learns of itself in one call.
    /// - Parameter succession: number of the last succession of release keys that it followed.
    package func status(after succession: Int = 0) async throws(ContactFailure) -> DeviceStatus {
        let query = succession > 0 ? "?\(DeviceAPI.succession)=\(succession)" : ""
        return try json(try await exchange(.GET, DeviceAPI.status + query))
    }

    /// Over the operational certificate.
    package func checkIn(_ report: CheckInReport) async throws(ContactFailure) -> DesiredState {
        try json(try await exchange(.POST, DeviceAPI.checkIn, body: try encode(report), type: "application/json"))
    }

    /// The payload key of an encrypted release, for the operational key that the connection shows.
    /// - Parameter release: digest of its manifest.
    package func envelope(of release: Digest) async throws(ContactFailure) -> KeyEnvelope {
        let sent: PayloadEnvelope = try json(try await exchange(.GET, DeviceAPI.envelopes + "\(release)"))
        guard let encapsulated = Base64.decode(sent.encapsulated), let ciphertext = Base64.decode(sent.ciphertext)
        else {
            throw .nonsense(
                Refusal(
                    .malformed, "The envelope of a release is not base64.", hint: "Check the service's version."))
        }
        return KeyEnvelope(encapsulated: encapsulated, ciphertext: ciphertext)
    }

    /// Delivers a receipt; returns once the service has it on its disk.
    package func send(_ receipt: Receipt, signedBy key: any SigningKey) async throws(ContactFailure) {
        let seal: Seal
        do {
            seal = try Seal.sign(
                type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(receipt), with: key)
        } catch {
            throw .from(error, service: service)
        }
        try await send(seal)
    }

    package func send(_ receipt: Seal) async throws(ContactFailure) {
        _ = try await exchange(.POST, DeviceAPI.receipts, body: try encode(receipt), type: "application/json")
    }

    // MARK: - One exchange

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]
    }

    /// Sends a request and takes the whole answer; anything but 2xx is a refusal.
    func exchange(
        _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil, type: String? = nil, limit: Int = largestAnswerBytes
    ) async throws(ContactFailure) -> Answer {
        let began = ContinuousClock.now
        do throws(ContactFailure) {
            let answer = try await send(try request(method, path, body: body, type: type), limit: limit)
            transport.observe?(.now - began, nil)
            return answer
        } catch {
            transport.observe?(.now - began, error)
            throw error
        }
    }

    private func send(_ request: HTTPClientRequest, limit: Int) async throws(ContactFailure) -> Answer {
        let http = transport.http
        let answer: Answer
        do {
            answer = try await within(transport.limits.exchange) {
                let response = try await http.execute(request, deadline: .distantFuture)
                let body = try await response.body.collect(upTo: limit)
                return Answer(
                    status: Int(response.status.code), headers: response.headers, body: Array(body.readableBytesView))
            }
        } catch {
            throw .from(error, service: service)
        }
        guard (200..<300).contains(answer.status) else { throw .refused(Self.refusal(of: answer)) }
        return answer
    }

    func request(
        _ method: HTTPMethod, _ path: String, body: [UInt8]? = nil, type: String? = nil
    ) throws(ContactFailure) -> HTTPClientRequest {
        // The service may name a path of its own, never another host.
        guard path.hasPrefix("/"), !path.hasPrefix("//"), path.utf8.count <= 1024,
            path.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 92 })
        else {
            throw .nonsense(
                Refusal(
                    .malformed, "The service named a path that is none.", hint: "Check the service's version."))
        }
        var request = HTTPClientRequest(url: service + path)
        request.method = method
        request.tlsConfiguration = tls
        request.headers.add(name: "User-Agent", value: Self.agent)
        request.headers.add(name: "Accept", value: "*/*")
        if let type { request.headers.add(name: "Content-Type", value: type) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    private func encode(_ value: some Encodable) throws(ContactFailure) -> [UInt8] {
        do { return try CanonicalJSON.encode(value) } catch { throw .from(error, service: service) }
    }

    private func json<T: Decodable>(_ answer: Answer) throws(ContactFailure) -> T {
        do {
            return try CanonicalJSON.decode(T.self, from: answer.body, limit: Self.largestAnswerBytes)
        } catch {
            throw .nonsense(error)
        }
    }

    /// Nobody is told to wait longer than a day, by whatever number.
    static func bounded(_ seconds: Int) -> Int { min(max(seconds, 0), 86_400) }

    /// The service's own words if it sent a `Refusal`, otherwise what the HTTP status says.
    static func refusal(of answer: Answer) -> Refusal {
        let seconds = answer.headers.first(name: "Retry-After").flatMap { Int($0) }.map(bounded)
        if var refusal = try? CanonicalJSON.decode(Refusal.self, from: answer.body, limit: 64 * 1024),
            refusal.httpStatus == answer.status
        {
            refusal.retryAfterSeconds = refusal.retryAfterSeconds.map(bounded) ?? seconds
            return refusal
        }
        let code =
            Refusal.Code.allCases.first { Refusal($0, "", hint: "").httpStatus == answer.status }
            ?? (answer.status >= 500 ? .unavailable : .malformed)
        return Refusal(
            code, "The service answered \(answer.status) without a reason.", hint: "Look into the service's log.",
            retryAfterSeconds: seconds)
    }

    /// The URL without a slash at its end. Only https: a device has no use for a service that proves nothing.
    static func base(_ url: String) throws(Refusal) -> String {
        guard let parts = URLComponents(string: url), parts.scheme == "https", parts.host?.isEmpty == false,
            parts.user == nil, parts.query == nil, parts.fragment == nil, parts.path.isEmpty || parts.path == "/"
        else {
            throw Refusal(
                .malformed, "The service's address \"\(url.prefix(200))\" is not https://HOST[:PORT].",
                hint: "Correct the address in the permit and give the unit back to its station.")
        }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }
}
