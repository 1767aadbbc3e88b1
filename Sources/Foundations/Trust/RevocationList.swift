import Wire

/// Why a certificate was revoked (RFC 5280 §5.3.1). `unspecified` is never encoded: its extension is left out.
package enum RevocationReason: Int, Codable, Sendable, CaseIterable {
    case unspecified = 0
    case keyCompromise = 1
    case cACompromise = 2
    case affiliationChanged = 3
    case superseded = 4
    case cessationOfOperation = 5
    case certificateHold = 6
    case privilegeWithdrawn = 9
    case aACompromise = 10
}

/// One entry of a CRL.
package struct RevokedCertificate: Sendable, Equatable {
    /// As in `CertificateReference.serial`.
    package let serial: String
    package let at: Timestamp
    package let reason: RevocationReason

    package init(serial: String, at: Timestamp, reason: RevocationReason) {
        self.serial = serial
        self.at = at
        self.reason = reason
    }
}

/// A complete CRL of one authority, version 2 (RFC 5280 §5).
package struct CertificateRevocationList: Sendable {
    package let der: [UInt8]
    /// cRLNumber in hexadecimal, as it can have 20 bytes.
    package let number: String
    package let thisUpdate: Timestamp
    package let nextUpdate: Timestamp
    package let entries: [RevokedCertificate]
    private let bySerial: [String: Int]

    package func entry(for serial: String) -> RevokedCertificate? { bySerial[serial].map { entries[$0] } }

    /// DER of a new list, signed by the authority.
    /// - Parameters:
    ///   - number: greater than that of every list before it (§5.2.3).
    ///   - entries: a serial at most once.
    package static func make(
        by authority: Authority, number: UInt64, thisUpdate: Timestamp, nextUpdate: Timestamp,
        entries: [RevokedCertificate]
    ) throws -> [UInt8] {
        guard thisUpdate < nextUpdate else {
            throw Refusal(
                .malformed, "The CRL would end before it begins.", hint: "Give a later nextUpdate.",
                rule: "RFC 5280 §5.1.2.5")
        }
        var seen: Set<String> = []
        seen.reserveCapacity(entries.count)
        // One run of bytes: a list may have half a million entries.
        var revoked: [UInt8] = []
        revoked.reserveCapacity(entries.count * 52)
        let reasons = Dictionary(
            uniqueKeysWithValues: RevocationReason.allCases.map {
                ($0, $0 == .unspecified ? [] : Self.reasonExtension($0).flatMap { $0 })
            })
        for entry in entries {
            guard let serial = SerialText.bytes(entry.serial), seen.insert(entry.serial).inserted else {
                throw Refusal(
                    .malformed, "The serial \(entry.serial.prefix(48)) is broken or is to be revoked twice.",
                    hint: "Give every revoked certificate once.", rule: "RFC 5280 §5.1.2.6")
            }
            revoked += DERWriter.sequence(
                DERWriter.integer(serial), DERTime.write(entry.at), reasons[entry.reason] ?? [])
        }
        let extensions = [
            Extensions.authorityKey(authority.keyIdentifier),
            Extension(type: .cRLNumber, value: DERWriter.integer(number)),
        ]
        let tbs = DERWriter.sequence(
            of: [
                DERWriter.integer(1), authority.key.algorithm.signatureAlgorithmDER, authority.parsed.tbs.subject.der,
                DERTime.write(thisUpdate), DERTime.write(nextUpdate),
            ] + (revoked.isEmpty ? [] : [DERWriter.sequence(revoked)])
                + [DERWriter.context(0, DERWriter.sequence(of: extensions.map(\.der)))])
        return try Authority.assemble(tbs, with: authority.key)
    }

    private static func reasonExtension(_ reason: RevocationReason) -> [[UInt8]] {
        let value = DERWriter.primitive(.enumerated, [UInt8(reason.rawValue)])
        return [DERWriter.sequence(Extension(type: .reasonCode, value: value).der)]
    }
}

extension CertificateRevocationList {
    /// Reads a CRL and checks it as §6.3.3 demands: by this issuer, with its signature, current, and without anything
    /// critical that is not understood.
    /// - Parameters:
    ///   - issuer: DER of the authority's certificate, itself already trusted.
    ///   - limit: most bytes; 64 MiB hold about 1.2 million entries.
    package init(der: [UInt8], issuer: [UInt8], at: Timestamp, limit: Int = 64 << 20) throws(Refusal) {
        guard der.count <= limit else {
            throw Refusal(
                .tooLarge, "The CRL has \(der.count) bytes; \(limit) are allowed.", hint: "Divide it by scope.",
                rule: "RFC 5280 §5")
        }
        let authority = try ParsedCertificate(issuer)
        var fields = try DERNode.parse(der[...], as: "CRL").children()
        let tbs = try fields.take()
        let outer = try AlgorithmIdentifier(try fields.take())
        let signature = try fields.take().bytesOfBitString()
        try fields.end()

        let body = try RevocationListBody(tbs)
        guard Array(outer.encoded) == body.algorithm else {
            throw Self.broken("names two different signature algorithms", "RFC 5280 §5.1.1.2")
        }
        let algorithm = try SignatureAlgorithm(outer, of: "CRL")
        try body.check(against: authority)
        guard try PublicKey(spki: authority.tbs.spki).verifies(signature, over: tbs.encoded, by: algorithm) else {
            throw Refusal(
                .unauthenticated, "The signature of the CRL is wrong.", hint: "Fetch it anew from its issuer.",
                rule: "RFC 5280 §6.3.3 (g)")
        }
        guard at >= body.thisUpdate else {
            throw Refusal(
                .unauthenticated, "The CRL is from the future (\(body.thisUpdate)).", hint: "Set the clock right.",
                rule: "RFC 5280 §5.1.2.4")
        }
        guard at < body.nextUpdate else {
            throw Refusal(
                .gone, "The CRL has been out of date since \(body.nextUpdate).", hint: "Fetch the current one.",
                rule: "RFC 5280 §5.1.2.5")
        }
        self.der = der
        number = body.number
        thisUpdate = body.thisUpdate
        nextUpdate = body.nextUpdate
        entries = body.entries
        bySerial = Dictionary(
            body.entries.enumerated().map { ($1.serial, $0) }, uniquingKeysWith: { first, _ in first })
    }

