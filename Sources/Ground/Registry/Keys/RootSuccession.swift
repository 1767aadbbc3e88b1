import Keys
import Passport
import Store
import Trust
import Wire

/// A root's successor (RFC 4210 §4.4, RFC 9810 §4.4): the same name, another key, and the certificates that link the two, so that
/// whoever trusts either validates what is under the other.
///
/// 1. The new root, which signs itself: NewWithNew. 2. NewWithOld: the new root's key under the old one, for all who trust
/// only that. 3. OldWithNew: the old root's key under the new one, for those who trust only the new.
/// Each is durable before the next, and made only where it is not there yet.
enum RootSuccession {
    /// - Parameter tell: called with a sentence after each step.
    /// - Returns: why a root stays where it is; nil if its newest is in `target`.
    static func run(
        _ first: String, in house: House, _ target: any KeyStore, _ tell: (String) throws -> Void
    ) async throws -> String? {
        try await link(first, in: house, tell)
        let current = try house.authorities.root(first)
        guard try target.find(KeyLabel(current.name)) == nil else { return nil }
        guard let old = try? house.authorities.signing(current.name) else {
            return
                "\(current.name) stays: its key is not here to vouch for a new root. Attach it and run the move again."
        }
        let name = "\(first)-\(Authorities.generation(current.name, of: first) + 1)"
        let years: Int64? = first == Authorities.Name.operationalRoot ? Founding.operationalRootYears : nil
        try await Founding.root(name, house) { key, serial, now in
            try Profile.root(
                succeeding: old, key: key, serial: serial,
                notBefore: now.adding(seconds: -Issuer.rootBackdateSeconds),
                notAfter: years.map { now.adding(days: 365 * $0) } ?? .noExpiry)
        }
        try tell("\(name) succeeds \(current.name).")
        try await link(first, in: house, tell)
        return nil
    }

    /// Links every root of the family with the one before it, where both keys are here.
    private static func link(_ first: String, in house: House, _ tell: (String) throws -> Void) async throws {
        let roots = house.authorities.roots(first, alsoRetired: false)
        for (new, old) in zip(roots, roots.dropFirst()) {
            for (subject, issuer, kind) in [(new, old, "NewWithOld"), (old, new, "OldWithNew")] {
                let name = Authorities.Name.link(subject.name, under: issuer.name)
                guard house.authorities.known(name) == nil else { continue }
                try await make(name, subject, under: issuer.name, in: house)
                try tell("\(kind): \(name).")
            }
        }
    }

    private static func make(
        _ name: String, _ subject: Authorities.Known, under issuer: String, in house: House
    ) async throws {
        let signer = try house.authorities.signing(issuer)
        let serial = Issuer.serial(house)
        let urls = PublicURLs.of(issuer, house.settings)
        let intent = try await house.change(as: .system) { change in
            let intent = try Profile.link(of: subject.certificate, under: signer, serial: serial, urls: urls)
            try Issuer.store(intent, by: issuer, for: .init(purpose: "link"), in: change)
            return intent
        }
        let der = try await house.keys.apart { try signer.sign(IssuanceToken(stored: intent)) }
        try await Founding.keep(
            der, intent.serial, name: name, kind: Authorities.linkKind, chain: [signer.certificate], hasKey: false,
            house)
    }
}
