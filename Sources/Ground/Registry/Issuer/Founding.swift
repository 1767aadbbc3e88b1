import Keys
import Passport
import Store
import Trust
import Wire

/// Makes what a house needs before it can open: CAs, signing keys, the responder and the service's own certificate.
/// Each step looks first whether it is done, so that a start that was cut off is finished by the next.
enum Founding {
    static func complete(_ house: House) async throws {
        try await house.authorities.load(from: house)
        let keys = house.keys
        let isFounded = house.authorities.known(Authorities.Name.makerRoot) != nil
        let signers = try [KeyRole.release, .permit, .serviceTLS].map { try house.authorities.label(of: $0) }
        let ledger = try house.authorities.label(of: .ledger)
        let wrapping = try house.authorities.label(of: .wrapping)
        // A house that was founded has its keys: where they are missing, the wrong store is attached, and new ones would
        // be strangers to every device, station and auditor.
        if isFounded {
            try await keys.apart { for label in signers + [ledger] { _ = try keys.require(label) } }
            try await demandWrapping(house)
        }
        let authorities = [
            Authorities.Name.makerRoot, Authorities.Name.operationalRoot, Authorities.Name.issuing,
            Authorities.Name.service,
        ].filter { house.authorities.known($0) == nil }.map { KeyLabel(trusted: $0) }
        let responder = try KeyLabel(Authorities.Name.responder(of: house.authorities.issuing))
        let pairs = signers + [responder] + authorities
        let isComplete = try await keys.apart {
            try keys.holdsWrapping(wrapping) && (pairs + [ledger]).allSatisfy { try keys.find($0) != nil }
        }
        if !isComplete {
            // Inside a write, so that of several nodes that start at once one makes the keys and the others find them.
            try await house.database.write { rows in
                _ = try rows.first("SELECT size FROM ledger_size WHERE one = 1")
                for label in pairs { _ = try keys.findOrMake(label, algorithm: .p256) }
                _ = try keys.findOrMake(ledger, algorithm: .ed25519)
                try keys.makeWrapping(wrapping)
            }
        }
        // A birth certificate has no well-defined end (IEEE 802.1AR §8.7), and nothing outlives its issuer.
        try await root(Authorities.Name.makerRoot, "Maker Root", years: nil, house)
        try await root(Authorities.Name.operationalRoot, "Operational Root", years: operationalRootYears, house)
        try await authority(Authorities.Name.issuing, Authorities.issuingKind, "Operational Issuing 1", house)
        try await authority(Authorities.Name.service, Authorities.serviceKind, "Service Issuing 1", house)
        _ = try await Successions.complete(house)
        try await Issuer.sweep(house)
    }

    /// What wraps data keys of tenures has to be there as long as there are such tenures: a new key would open none of them.
    private static func demandWrapping(_ house: House) async throws {
        let (keys, labels) = (house.keys, try house.authorities.labels(of: .wrapping))
        let missing = try await keys.apart { try labels.filter { try !keys.holdsWrapping($0) } }
        for label in missing where try await house.read({ try WrappedKeys.need(label, in: $0) }) {
            throw Refusal.missingKey(label)
        }
    }

    static let operationalRootYears: Int64 = 20

    private static func root(_ name: String, _ title: String, years: Int64?, _ house: House) async throws {
        let organisation = house.settings.organisation
        try await root(name, house) { key, serial, now in
            try Profile.root(
                name: "\(organisation) \(title)", organisation: organisation, key: key, serial: serial,
                notBefore: now.adding(seconds: -Issuer.rootBackdateSeconds),
                notAfter: years.map { now.adding(days: 365 * $0) } ?? .noExpiry)
        }
    }

    /// A root with a key of its own name. Nothing, if it is there already.
    static func root(
        _ name: String, _ house: House,
        profile: @escaping @Sendable (any SigningKey, _ serial: [UInt8], _ now: Timestamp) throws -> CertificateIntent
    ) async throws {
        guard house.authorities.known(name) == nil else { return }
        let key = try house.keys.findOrMake(KeyLabel(name), algorithm: .p256)
        let serial = Issuer.serial(house)
        let intent = try await house.change(as: .system) { change in
            let intent = try profile(key, serial, change.now)
            try Issuer.store(intent, by: name, for: .init(), in: change)
            return intent
        }
        let authority = try Authority(root: IssuanceToken(stored: intent), key: key)
        try await keep(authority.certificate, intent.serial, name: name, kind: "root", chain: [], hasKey: true, house)
    }