    static func broken(_ what: String, _ rule: String) -> Refusal {
        Refusal(.malformed, "The CRL \(what).", hint: "Have it issued anew, as the rule demands.", rule: rule)
    }
}

/// TBSCertList of §5.1.2.
private struct RevocationListBody {
    let algorithm: [UInt8]
    let issuer: DistinguishedName
    let thisUpdate: Timestamp
    let nextUpdate: Timestamp
    let entries: [RevokedCertificate]
    let number: String
    let authorityKey: [UInt8]?

    init(_ node: DERNode) throws(Refusal) {
        var fields = try node.children()
        guard try fields.take(if: .integer)?.smallInteger() == 1 else {
            throw CertificateRevocationList.broken("is not version 2", "RFC 5280 §5.1.2.1")
        }
        algorithm = Array(try AlgorithmIdentifier(try fields.take()).encoded)
        issuer = try DistinguishedName(try fields.take())
        thisUpdate = try DERTime.read(try fields.take())
        guard let next = fields.take(if: .utcTime) ?? fields.take(if: .generalizedTime) else {
            throw CertificateRevocationList.broken("has no nextUpdate", "RFC 5280 §5.1.2.5")
        }
        nextUpdate = try DERTime.read(next)
        entries = try Self.entries(fields.take(if: .sequence))
        guard let wrapper = fields.take(if: .context(0)) else {
            throw CertificateRevocationList.broken("has no extensions", "RFC 5280 §5.2")
        }
        var inside = try wrapper.children(of: .context(0))
        let extensions = try Extension.list(try inside.take())
        try inside.end()
        try fields.end()
        (number, authorityKey) = try Self.read(extensions)
    }

    private static func read(_ extensions: [Extension]) throws(Refusal) -> (String, [UInt8]?) {
        var number: String?
        var key: [UInt8]?
        for item in extensions {
            guard !item.isCritical else {
                throw CertificateRevocationList.broken(
                    "has a critical extension that is not understood here, or must not be critical (\(item.type))",
                    item.type == .cRLNumber ? "RFC 5280 §5.2.3" : "RFC 5280 §5.2")
            }
            if item.type == .cRLNumber {
                let value = try DERNode.parse(item.value[...], as: "cRLNumber").integer()
                guard value.count <= 20, value.first.map({ $0 & 0x80 == 0 }) == true else {
                    throw CertificateRevocationList.broken("has a negative or overlong cRLNumber", "RFC 5280 §5.2.3")
                }
                number = SerialText.text(value)
            }
            if item.type == .authorityKeyIdentifier { key = try AuthorityKeyIdentifier(item.value).keyIdentifier }
        }
        guard let number else { throw CertificateRevocationList.broken("has no cRLNumber", "RFC 5280 §5.2.3") }
        return (number, key)
    }

    private static func entries(_ node: DERNode?) throws(Refusal) -> [RevokedCertificate] {
        guard let node else { return [] }
        let list = try node.children()
        guard list.count > 0 else {
            throw CertificateRevocationList.broken("writes out an empty list", "RFC 5280 §5.1.2.6")
        }
        var out: [RevokedCertificate] = []
        out.reserveCapacity(list.count)
        for item in list {
            var fields = try item.children()
            let serial = SerialText.text(try fields.take().integer())
            let date = try DERTime.read(try fields.take())
            let reason = try fields.next().map { (n) throws(Refusal) in try Self.reason(n) } ?? .unspecified
            try fields.end()
            out.append(RevokedCertificate(serial: serial, at: date, reason: reason))
        }
        return out
    }

    private static func reason(_ node: DERNode) throws(Refusal) -> RevocationReason {
        var reason = RevocationReason.unspecified
        for item in try Extension.list(node) {
            guard !item.isCritical else {
                throw CertificateRevocationList.broken(
                    "has an entry with a critical extension that is not understood (\(item.type))", "RFC 5280 §5.3")
            }
            guard item.type == .reasonCode else { continue }
            let code = try DERNode.parse(item.value[...], as: "CRL reason").smallInteger(.enumerated)
            // 8, removeFromCRL, is for deltas only; 0 is to be left out.
            guard let known = RevocationReason(rawValue: code), code != 0 else {
                throw CertificateRevocationList.broken("gives the reason \(code)", "RFC 5280 §5.3.1")
            }
            reason = known
        }
        return reason
    }

    func check(against authority: ParsedCertificate) throws(Refusal) {
        guard issuer == authority.tbs.subject, authorityKey == nil || authorityKey == authority.tbs.subjectKey else {
            throw Refusal(
                .conflict, "The CRL is by another issuer: \(issuer.readable).",
                hint: "Use the CRL of the certificate's own issuer.", rule: "RFC 5280 §6.3.3 (b)")
        }
        guard authority.tbs.isAuthority, authority.tbs.keyUsage?.contains(KeyUsageBit.cRLSign) ?? true else {
            throw Refusal(
                .unauthenticated, "The issuer's key may not sign CRLs.", hint: "Use a CRL of an authority that may.",
                rule: "RFC 5280 §6.3.3 (f)")
        }
    }
}
