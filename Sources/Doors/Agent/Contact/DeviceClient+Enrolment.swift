import NIOCore
import NIOHTTP1
import SwiftASN1
import Trust
import Wire

/// What EST answers to a request for a certificate.
package enum EnrolmentAnswer: Sendable, Equatable {
    /// The certificates of the answer, the device's own among them (RFC 7030 §4.2.3).
    case issued([[UInt8]])
    /// Repeat the identical request after so many seconds (RFC 7030 §4.2.3, 202).
    case later(seconds: Int)
}

/// EST (RFC 7030, clarified by RFC 8951), bodies in base64 both ways.
extension DeviceClient {
    /// RFC 7030 §4.1: the certificates that the service's authorities are known by.
    /// - Parameter enrol: path of the EST service, from `DeviceStatus.enrol`.
    package func authorityCertificates(enrol: String) async throws(ContactFailure) -> [[UInt8]] {
        try bundle(try await exchange(.GET, enrol + "/cacerts"))
    }

    /// RFC 7030 §4.5: which kind of key the service wants. P-256 where it does not say or says what we cannot make.
    package func requestedKey(enrol: String) async throws(ContactFailure) -> KeyAlgorithm {
        let answer: Answer
        do {
            answer = try await exchange(.GET, enrol + "/csrattrs")
        } catch .refused(let refusal) where refusal.code == .notFound {
            return .p256
        }
        guard answer.status != 204, let der = Base64.decode(answer.body) else { return .p256 }
        return RequestedKey.read(der)
    }

    /// RFC 7030 §4.2.1, over the birth certificate.
    /// - Parameter request: DER of PKCS#10.
    package func enrol(_ request: [UInt8], at enrol: String) async throws(ContactFailure) -> EnrolmentAnswer {
        try await post(request, to: enrol + "/simpleenroll")
    }

    /// RFC 7030 §4.2.2, over the operational certificate that is being renewed.
    package func renew(_ request: [UInt8], at enrol: String) async throws(ContactFailure) -> EnrolmentAnswer {
        try await post(request, to: enrol + "/simplereenroll")
    }

    private func post(_ request: [UInt8], to path: String) async throws(ContactFailure) -> EnrolmentAnswer {
        let body = Array(Base64.encodeLines(request, width: 64).utf8)
        let answer = try await exchange(.POST, path, body: body, type: "application/pkcs10")
        guard answer.status != 202 else {
            let seconds = answer.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 60
            return .later(seconds: min(max(seconds, 1), 86_400))
        }
        return .issued(try bundle(answer))
    }

    private func bundle(_ answer: Answer) throws(ContactFailure) -> [[UInt8]] {
        let type = answer.headers.first(name: "Content-Type")?.lowercased() ?? ""
        guard type.hasPrefix("application/pkcs7-mime"), let der = Base64.decode(answer.body) else {
            throw .nonsense(
                Refusal(
                    .malformed, "The enrolment service did not answer with base64 of application/pkcs7-mime.",
                    hint: "Check the address of the service.", rule: "RFC 8951 §3.1"))
        }
        do {
            return try CertificateBundle.decode(der)
        } catch {
            throw .nonsense(error)
        }
    }
}

/// Reads the answer of /csrattrs (RFC 7030 §4.5.2): a SEQUENCE of object identifiers and attributes.
package enum RequestedKey {
    private static let secp256r1: ASN1ObjectIdentifier = [1, 2, 840, 10045, 3, 1, 7]
    private static let secp384r1: ASN1ObjectIdentifier = [1, 3, 132, 0, 34]

    package static func read(_ der: [UInt8]) -> KeyAlgorithm {
        guard der.count <= 64 * 1024, let root = try? DER.parse(der) else { return .p256 }
        var found: Set<ASN1ObjectIdentifier> = []
        collect(root, into: &found, depth: 0)
        return found.contains(secp384r1) && !found.contains(secp256r1) ? .p384 : .p256
    }

    private static func collect(_ node: ASN1Node, into found: inout Set<ASN1ObjectIdentifier>, depth: Int) {
        if node.identifier == .objectIdentifier, let oid = try? ASN1ObjectIdentifier(derEncoded: node) {
            found.insert(oid)
        }
        guard depth < 8, case .constructed(let children) = node.content else { return }
        for child in children { collect(child, into: &found, depth: depth + 1) }
    }
}
