import Wire

/// Looks for a path from a leaf to an anchor, depth first, and keeps the most telling refusal for when there is none.
struct PathSearch {
    let anchors: [ParsedCertificate]
    let intermediates: [ParsedCertificate]
    let maximumDepth: Int
    let at: Timestamp
    let purpose: ChainVerifier.Purpose

    private var signatureChecks = 64
    private var comparisons = 1 << 16
    private var best: (rank: Int, refusal: Refusal)?

    init(
        anchors: [ParsedCertificate], intermediates: [ParsedCertificate], maximumDepth: Int, at: Timestamp,
        purpose: ChainVerifier.Purpose
    ) {
        self.anchors = anchors
        self.intermediates = intermediates
        self.maximumDepth = maximumDepth
        self.at = at
        self.purpose = purpose
    }

    /// The issuers above the leaf, the anchor last.
    mutating func run(from leaf: ParsedCertificate) throws(Refusal) -> [ParsedCertificate] {
        if let path = extend([leaf]) { return Array(path.dropFirst()) }
        throw best?.refusal
            ?? Refusal(
                .unauthenticated, "The certificate's issuer is unknown here: \(leaf.tbs.issuer.readable).",
                hint: "Present a certificate of an authority that is trusted here, with its intermediates.",
                rule: "RFC 5280 §6.1: no path to a trust anchor")
    }

    private mutating func extend(_ path: [ParsedCertificate]) -> [ParsedCertificate]? {
        let child = path[path.count - 1]
        for anchor in anchors where names(anchor, asIssuerOf: child) {
            if let refusal = check(anchor, above: path, isAnchor: true) {
                note(refusal, rank: path.count * 2)
            } else {
                return path + [anchor]
            }
        }
        let counted = path.dropFirst().count { !$0.isSelfIssued }
        for issuer in intermediates
        where names(issuer, asIssuerOf: child) && !path.contains(where: { same($0, issuer) }) {
            guard counted + (issuer.isSelfIssued ? 0 : 1) <= maximumDepth, path.count <= 2 * maximumDepth + 1 else {
                note(
                    Refusal(
                        .unauthenticated, "The path is longer than the \(maximumDepth) intermediates allowed.",
                        hint: "Have the certificate issued nearer to the root.", rule: "RFC 5280 §6.1: maximum depth"),
                    rank: path.count * 2 - 1)
                continue
            }
            if let refusal = check(issuer, above: path, isAnchor: false) {
                note(refusal, rank: path.count * 2 - 1)
            } else if let found = extend(path + [issuer]) {
                return found
            }
        }
        return nil
    }

    /// Names chain, and the key identifiers agree where both are given (RFC 4158 §3.5.12).
    private func names(_ issuer: ParsedCertificate, asIssuerOf child: ParsedCertificate) -> Bool {
        guard issuer.tbs.subject == child.tbs.issuer else { return false }
        guard let wanted = child.tbs.authorityKey?.keyIdentifier, let has = issuer.tbs.subjectKey else { return true }
        return wanted == has
    }

    /// A certificate with the same name and key does not get a path any further (RFC 4158 §2.4.2).
    private func same(_ a: ParsedCertificate, _ b: ParsedCertificate) -> Bool {
        a.der == b.der
            || (a.tbs.spki == b.tbs.spki && a.tbs.subject == b.tbs.subject
                && a.tbs.value(of: .subjectAlternativeName) == b.tbs.value(of: .subjectAlternativeName))
    }

    private mutating func check(_ issuer: ParsedCertificate, above path: [ParsedCertificate], isAnchor: Bool)
        -> Refusal?
    {
        do throws(Refusal) {
            try CertificateRules.issuer(issuer, isAnchor: isAnchor)
            let whose = isAnchor ? "The trust anchor" : "An authority's certificate in the path"
            try Validity.check(issuer.tbs, at: at, whose: whose)
            try checkSignature(of: path[path.count - 1], by: issuer)
            try checkPathLength(issuer, above: path)
            if !isAnchor, let usage = purpose.usage { try ChainVerifier.Purpose.checkUsage(issuer.tbs, usage) }
            try checkNames(under: issuer, path: path)
            return nil
        } catch {
            return error
        }
    }

    private mutating func checkSignature(of child: ParsedCertificate, by issuer: ParsedCertificate) throws(Refusal) {
        signatureChecks -= 1
        guard signatureChecks >= 0 else {
            throw Refusal(
                .unauthenticated, "Too many possible paths lead from the certificate.",
                hint: "Send only the certificates of one path.", rule: "RFC 4158 §2.4: bounded search")
        }
        _ = try child.signatureAlgorithm()
        _ = try PublicKey(spki: issuer.tbs.spki)
        guard child.isSigned(by: issuer) else {
            throw Refusal(
                .unauthenticated, "A signature in the certificate's path is wrong.",
                hint: "Present the certificate as it was issued.", rule: "RFC 5280 §6.1.3 (a)(1)")
        }
    }

    private func checkPathLength(_ issuer: ParsedCertificate, above path: [ParsedCertificate]) throws(Refusal) {
        guard let most = issuer.tbs.basicConstraints?.pathLength else { return }
        let below = path.dropFirst().count { !$0.isSelfIssued }
        guard below <= most else {
            throw Refusal(
                .unauthenticated, "An authority of the path allows \(most) authorities below it; there are \(below).",
                hint: "Have the certificate issued by an authority that may.",
                rule: "RFC 5280 §4.2.1.9 pathLenConstraint")
        }
    }

    /// Constraints of the issuer on the leaf and on every authority below it that is not self-issued (§6.1.3 (b), (c)).
    private mutating func checkNames(under issuer: ParsedCertificate, path: [ParsedCertificate]) throws(Refusal) {
        guard let constraints = issuer.tbs.nameConstraints else { return }
        for (index, certificate) in path.enumerated() where index == 0 || !certificate.isSelfIssued {
            for name in Self.names(of: certificate.tbs) {
                guard let reason = constraints.refusal(of: name, comparisons: &comparisons) else { continue }
                throw Refusal(
                    .unauthenticated, "A certificate of the path \(reason).",
                    hint: "Have it issued by an authority for such names.", rule: "RFC 5280 §4.2.1.10")
            }
        }
    }

    private static func names(of tbs: TBSCertificate) -> [GeneralName] {
        var names = tbs.alternativeNames
        if !tbs.subject.isEmpty { names.append(.directory(tbs.subject)) }
        let hasMailbox = names.contains { $0.form == 1 }
        // An address in the subject counts where there is none in subjectAltName (§6.1.3 (b)).
        if !hasMailbox { names += tbs.subject.texts(of: .emailAddress).map(GeneralName.email) }
        return names
    }

    private mutating func note(_ refusal: Refusal, rank: Int) {
        if rank > (best?.rank ?? -1) { best = (rank, refusal) }
    }
}