    /// An authority under the operational root, with a key of its own name. Nothing, if it is there already.
    static func authority(_ name: String, _ kind: String, _ title: String, _ house: House) async throws {
        guard house.authorities.known(name) == nil else { return }
        let key = try house.keys.findOrMake(KeyLabel(name), algorithm: .p256)
        let root = try house.authorities.root(Authorities.Name.operationalRoot).name
        let issuer = try house.authorities.signing(root)
        let serial = Issuer.serial(house)
        let settings = house.settings
        let intent = try await house.change(as: .system) { change in
            let intent = try Profile.authority(
                under: issuer, name: "\(settings.organisation) \(title)", organisation: settings.organisation,
                spki: key.publicKeyDER, serial: serial,
                notBefore: change.now.adding(seconds: -Issuer.authorityBackdateSeconds),
                notAfter: change.now.adding(days: 365 * 10),
                urls: PublicURLs.of(root, settings))
            try Issuer.store(intent, by: root, for: .init(), in: change)
            return intent
        }
        let der = try issuer.sign(IssuanceToken(stored: intent))
        try await keep(
            der, intent.serial, name: name, kind: kind, chain: [issuer.certificate], hasKey: true, house)
    }

    static func keep(
        _ der: [UInt8], _ serial: String, name: String, kind: String, chain: [[UInt8]], hasKey: Bool, _ house: House
    ) async throws {
        try await house.change(as: .system) { change in
            guard try change.rows.first("SELECT name FROM authority WHERE name = $1", [.text(name)]) == nil else {
                // Another node that started at the same moment was faster.
                return try Issuer.abandon([serial], in: change)
            }
            guard try Issuer.keep(der, serial: serial, in: change) else { return }
            try remember(der, name: name, kind: kind, chain: chain, hasKey: hasKey, in: change)
        }
        try await house.authorities.load(from: house)
    }

    static func remember(
        _ der: [UInt8], name: String, kind: String, chain: [[UInt8]], hasKey: Bool, in change: Change
    ) throws {
        let chainText = String(decoding: try CanonicalJSON.encode(chain.map { Base64.encode($0) }), as: UTF8.self)
        try change.rows.execute(
            "INSERT INTO authority (name, kind, certificate, chain, key_label, at) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .text(name), .text(kind), .bytes(der), .text(chainText), Value(hasKey ? name : nil), Value(change.now),
            ])
        try change.record(.authorityCreated(name: name, certificate: PublicKeys.digest(der)))
    }
}

/// Where the public plane serves what certificates point to.
package enum PublicURLs {
    package static func of(_ authority: String, _ settings: HouseSettings) -> AuthorityURLs {
        AuthorityURLs(
            crl: "\(settings.publicURL)/crl/\(authority).crl", ocsp: "\(settings.publicURL)/ocsp/\(authority)",
            issuer: "\(settings.publicURL)/ca/\(authority).cer")
    }
}

/// Birth CAs: their keys stay at the stations, the registry knows their certificates.
package enum BirthAuthorities {
    package static func remember(_ der: [UInt8], name: String, under root: Authority, in change: Change) throws {
        try Founding.remember(der, name: name, kind: "birth", chain: [root.certificate], hasKey: false, in: change)
    }
}

extension House {
    /// The keys of a role, the one that has it first.
    package func signingKeys(_ role: KeyRole) throws -> [any SigningKey] {
        try authorities.labels(of: role).map { try keys.require($0) }
    }

    /// Sealed by the keys of a role; to be called outside of transactions, because a key may take its time.
    package func seal(_ payload: [UInt8], type: String, by role: KeyRole) async throws -> Seal {
        try await keys.apart { try Seal.sign(type: type, payload: payload, with: self.signingKeys(role)) }
    }

    /// Signs permits for stations.
    package func permitKey() throws -> any SigningKey { try keys.require(authorities.label(of: .permit)) }

    /// What every unit is given at birth, so that it finds and verifies the service without an installer.
    package func serviceAnchor() throws -> ServiceAnchor {
        _ = try authorities.root(Authorities.Name.operationalRoot)
        return ServiceAnchor(
            url: settings.serviceURL,
            anchors: authorities.roots(Authorities.Name.operationalRoot).map { Base64.encode($0.certificate) },
            releaseKeys: try signingKeys(.release).map { Base64.encode($0.publicKeyDER) },
            succession: authorities.succession(of: .release)?.number)
    }
}
