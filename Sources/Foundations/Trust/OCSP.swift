import Crypto
import Wire

/// The Online Certificate Status Protocol (RFC 6960), with nonces after RFC 9654.
package enum OCSP {
    /// Names a certificate by hashes of its issuer's name and key, and its serial (RFC 6960 §4.1.1).
    package struct CertificateID: Sendable, Equatable {
        package enum Hash: Sendable, Equatable {
            case sha1, sha256

            func callAsFunction(_ bytes: some Sequence<UInt8>) -> [UInt8] {
                switch self {
                case .sha1: Array(Insecure.SHA1.hash(data: Array(bytes)))
                case .sha256: Array(SHA256.hash(data: Array(bytes)))
                }
            }

            var oid: OID { self == .sha1 ? .sha1 : .sha256 }
        }

        package let hash: Hash
        package let issuerNameHash: [UInt8]
        package let issuerKeyHash: [UInt8]
        /// As in `CertificateReference.serial`.
        package let serial: String
        /// As it was asked: a response repeats it byte for byte.
        package let der: [UInt8]

        /// - Parameter issuer: DER of the issuer's certificate.
        package init(of serial: String, issuer: [UInt8], hash: Hash = .sha256) throws(Refusal) {
            guard let number = SerialText.bytes(serial) else {
                throw Refusal(
                    .malformed, "\"\(serial.prefix(48))\" is no serial number.",
                    hint: "Give 1 to 20 bytes in hexadecimal.", rule: "RFC 5280 §4.1.2.2")
            }
            let (name, key) = try Self.hashes(of: try ParsedCertificate(issuer), hash)
            self.hash = hash
            self.serial = serial
            issuerNameHash = name
            issuerKeyHash = key
            let algorithm = DERWriter.sequence(DERWriter.oid(hash.oid), DERWriter.null)
            der = DERWriter.sequence(
                algorithm, DERWriter.octets(name), DERWriter.octets(key), DERWriter.integer(number))
        }

        init(_ node: DERNode) throws(Refusal) {
            var fields = try node.children()
            let algorithm = try AlgorithmIdentifier(try fields.take())
            switch algorithm.oid {
            case .sha1: hash = .sha1
            case .sha256: hash = .sha256
            default:
                throw Refusal(
                    .malformed, "The CertID uses a hash that is not supported (\(algorithm.oid)).",
                    hint: "Use SHA-256 or SHA-1.", rule: "RFC 6960 §4.3")
            }
            guard algorithm.parameters == nil || algorithm.parametersAreNull else {
                throw node.wrong("a hash with parameters")
            }
            issuerNameHash = Array(try fields.take().octets())
            issuerKeyHash = Array(try fields.take().octets())
            let number = try fields.take().integer()
            try fields.end()
            guard number.count <= 21, number.first.map({ $0 & 0x80 == 0 }) == true else {
                throw node.wrong("a serial number that is negative or too long")
            }
            serial = SerialText.text(number)
            der = Array(node.encoded)
        }

        /// Whether it names a certificate of this authority, issued or not.
        package func isIssued(by authority: Authority) -> Bool { isIssued(by: authority.parsed) }

        func isIssued(by issuer: ParsedCertificate) -> Bool {
            guard let (name, key) = try? Self.hashes(of: issuer, hash) else { return false }
            return name == issuerNameHash && key == issuerKeyHash
        }

        /// The same certificate under the same hash; the encodings may differ in the hash's NULL parameters.
        func names(theSameAs other: CertificateID) -> Bool {
            hash == other.hash && issuerNameHash == other.issuerNameHash && issuerKeyHash == other.issuerKeyHash
                && serial == other.serial
        }

        private static func hashes(
            of issuer: ParsedCertificate, _ hash: Hash
        ) throws(Refusal) -> (name: [UInt8], key: [UInt8]) {
            var fields = try DERNode.parse(issuer.tbs.spki[...], as: "public key").children()
            _ = try fields.take()
            return (hash(issuer.tbs.subject.der), hash(try fields.take().bytesOfBitString()))
        }
    }

    /// CertStatus.
    package enum Status: Sendable, Equatable {
        case good
        case revoked(at: Timestamp, reason: RevocationReason)
        case unknown
    }

    /// The answers without a signature (RFC 6960 §4.2.1).
    package enum Failure: UInt8, Sendable, CaseIterable {
        case malformedRequest = 1
        case internalError = 2
        case tryLater = 3
        case sigRequired = 5
        case unauthorized = 6
    }

    /// DER OCSPResponse that says only why there is no answer.
    package static func failure(_ failure: Failure) -> [UInt8] {
        DERWriter.sequence(DERWriter.primitive(.enumerated, [failure.rawValue]))
    }

    /// What a client asked.
    package struct Request: Sendable {
        /// At least one, in the order asked.
        package let certificates: [CertificateID]
        /// To be echoed exactly; nil where none was sent, or one outside the 16 to 32 octets that are answered
        /// (RFC 9654 §2.1). An answer with a nonce is never kept for others.
        package let nonce: [UInt8]?
    }
}
