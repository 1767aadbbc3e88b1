import Testing
import Wire

@testable import Trust

@Suite struct `A path search` {
    private func verdict(_ verifier: ChainVerifier, _ leaf: [UInt8], _ extra: [[UInt8]]) -> Refusal? {
        switch verifier.verify(leaf: leaf, extraIntermediates: extra, at: TrustBench.now, purpose: .any) {
        case .success: nil
        case .failure(let refusal): refusal
        }
    }

    /// Authorities of one name and one key, each able to have signed every other, and none under an anchor.
    private func swarm(_ count: Int, under root: Authority, key: any SigningKey) throws -> [[UInt8]] {
        let name = try DistinguishedNames.encode([(.commonName, "Swarm")])
        return try (0..<count).map { index in
            var forgery = try Forgery(authorityUnder: root, key: key)
            forgery.subject = name
            forgery.issuer = name
            forgery.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
            // Names of their own, so that they do not count as one certificate.
            forgery.extensions.append(
                Extensions.alternativeNames([DERWriter.ia5("a\(index).example", tag: .context(2))]).der)
            return try forgery.signed(by: key)
        }
    }

    /// Tried one by one, their orders would not end in this universe's time.
    @Test(.timeLimit(.minutes(1))) func `among a hundred authorities that all sign each other ends`() throws {
        let root = try TrustBench.root(name: "Root")
        let key = EphemeralKey()
        let extra = try swarm(100, under: root, key: key)
        var leaf = try Forgery(under: root, key: EphemeralKey())
        leaf.issuer = try DistinguishedNames.encode([(.commonName, "Swarm")])
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
        let der = try leaf.signed(by: key)
        let verifier = try ChainVerifier(anchors: [root.certificate], intermediates: [])
        let refusal = verdict(verifier, der, extra)
        #expect(refusal?.code == .unauthenticated, "\(String(describing: refusal))")
    }

    @Test func `refuses more company than it would read`() throws {
        let bench = try TrustBench()
        let extra = [[UInt8]](repeating: [0x30, 0], count: 129)
        #expect(verdict(try bench.verifier(), try bench.operational(), extra)?.code == .tooLarge)
    }

    @Test func `refuses names under constraints that would cost too much`() throws {
        let root = try TrustBench.root(name: "Root")
        let key = EphemeralKey()
        var authority = try Forgery(authorityUnder: root, key: key)
        let trees = (0..<1000).map { DERWriter.sequence(DERWriter.ia5("t\($0).example", tag: .context(2))) }
        let constraints = DERWriter.sequence(DERWriter.constructed(.context(1), trees))
        authority.extensions.append(Extension(type: .nameConstraints, critical: true, value: constraints).der)
        var leaf = try Forgery(under: root)
        leaf.issuer = authority.subject
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
        let names = (0..<1000).map { DERWriter.ia5("n\($0).test", tag: .context(2)) }
        leaf.extensions.append(Extensions.alternativeNames(names).der)
        let verifier = try ChainVerifier(anchors: [root.certificate], intermediates: [authority.signed(by: root.key)])
        #expect(verdict(verifier, try leaf.signed(by: key), [])?.detail.contains("too many names") == true)
    }

    @Test func `takes the other way when one leads nowhere`() throws {
        // Two certificates of one authority: one expired, one under another root that is trusted.
        let root = try TrustBench.root(name: "Root")
        let other = try TrustBench.root(name: "Other Root")
        let key = EphemeralKey()
        var old = try Forgery(authorityUnder: other, key: key)
        old.notAfter = DERTime.write(TrustBench.now.adding(seconds: -5))
        let new = try Forgery(authorityUnder: root, key: key)
        var leaf = try Forgery(under: root)
        leaf.issuer = new.subject
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(key.publicKeyDER)).der
        let der = try leaf.signed(by: key)
        let verifier = try ChainVerifier(anchors: [other.certificate, root.certificate], intermediates: [])
        #expect(verdict(verifier, der, [try old.signed(by: other.key), try new.signed(by: root.key)]) == nil)
        #expect(verdict(verifier, der, [try old.signed(by: other.key)])?.rule?.hasSuffix("expired") == true)
    }

    @Test func `refuses an anchor that cannot be read, and keeps quiet about one that is not used`() throws {
        #expect(throws: Refusal.self) { try ChainVerifier(anchors: [[1, 2, 3]], intermediates: []) }
        let bench = try TrustBench()
        let stranger = EphemeralKey()
        var odd = try Forgery(authorityUnder: bench.root, key: stranger)
        odd.issuer = odd.subject
        odd.extensions.append(Extension(type: [1, 2, 3, 4], critical: true, value: DERWriter.null).der)
        let verifier = try ChainVerifier(
            anchors: [odd.signed(by: stranger), bench.operations.certificate], intermediates: [])
        #expect(verdict(verifier, try bench.operational(), []) == nil)
        var leaf = try Forgery(under: bench.root)
        leaf.issuer = odd.subject
        leaf.extensions[2] = Extensions.authorityKey(try PublicKeys.keyIdentifier(stranger.publicKeyDER)).der
        #expect(verdict(verifier, try leaf.signed(by: stranger), [])?.detail.contains("unknown critical") == true)
    }
}
