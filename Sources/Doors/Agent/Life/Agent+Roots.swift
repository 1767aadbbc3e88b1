import Logging
import Trust
import Wire

/// The roots that the device trusts are succeeded (RFC 7030 §4.1.3, RFC 4210 §4.4).
extension Agent {
    /// Roots that a device trusts at once.
    private static let maximumAnchors = 16
    /// Certificates of /cacerts that are looked at.
    private static let maximumAuthorities = 64

    /// Between two enrolments: asks for the roots where the service names a set that is not the one trusted here. A set that no
    /// link leads to is told once, and asked for again after a start or when another one is named.
    /// - Parameters:
    ///   - name: from the check-in's answer; nil from a service that does not say.
    ///   - path: of the EST service.
    func followRoots(_ name: String?, at path: String, over client: DeviceClient) async throws {
        guard let name, name != refusedRoots, name != rootSet else { return }
        do {
            try learnRoots(try await client.authorityCertificates(enrol: path))
        } catch let failure as ContactFailure {
            // Nothing that today depends on; the next check-in says it again.
            return around.logger.warning("The roots were not fetched: \(failure)")
        }
        guard name != rootSet else { return }
        refusedRoots = name
        try note("refused", "The service has other roots, and no link leads to them from those that are trusted here.")
    }

    private var rootSet: String { RootSet.name(of: service.anchors.compactMap { Base64.decode($0) }) }

    /// Keeps a root that /cacerts gives, if a certificate of its key under one that is trusted already came along (NewWithOld);
    /// drops one that /cacerts does not give any more, if a younger one of the same name took its place.
    /// - Parameter authorities: DER of what /cacerts gave.
    func learnRoots(_ authorities: [[UInt8]]) throws {
        let given = authorities.prefix(Self.maximumAuthorities).compactMap { try? HeldCertificate($0) }
            .filter(\.isSelfIssued)
        let (roots, links) = (given.filter(\.isSelfSigned), given.filter { !$0.isSelfSigned })
        var trusted = try service.anchors.compactMap { Base64.decode($0) }.map { try HeldCertificate($0) }
        let before = trusted
        var isGrowing = true
        while isGrowing, trusted.count < Self.maximumAnchors {
            let verifier = try ChainVerifier(anchors: trusted.map(\.der), intermediates: [])
            let next = roots.first { root in
                !trusted.contains(root)
                    && links.contains {
                        $0.spki == root.spki && $0.subjectDER == root.subjectDER && isTrue($0, verifier)
                    }
            }
            if let next { trusted.append(next) }
            isGrowing = next != nil
        }
        trusted = trusted.filter { old in
            roots.contains(old)
                || !trusted.contains {
                    $0.subjectDER == old.subjectDER && $0.notBefore > old.notBefore && roots.contains($0)
                }
        }
        guard trusted != before else { return }
        var next = service
        next.anchors = trusted.map { Base64.encode($0.der) }
        try disk.write(next, as: home.service)
        service = next
        try note("roots", "The service is trusted under \(trusted.count) roots, by links from those of before.")
    }

    private func isTrue(_ link: HeldCertificate, _ verifier: ChainVerifier) -> Bool {
        if case .success = verifier.verify(leaf: link.der, at: now, purpose: .any) { return true }
        return false
    }
}
