import Keys
import Passport
import Store
import Trust
import Wire

/// Issues certificates: intent before key, result after.
///
/// 1. In one transaction everything is checked, and the exact bytes that will be signed are stored (`intended`).
/// 2. The key signs them, once: the token that allows it cannot be copied and is made only here.
/// 3. In a second transaction the certificate is stored (`issued`), together with the event that it belongs to.
/// A crash between 1 and 3 leaves an intent that `Sweep` abandons: its serial is listed as revoked and never signed again.
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
        let intent = try await house.change(as: principal) { change in
            let (intent, subject) = try prepare(change, authority, serial)
            try store(intent, by: name, for: subject, in: change)
            return intent
        }
        do {
            let der = try await house.keys.apart { try authority.sign(IssuanceToken(stored: intent)) }
            return try await keep(der, intent, by: authority, as: principal, in: house, record: record)
        } catch {
            // Not to be used any more, whatever went wrong; if this fails too, the sweep does it.
            try? await abandon([intent.serial], in: house)
            throw error
        }
    }

    private static func keep<T: Sendable>(
        _ der: [UInt8], _ intent: CertificateIntent, by authority: Authority, as principal: Principal, in house: House,
        record: @escaping @Sendable (Change, CertificateName, _ der: [UInt8]) throws -> T
    ) async throws -> T {
        try await house.change(as: principal) { change in
            let issued = try keep(der, serial: intent.serial, in: change)
            guard issued else {
                throw Refusal(
                    .conflict, "The certificate took too long to sign.", hint: "Ask again.", retryAfterSeconds: 1)
            }
            let reference = try authority.referenceOfSigned(der)
            let certificate = CertificateName(
                serial: reference.serial, sha256: reference.sha256, key: reference.key, notAfter: reference.notAfter)
            return try record(change, certificate, der)
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

    static func store(_ intent: CertificateIntent, by name: String, for subject: Subject, in change: Change) throws {
        try change.rows.execute(
            """
            INSERT INTO certificate (serial, authority, kind, device, tenure, purpose, key, state, intent, not_before,
                not_after, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'intended', $8, $9, $10, $11)
            """,
            [
                .text(intent.serial), .text(name), .text(intent.kind.rawValue), Value(subject.device),
                Value(subject.tenure), Value(subject.purpose), Value(intent.key), .bytes(intent.tbs),
                Value(intent.notBefore),
                Value(intent.notAfter), Value(change.now),
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

    private static func abandon(_ serials: [String], in house: House) async throws {
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

/// One public key belongs to one device, and an operational one to one tenure.
package enum KeyUse {
    /// Claims the key, or refuses; a key of another device raises an alarm that a person sees.
    package static func claim(_ key: Digest, for device: DeviceID, tenure: TenureID?, in change: Change) throws {
        guard let row = try change.rows.first("SELECT device, tenure FROM key_use WHERE key = $1", [Value(key)]) else {
            try change.rows.execute(
                "INSERT INTO key_use (key, device, tenure) VALUES ($1, $2, $3)",
                [Value(key), Value(device), Value(tenure)])
            return
        }
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
