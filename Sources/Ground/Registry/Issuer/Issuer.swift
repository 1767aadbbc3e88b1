import Keys
import Passport
import Store
import Trust
import Wire

/// Issues certificates: nothing that a key signed can be alive outside and unknown to the registry.
///
/// With a key that is elsewhere (a token), intent before key:
/// 1. In one transaction everything is checked, and the exact bytes that will be signed are stored (`intended`).
/// 2. The key signs them, once: the token that allows it cannot be copied and is made only here.
/// 3. In a second transaction the certificate is stored (`issued`), together with the event that it belongs to.
/// A crash between 1 and 3 leaves an intent that `Sweep` abandons: its serial is listed as revoked and never signed again.
///
/// With a key in this process (`signsAtOnce`) all three are one transaction and one share of a sync: the signed bytes leave
/// the process only after its commit, so a crash before it takes them along (docs/decisions/0022).
package enum Issuer {
    package struct Subject: Sendable {
        package var device: DeviceID?
        package var tenure: TenureID?
        /// For the house's own certificates: what it is for.
        package var purpose: String?
        package init(device: DeviceID? = nil, tenure: TenureID? = nil, purpose: String? = nil) {
            self.device = device
            self.tenure = tenure
            self.purpose = purpose
        }
    }

    package static func issue<T: Sendable>(
        by name: String, as principal: Principal, in house: House,
        prepare: @escaping @Sendable (Change, Authority, _ serial: [UInt8]) throws -> (CertificateIntent, Subject),
        record: @escaping @Sendable (Change, CertificateName, _ der: [UInt8]) throws -> T
    ) async throws -> T {
        let authority = try house.authorities.signing(name)
        let serial = Self.serial(house)
        if authority.key.signsAtOnce {
            return try await issueAtOnce(
                by: name, authority, serial, as: principal, in: house, prepare: prepare, record: record)
        }
        let intent = try await house.change(as: principal) { change in
            let (intent, subject) = try prepare(change, authority, serial)
            try store(intent, by: name, for: subject, in: change)
            return intent
        }
        do {
            let (der, reference) = try await house.keys.apart { try authority.issue(IssuanceToken(stored: intent)) }
            return try await house.change(as: principal) { change in
                let issued = try keep(der, serial: intent.serial, in: change)
                guard issued else {
                    throw Refusal(
                        .conflict, "The certificate took too long to sign.", hint: "Ask again.", retryAfterSeconds: 1)
                }
                return try record(change, reference.name, der)
            }
        } catch {
            // Not to be used any more, whatever went wrong; if this fails too, the sweep does it.
            try? await abandon([intent.serial], in: house)
            throw error
        }
    }

    private static func issueAtOnce<T: Sendable>(
        by name: String, _ authority: Authority, _ serial: [UInt8], as principal: Principal, in house: House,
        prepare: @escaping @Sendable (Change, Authority, _ serial: [UInt8]) throws -> (CertificateIntent, Subject),
        record: @escaping @Sendable (Change, CertificateName, _ der: [UInt8]) throws -> T
    ) async throws -> T {
        let signed = SignedIntent()
        do {
            return try await house.change(as: principal, about: principal.device) { change in
                let (intent, subject) = try prepare(change, authority, serial)
                try signed.set(intent, subject)
                let (der, reference) = try authority.issue(IssuanceToken(stored: intent))
                try store(intent, der, by: name, for: subject, in: change)
                return try record(change, reference.name, der)
            }
        } catch {
            // The key may have signed what nobody has: listed as revoked all the same.
            if let (intent, subject) = signed.value {
                try? await house.change(as: .system) { change in
                    try store(intent, by: name, for: subject, in: change)
                    try abandon([intent.serial], in: change)
                }
            }
            throw error
        }
    }

    /// notBefore of what is issued to devices lies so far back, in seconds, because their clocks may be behind. Each level
    /// above lies further back: nothing is valid before its issuer.
    package static let backdateSeconds: Int64 = 60
    static let authorityBackdateSeconds: Int64 = 3600
    static let rootBackdateSeconds: Int64 = 7200

    /// 127 random bits, first byte not zero: positive, unguessable, at most 20 octets (RFC 5280 §4.1.2.2).
    package static func serial(_ house: House) -> [UInt8] {
        var serial = house.random(16)
        serial[0] = serial[0] & 0x7f | 0x40
        return serial
    }

    /// - Parameter der: the certificate, if it is signed already; it holds the intent's bytes, which are kept once.
    static func store(
        _ intent: CertificateIntent, _ der: [UInt8]? = nil, by name: String, for subject: Subject, in change: Change
    ) throws {
        try change.rows.execute(
            """
            INSERT INTO certificate (serial, authority, kind, device, tenure, purpose, key, state, intent, der,
                not_before, not_after, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                .text(intent.serial), .text(name), .text(intent.kind.rawValue), Value(subject.device),
                Value(subject.tenure), Value(subject.purpose), Value(intent.key),
                .text(der == nil ? "intended" : "issued"), .bytes(der == nil ? intent.tbs : []),
                der.map { .bytes($0) } ?? .null,
                Value(intent.notBefore), Value(intent.notAfter), Value(change.now),
            ])
    }

    static func keep(_ der: [UInt8], serial: String, in change: Change) throws -> Bool {
        try change.rows.execute(
            // The certificate holds the intent's bytes: kept once.
            "UPDATE certificate SET state = 'issued', der = $1, intent = $2 WHERE serial = $3 AND state = 'intended'",
            [.bytes(der), .bytes([]), .text(serial)]) == 1
    }

    /// Intents older than this, in seconds, are never going to be finished.
    private static let abandonAfterSeconds: Int64 = 600

    /// Abandons intents that a crash left behind.
    package static func sweep(_ house: House) async throws {
        let before = house.clock().adding(seconds: -abandonAfterSeconds)
        let sql = "SELECT serial FROM certificate WHERE state = 'intended' AND at < $1 LIMIT 1000"
        let serials = try await house.read { try $0.query(sql, [Value(before)]).map { try $0.text("serial") } }
        if !serials.isEmpty { try await abandon(serials, in: house) }
    }

    static func abandon(_ serials: [String], in house: House) async throws {
        try await house.change(as: .system) { change in try abandon(serials, in: change) }
    }

    static func abandon(_ serials: [String], in change: Change) throws {
        for serial in serials {
            let changed = try change.rows.execute(
                "UPDATE certificate SET state = 'abandoned', revoked_at = $1 WHERE serial = $2 AND state = 'intended'",
                [Value(change.now), .text(serial)])
            guard changed == 1 else { continue }
            try Revocation.count(serial, because: nil, in: change)
            try change.record(.certificateAbandoned(serial: serial))
        }
    }
}

/// What a key may have signed, carried out of a transaction that failed.
private final class SignedIntent: Sendable {
    private let state = Locked<(CertificateIntent, Issuer.Subject)?>(nil)
    var value: (CertificateIntent, Issuer.Subject)? { state.withLock { $0 } }

    /// Refuses a second time: a database that runs a transaction again must not have a serial signed again.
    func set(_ intent: CertificateIntent, _ subject: Issuer.Subject) throws(Refusal) {
        let isFirst = state.withLock { state in
            if state != nil { return false }
            state = (intent, subject)
            return true
        }
        guard isFirst else {
            throw Refusal(
                .unavailable, "The certificate was begun twice.", hint: "Ask again.", rule: "one serial, one signature",
                retryAfterSeconds: 1)
        }
    }
}

extension CertificateReference {
    /// As the ledger names it.
    fileprivate var name: CertificateName {
        CertificateName(serial: serial, sha256: sha256, key: key, notAfter: notAfter)
    }
}

/// One public key belongs to one device, and an operational one to one tenure.
package enum KeyUse {
    /// Claims the key, or refuses; a key of another device raises an alarm that a person sees.
    package static func claim(_ key: Digest, for device: DeviceID, tenure: TenureID?, in change: Change) throws {
        let isNew = try change.rows.execute(
            "INSERT INTO key_use (key, device, tenure) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
            [Value(key), Value(device), Value(tenure)])
        guard isNew == 0,
            let row = try change.rows.first("SELECT device, tenure FROM key_use WHERE key = $1", [Value(key)])
        else { return }
        let other: DeviceID = try row.id("device")
        guard other == device else {
            try Alarms.raise(.keySeenTwice, on: device, detail: "Its public key belongs to another device.", in: change)
            throw change.refuseKeeping(
                Refusal(
                    .conflict, "This public key belongs to another device.",
                    hint: "Make a new key pair on the device; look into how the key was copied.",
                    rule: "one key, one device"))
        }
        guard let tenure, row.optionalText("tenure") == tenure.text else {
            throw Refusal(
                .conflict, "This public key was used before: at birth or by a former owner.",
                hint: "Make a new key pair for each tenure.", rule: "one key, one tenure")
        }
    }
}
