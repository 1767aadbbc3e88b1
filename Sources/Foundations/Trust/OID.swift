/// An object identifier as the content octets of its DER (X.690 §8.19), so that comparing and copying cost nothing.
package struct OID: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// Content octets, without tag and length.
    package let content: [UInt8]

    init(content: [UInt8]) { self.content = content }

    /// For literals in the source; traps on fewer than two arcs.
    package init(arrayLiteral arcs: UInt64...) {
        precondition(arcs.count >= 2 && arcs[0] <= 2)
        content = Self.base128(arcs[0] * 40 + arcs[1]) + arcs.dropFirst(2).flatMap(Self.base128)
    }

    /// Reads dotted decimal, 2 to 32 arcs ("1.3.6.1.4.1.59999.1").
    package init?(_ dotted: String) {
        let parts = dotted.split(separator: ".", omittingEmptySubsequences: false)
        let arcs = parts.compactMap { part in part.allSatisfy { $0.isASCII && $0.isNumber } ? UInt64(part) : nil }
        guard (2...32).contains(parts.count), arcs.count == parts.count, arcs[0] <= 2, arcs[1] < 40 || arcs[0] == 2,
            arcs[1] <= UInt64.max - 80
        else { return nil }
        content = Self.base128(arcs[0] * 40 + arcs[1]) + arcs.dropFirst(2).flatMap(Self.base128)
    }

    package var description: String {
        var arcs: [UInt64] = []
        var value: UInt64 = 0
        for byte in content {
            guard value < UInt64.max >> 7 else { return "OID " + content.map { String($0, radix: 16) }.joined() }
            value = value << 7 | UInt64(byte & 0x7f)
            if byte & 0x80 == 0 {
                arcs.append(value)
                value = 0
            }
        }
        guard let first = arcs.first else { return "" }
        let top = min(first / 40, 2)
        return ([top, first - top * 40] + arcs.dropFirst()).map(String.init).joined(separator: ".")
    }

    private static func base128(_ value: UInt64) -> [UInt8] {
        var out = [UInt8(value & 0x7f)]
        var rest = value >> 7
        while rest > 0 {
            out.insert(UInt8(rest & 0x7f) | 0x80, at: 0)
            rest >>= 7
        }
        return out
    }
}

