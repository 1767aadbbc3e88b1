import Wire

extension ChainVerifier {
    /// What the certificate is shown for. Birth and operational certificates are never taken for each other (IEEE
    /// 802.1AR §6: an IDevID is for proving origin, an LDevID for working).
    package enum Purpose: Sendable, Equatable {
        /// An IEEE 802.1AR IDevID.
        case birth
        /// An LDevID of this fleet.
        case operational
        /// Any TLS client.
        case client
        /// A TLS server under this DNS name or IP address.
        case server(String)
        case any

        /// The extended key usage that every certificate of the path with that extension must allow.
        var usage: OID? {
            switch self {
            case .birth, .any: nil
            case .operational, .client: .clientAuthentication
            case .server: .serverAuthentication
            }
        }

        func check(_ tbs: TBSCertificate) throws(Refusal) {
            switch self {
            case .birth: try Self.checkBirth(tbs)
            case .operational: try Self.checkOperational(tbs)
            case .server(let name): try Self.checkName(tbs, name)
            case .client, .any: break
            }
            if let usage { try Self.checkUsage(tbs, usage) }
        }

        static func checkUsage(_ tbs: TBSCertificate, _ usage: OID) throws(Refusal) {
            guard let allowed = tbs.extendedKeyUsage else { return }
            guard allowed.contains(usage) || allowed.contains(.anyExtendedKeyUsage) else {
                throw wrong("The certificate is not for this purpose (it lacks \(usage)).", "RFC 5280 §4.2.1.12")
            }
        }

        private static func checkBirth(_ tbs: TBSCertificate) throws(Refusal) {
            try checkDevice(tbs)
            switch tbs.kind {
            case .birth, nil: break
            case .operational:
                throw wrong(
                    "This is an operational certificate; here a birth certificate is needed.", "IEEE 802.1AR §6",
                    hint: "Authenticate with the certificate that the factory put into the device.")
            case .some(let kind):
                throw wrong("A certificate of kind \(kind.rawValue) is no birth certificate.", "IEEE 802.1AR §8.10")
            }
            guard let serial = tbs.subject.text(of: .serialNumber), (1...64).contains(serial.utf8.count) else {
                throw wrong("The certificate's subject has no serialNumber.", "IEEE 802.1AR §8.6")
            }
        }

        private static func checkOperational(_ tbs: TBSCertificate) throws(Refusal) {
            try checkDevice(tbs)
            switch tbs.kind {
            case .operational: break
            case .birth:
                throw wrong(
                    "This is a birth certificate; here an operational certificate is needed.", "IEEE 802.1AR §6",
                    hint: "Pair and enrol the device, and authenticate with what it then gets.")
            default:
                throw wrong("The certificate is no operational certificate of a device.", "RFC 5280 §4.2.1.12")
            }
        }

        private static func checkDevice(_ tbs: TBSCertificate) throws(Refusal) {
            guard !tbs.isAuthority else {
                throw wrong("An authority's certificate (CA:TRUE) cannot be a device's.", "IEEE 802.1AR §8.10")
            }
            guard let usage = tbs.keyUsage, usage.contains(KeyUsageBit.digitalSignature) else {
                throw wrong("The certificate's keyUsage lacks digitalSignature.", "IEEE 802.1AR §8.10")
            }
            guard usage.isDisjoint(with: [KeyUsageBit.keyCertSign, KeyUsageBit.cRLSign]) else {
                throw wrong("A device's key may not sign certificates or CRLs.", "IEEE 802.1AR §8.10")
            }
        }

        private static func checkName(_ tbs: TBSCertificate, _ name: String) throws(Refusal) {
            let address = HostName.address(name)
            let isNamed = tbs.alternativeNames.contains { candidate in
                switch candidate {
                case .dns(let pattern): address == nil && HostName.matches(pattern: pattern, host: name)
                case .ip(let octets): octets == address
                default: false
                }
            }
            guard isNamed else {
                throw wrong(
                    "The server's certificate does not name \"\(name.prefix(253))\".", "RFC 9525 §6",
                    hint: "Use a name that stands in its subjectAltName, or have the certificate issued anew.")
            }
        }

        private static func wrong(
            _ detail: String, _ rule: String, hint: String = "Present a certificate that was issued for this purpose."
        ) -> Refusal { Refusal(.forbidden, detail, hint: hint, rule: rule) }
    }
}
