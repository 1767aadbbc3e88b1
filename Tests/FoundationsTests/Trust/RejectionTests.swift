import Testing
import Wire

@testable import Trust

/// STANDARDS §1 "Must reject", rule by rule: each case is a good operational certificate with one thing wrong.
@Suite struct `A certificate that breaks a rule` {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the refusal's rule must contain.
        let rule: String
        let spoil: @Sendable (inout Forgery) throws -> Void
        init(_ name: String, _ rule: String, _ spoil: @escaping @Sendable (inout Forgery) throws -> Void) {
            testDescription = name
            self.rule = rule
            self.spoil = spoil
        }
    }

    static let unknown: OID = [1, 3, 6, 1, 4, 1, 59999, 77]

    static let cases: [Case] = [
        Case("unknown critical extension", "RFC 5280 §4.2") {
            $0.extensions.append(Extension(type: unknown, critical: true, value: DERWriter.null).der)
        },
        Case("duplicate extension", "RFC 5280 §4.2") { $0.extensions.append($0.extensions[0]) },
        Case("two signature algorithms", "RFC 5280 §4.1.1.2") {
            $0.innerAlgorithm = SignatureAlgorithm.ecdsaSHA384.der
        },
        Case("serial zero", "RFC 5280 §4.1.2.2") { $0.serial = [2, 1, 0] },
        Case("serial negative", "RFC 5280 §4.1.2.2") { $0.serial = [2, 2, 0x80, 1] },
        Case("serial of 21 bytes", "RFC 5280 §4.1.2.2") { $0.serial = [2, 21] + [UInt8](repeating: 0x11, count: 21) },
        Case("serial with superfluous zero", "X.690") { $0.serial = [2, 3, 0, 1, 1] },
        Case("bytes after the end", "X.690") { $0.suffix = [0] },
        Case("BOOLEAN of 1", "X.690") {
            $0.extensions[0] = DERWriter.sequence(
                DERWriter.oid(.keyUsage), DERWriter.primitive(.boolean, [1]), DERWriter.octets([3, 2, 7, 0x80]))
        },
        Case("critical FALSE written out", "X.690") {
            $0.extensions[0] = DERWriter.sequence(
                DERWriter.oid(.keyUsage), DERWriter.boolean(false), DERWriter.octets([3, 2, 7, 0x80]))
        },
        Case("indefinite length", "X.690") { $0.subject = [0x30, 0x80, 0, 0] },
        Case("length in more bytes than needed", "X.690") { $0.serial = [2, 0x81, 1, 5] },
        Case("bit string with loose bits", "X.690") {
            $0.extensions[0] = Extension(type: .keyUsage, critical: true, value: [3, 2, 6, 0x80]).der
        },
        Case("authority (CA TRUE) as a device", "IEEE 802.1AR") {
            $0.extensions += Extensions.authority(pathLength: nil).prefix(1).map(\.der)
        },
        Case("keyCertSign without CA TRUE", "RFC 5280 §4.2.1.9") {
            $0.extensions[0] = Extension(type: .keyUsage, critical: true, value: DERWriter.namedBits([0, 5])).der
        },
        Case("no authorityKeyIdentifier", "RFC 5280 §4.2.1.1") { $0.extensions.removeLast() },
        Case("authorityKeyIdentifier without the key", "RFC 5280 §4.2.1.1") {
            $0.extensions[2] = Extension(type: .authorityKeyIdentifier, value: DERWriter.sequence()).der
        },
        Case("critical authorityKeyIdentifier", "RFC 5280 §4.2.1.1") {
            $0.extensions[2] =
                Extension(
                    type: .authorityKeyIdentifier, critical: true,
                    value: DERWriter.sequence(DERWriter.primitive(.context(0), [1]))
                ).der
        },
        Case("SHA-1", "RFC 6194") {
            let sha1 = DERWriter.sequence(DERWriter.oid([1, 2, 840, 10045, 4, 1]))
            ($0.innerAlgorithm, $0.outerAlgorithm) = (sha1, sha1)
        },
        Case("MD5", "RFC 6151") {
            let md5 = DERWriter.sequence(DERWriter.oid([1, 2, 840, 113549, 1, 1, 4]), DERWriter.null)
            ($0.innerAlgorithm, $0.outerAlgorithm) = (md5, md5)
        },
        Case("ECDSA with NULL parameters", "RFC 5280 §4.1.1.2") {
            let padded = DERWriter.sequence(DERWriter.oid(.ecdsaSHA256), DERWriter.null)
            ($0.innerAlgorithm, $0.outerAlgorithm) = (padded, padded)
        },
        Case("UTCTime for a year past 2049, which reads as 1951", "RFC 5280 §4.1.2.5") {
            $0.notAfter = DERWriter.primitive(.utcTime, Array("511231235959Z".utf8))
        },
        Case("GeneralizedTime for a year before 2050", "RFC 5280 §4.1.2.5") {
            $0.notAfter = DERTime.writeGeneralized(TrustBench.now.adding(days: 30))
        },
        Case("time without seconds", "RFC 5280 §4.1.2.5") {
            $0.notAfter = DERWriter.primitive(.utcTime, Array("2712312359Z".utf8))
        },
        Case("31 February", "X.690") { $0.notAfter = DERWriter.primitive(.utcTime, Array("270231000000Z".utf8)) },
        Case("empty issuer", "RFC 5280 §4.1.2.4") { $0.issuer = DERWriter.sequence() },
        Case("neither subject nor critical subjectAltName", "RFC 5280 §4.2.1.6") { $0.subject = DERWriter.sequence() },
        Case("version 1", "X.690") { $0.version = [] },
        Case("unique identifier", "X.690") { $0.spki += DERWriter.primitive(.context(1), [0, 1]) },
        Case("empty extended key usage", "RFC 5280 §4.2.1.12") {
            $0.extensions[1] = Extension(type: .extendedKeyUsage, value: DERWriter.sequence()).der
        },
        Case("wrong extended key usage", "RFC 5280 §4.2.1.12") {
            $0.extensions[1] = Extensions.extendedKeyUsage([.serverAuthentication]).der
        },
        Case("no extended key usage, as an operational one", "RFC 5280 §4.2.1.12") { $0.extensions.remove(at: 1) },
        Case("key usage without digitalSignature", "IEEE 802.1AR") {
            $0.extensions[0] = Extension(type: .keyUsage, critical: true, value: DERWriter.namedBits([4])).der
        },
        Case("broken subjectAltName", "RFC 5280 §4.2.1.6") {
            $0.extensions.append(Extensions.alternativeNames([DERWriter.ia5("a_b..c", tag: .context(2))]).der)
        },
        Case("name constraints", "RFC 5280 §4.2.1.10") {
            let tree = DERWriter.sequence(
                DERWriter.context(0, DERWriter.sequence(DERWriter.ia5("x.example", tag: .context(2)))))
            $0.extensions.append(Extension(type: .nameConstraints, critical: true, value: tree).der)
        },
        Case("compressed point", "RFC 5480") {
            $0.spki = DERWriter.sequence(
                DERWriter.sequence(DERWriter.oid(.ecPublicKey), DERWriter.oid(.secp256r1)),
                DERWriter.bits([2] + [UInt8](repeating: 7, count: 32)))
        },
        Case("expired", "expired") { $0.notAfter = DERTime.write(TrustBench.now.adding(seconds: -1)) },
        Case("not yet valid", "not yet valid") { $0.notBefore = DERTime.write(TrustBench.now.adding(seconds: 1)) },
        Case("ends before it begins", "RFC 5280 §4.1.2.5") {
            $0.notAfter = DERTime.write(TrustBench.now.adding(days: -2))
        },
        Case("unknown issuer", "no path to a trust anchor") {
            $0.issuer = try DistinguishedNames.encode([(.commonName, "Somebody Else")])
        },
    ]

    let root: Authority
    let verifier: ChainVerifier

    init() throws {
        root = try TrustBench.root(name: "Root")
        verifier = try ChainVerifier(anchors: [root.certificate], intermediates: [])
    }

    private func verdict(_ leaf: [UInt8], _ extra: [[UInt8]] = [], _ purpose: ChainVerifier.Purpose = .operational)
        -> Refusal?
    {
        switch verifier.verify(leaf: leaf, extraIntermediates: extra, at: TrustBench.now, purpose: purpose) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    @Test func `would be accepted without the fault`() throws {
        #expect(verdict(try Forgery(under: root).signed(by: root.key)) == nil)
    }

    @Test(arguments: cases) func `is refused with the rule's name`(_ it: Case) throws {
        var forgery = try Forgery(under: root)
        try it.spoil(&forgery)
        let refusal = try #require(verdict(try forgery.signed(by: root.key)))
        #expect(refusal.rule?.contains(it.rule) == true, "\(refusal)")
        #expect(!refusal.hint.isEmpty && refusal.detail.hasSuffix("."))
    }

    @Test func `is refused when its signature is by another key or its bytes were changed`() throws {
        let forged = try Forgery(under: root).signed(by: EphemeralKey())
        #expect(verdict(forged)?.rule == "RFC 5280 §6.1.3 (a)(1)")
        var changed = try Forgery(under: root).signed(by: root.key)
        let at = try #require(changed.firstRange(of: Array("dev-1".utf8))).upperBound - 1
        changed[at] = 0x32
        #expect(verdict(changed)?.rule == "RFC 5280 §6.1.3 (a)(1)")
    }

    @Test func `is refused when larger than allowed`() throws {
        var forgery = try Forgery(under: root)
        forgery.extensions.append(Extension(type: Self.unknown, value: [UInt8](repeating: 0, count: 300_000)).der)
        #expect(verdict(try forgery.signed(by: root.key))?.code == .tooLarge)
    }

    @Test func `is refused when cut anywhere`() throws {
        let good = try Forgery(under: root).signed(by: root.key)
        for length in stride(from: 0, to: good.count, by: 7) {
            #expect(verdict(Array(good.prefix(length)))?.code == .malformed)
        }
    }

    // MARK: - Authorities in the path

    private func path(
        pathLength: Int? = nil, spoil: (inout Forgery) throws -> Void = { _ in }
    ) throws -> (leaf: [UInt8], intermediate: [UInt8]) {
        let key = EphemeralKey()
        var forgery = try Forgery(authorityUnder: root, key: key, pathLength: pathLength)
        try spoil(&forgery)
        let intermediate = try forgery.signed(by: root.key)
        var leaf = try Forgery(under: root)
        leaf.issuer = forgery.subject
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
        return (try leaf.signed(by: key), intermediate)
    }

    static let authorityCases: [Case] = [
        Case("without CA TRUE", "RFC 5280 §4.2.1.9") {
            $0.extensions[0] = Extension(type: .basicConstraints, critical: true, value: DERWriter.sequence()).der
            $0.extensions[1] = Extensions.digitalSignature.der
        },
        Case("without basicConstraints", "RFC 5280 §4.2.1.9") {
            $0.extensions[1] = Extensions.digitalSignature.der
            $0.extensions.removeFirst()
        },
        Case("with basicConstraints that are not critical", "RFC 5280 §4.2.1.9") {
            $0.extensions[0] =
                Extension(type: .basicConstraints, value: DERWriter.sequence(DERWriter.boolean(true))).der
        },
        Case("that may not sign certificates", "RFC 5280 §6.1.4 (n)") {
            $0.extensions[1] = Extension(type: .keyUsage, critical: true, value: DERWriter.namedBits([6])).der
        },
        Case("without subjectKeyIdentifier", "RFC 5280 §4.2.1.2") { $0.extensions.removeLast() },
        Case("without authorityKeyIdentifier", "RFC 5280 §4.2.1.1") { $0.extensions.remove(at: 2) },
        Case("expired", "expired") { $0.notAfter = DERTime.write(TrustBench.now.adding(seconds: -1)) },
        Case("for servers only", "RFC 5280 §4.2.1.12") {
            $0.extensions.append(Extensions.extendedKeyUsage([.serverAuthentication]).der)
        },
        Case("with policy constraints", "RFC 5280 §4.2") {
            let value = DERWriter.sequence(DERWriter.primitive(.context(0), [0]))
            $0.extensions.append(Extension(type: .policyConstraints, critical: true, value: value).der)
        },
        Case("with name constraints that are not critical", "RFC 5280 §4.2.1.10") {
            let tree = DERWriter.context(0, DERWriter.sequence(DERWriter.ia5("x.example", tag: .context(2))))
            $0.extensions.append(Extension(type: .nameConstraints, value: DERWriter.sequence(tree)).der)
        },
        Case("whose permitted subject names leave the leaf out", "RFC 5280 §4.2.1.10") {
            let name = DERWriter.context(4, try DistinguishedNames.encode([(.organizationName, "Another")]))
            let tree = DERWriter.context(0, DERWriter.sequence(name))
            $0.extensions.append(Extension(type: .nameConstraints, critical: true, value: DERWriter.sequence(tree)).der)
        },
        Case("whose excluded subject names hold the leaf", "RFC 5280 §4.2.1.10") {
            let name = DERWriter.context(4, try DistinguishedNames.encode([(.commonName, "DEV-1")]))
            let tree = DERWriter.context(1, DERWriter.sequence(name))
            $0.extensions.append(Extension(type: .nameConstraints, critical: true, value: DERWriter.sequence(tree)).der)
        },
    ]

    @Test(arguments: authorityCases) func `is refused under an authority`(_ it: Case) throws {
        let (leaf, intermediate) = try path(spoil: it.spoil)
        let refusal = try #require(verdict(leaf, [intermediate]))
        #expect(refusal.rule?.contains(it.rule) == true, "\(refusal)")
    }

    @Test func `is accepted under a good intermediate, and unknown without it`() throws {
        let (leaf, intermediate) = try path()
        #expect(verdict(leaf, [intermediate]) == nil)
        #expect(verdict(leaf)?.rule?.contains("no path") == true)
        #expect(verdict(leaf, [[0x30], intermediate, [1, 2, 3]]) == nil, "unreadable company is passed over")
    }

    @Test func `is refused below a path length of zero with an authority between`() throws {
        let top = try TrustBench.authority(under: root, name: "Top", pathLength: 0)
        let key = EphemeralKey()
        let below = try Forgery(authorityUnder: top, key: key).signed(by: top.key)
        var leaf = try Forgery(under: root)
        leaf.issuer = try DistinguishedNames.encode([(.commonName, "Forged Authority")])
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
        let der = try leaf.signed(by: key)
        #expect(verdict(der, [top.certificate, below])?.rule == "RFC 5280 §4.2.1.9 pathLenConstraint")
    }

    @Test func `is refused when the path is deeper than allowed`() throws {
        var authority = root
        var extra: [[UInt8]] = []
        for depth in 0..<5 {
            authority = try TrustBench.authority(under: authority, name: "Level \(depth)", pathLength: 9)
            extra.append(authority.certificate)
        }
        let leaf = try Forgery(under: authority).signed(by: authority.key)
        #expect(verdict(leaf, extra)?.rule == "RFC 5280 §6.1: maximum depth")
    }
}