/// Names of the standards, in the order of their arcs.
extension OID {
    // Public keys and curves (RFC 5480, RFC 8017, RFC 8410).
    static let ecPublicKey: OID = [1, 2, 840, 10045, 2, 1]
    static let secp256r1: OID = [1, 2, 840, 10045, 3, 1, 7]
    static let secp384r1: OID = [1, 3, 132, 0, 34]
    static let secp521r1: OID = [1, 3, 132, 0, 35]
    static let rsaEncryption: OID = [1, 2, 840, 113549, 1, 1, 1]
    static let ed25519: OID = [1, 3, 101, 112]
    // Signatures (RFC 5758, RFC 8017).
    static let ecdsaSHA256: OID = [1, 2, 840, 10045, 4, 3, 2]
    static let ecdsaSHA384: OID = [1, 2, 840, 10045, 4, 3, 3]
    static let ecdsaSHA512: OID = [1, 2, 840, 10045, 4, 3, 4]
    static let rsaSHA256: OID = [1, 2, 840, 113549, 1, 1, 11]
    static let rsaSHA384: OID = [1, 2, 840, 113549, 1, 1, 12]
    static let rsaSHA512: OID = [1, 2, 840, 113549, 1, 1, 13]
    static let rsaPSS: OID = [1, 2, 840, 113549, 1, 1, 10]
    static let mgf1: OID = [1, 2, 840, 113549, 1, 1, 8]
    // Encryption (RFC 8017, RFC 3565, RFC 5753).
    static let rsaOAEP: OID = [1, 2, 840, 113549, 1, 1, 7]
    static let aes256CBC: OID = [2, 16, 840, 1, 101, 3, 4, 1, 42]
    static let aes256Wrap: OID = [2, 16, 840, 1, 101, 3, 4, 1, 45]
    static let dhSHA256KDF: OID = [1, 3, 132, 1, 11, 1]
    static let dhSHA384KDF: OID = [1, 3, 132, 1, 11, 2]
    // Digests.
    static let sha1: OID = [1, 3, 14, 3, 2, 26]
    static let sha256: OID = [2, 16, 840, 1, 101, 3, 4, 2, 1]
    static let sha384: OID = [2, 16, 840, 1, 101, 3, 4, 2, 2]
    static let sha512: OID = [2, 16, 840, 1, 101, 3, 4, 2, 3]
    // Attributes of names (X.520).
    static let commonName: OID = [2, 5, 4, 3]
    static let serialNumber: OID = [2, 5, 4, 5]
    static let countryName: OID = [2, 5, 4, 6]
    static let localityName: OID = [2, 5, 4, 7]
    static let stateOrProvinceName: OID = [2, 5, 4, 8]
    static let organizationName: OID = [2, 5, 4, 10]
    static let organizationalUnitName: OID = [2, 5, 4, 11]
    static let domainComponent: OID = [0, 9, 2342, 19_200_300, 100, 1, 25]
    static let emailAddress: OID = [1, 2, 840, 113549, 1, 9, 1]
    // Extensions (RFC 5280 §4.2, §5.2; RFC 9608).
    static let subjectKeyIdentifier: OID = [2, 5, 29, 14]
    static let keyUsage: OID = [2, 5, 29, 15]
    static let subjectAlternativeName: OID = [2, 5, 29, 17]
    static let issuerAlternativeName: OID = [2, 5, 29, 18]
    static let basicConstraints: OID = [2, 5, 29, 19]
    static let cRLNumber: OID = [2, 5, 29, 20]
    static let reasonCode: OID = [2, 5, 29, 21]
    static let invalidityDate: OID = [2, 5, 29, 24]
    static let deltaCRLIndicator: OID = [2, 5, 29, 27]
    static let issuingDistributionPoint: OID = [2, 5, 29, 28]
    static let certificateIssuer: OID = [2, 5, 29, 29]
    static let nameConstraints: OID = [2, 5, 29, 30]
    static let cRLDistributionPoints: OID = [2, 5, 29, 31]
    static let certificatePolicies: OID = [2, 5, 29, 32]
    static let policyMappings: OID = [2, 5, 29, 33]
    static let authorityKeyIdentifier: OID = [2, 5, 29, 35]
    static let policyConstraints: OID = [2, 5, 29, 36]
    static let extendedKeyUsage: OID = [2, 5, 29, 37]
    static let freshestCRL: OID = [2, 5, 29, 46]
    static let inhibitAnyPolicy: OID = [2, 5, 29, 54]
    static let noRevocationAvailable: OID = [2, 5, 29, 56]
    static let authorityInformationAccess: OID = [1, 3, 6, 1, 5, 5, 7, 1, 1]
    static let subjectInformationAccess: OID = [1, 3, 6, 1, 5, 5, 7, 1, 11]
    static let mudURL: OID = [1, 3, 6, 1, 5, 5, 7, 1, 25]
    static let masaURL: OID = [1, 3, 6, 1, 5, 5, 7, 1, 32]
    // Purposes (RFC 5280 §4.2.1.12) and access methods.
    static let anyExtendedKeyUsage: OID = [2, 5, 29, 37, 0]
    static let serverAuthentication: OID = [1, 3, 6, 1, 5, 5, 7, 3, 1]
    static let clientAuthentication: OID = [1, 3, 6, 1, 5, 5, 7, 3, 2]
    static let ocspSigning: OID = [1, 3, 6, 1, 5, 5, 7, 3, 9]
    static let accessOCSP: OID = [1, 3, 6, 1, 5, 5, 7, 48, 1]
    static let accessIssuers: OID = [1, 3, 6, 1, 5, 5, 7, 48, 2]
    // Other names (RFC 4108, RFC 4043).
    static let hardwareModuleName: OID = [1, 3, 6, 1, 5, 5, 7, 8, 4]
    static let permanentIdentifier: OID = [1, 3, 6, 1, 5, 5, 7, 8, 3]
    // OCSP (RFC 6960).
    static let ocspBasic: OID = [1, 3, 6, 1, 5, 5, 7, 48, 1, 1]
    static let ocspNonce: OID = [1, 3, 6, 1, 5, 5, 7, 48, 1, 2]
    static let ocspNoCheck: OID = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5]
    // PKCS#7 and PKCS#9 (RFC 5652, RFC 2985, RFC 9908).
    static let pkcs7Data: OID = [1, 2, 840, 113549, 1, 7, 1]
    static let pkcs7SignedData: OID = [1, 2, 840, 113549, 1, 7, 2]
    static let pkcs7EnvelopedData: OID = [1, 2, 840, 113549, 1, 7, 3]
    static let challengePassword: OID = [1, 2, 840, 113549, 1, 9, 7]
    static let extensionRequest: OID = [1, 2, 840, 113549, 1, 9, 14]
}
