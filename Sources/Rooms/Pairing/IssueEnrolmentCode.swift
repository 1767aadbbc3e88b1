import Passport
import Registry
import Store
import Wire

/// The owner lets a device enrol that cannot show its birth certificate: a stock client gets a one-time code, which stands
/// for that certificate once (RFC 7030 §3.2.3). A new code ends the one before it.
package struct IssueEnrolmentCode: Action {
    package static let name = "pairing/enrolment-code"
    package static let permission = Permission.own

    package var device: String
    package init(device: String) { self.device = device }

    package struct Answer: Codable, Sendable {
        /// Shown once; the password of HTTP Basic, with the device's name or serial as the user.
        package var code: String
        package var expires: Timestamp
    }

    package func perform(in change: Change) throws -> Answer {
        let device = try change.device(device)
        try Access.demandOwner(of: device, change.principal)
        try device.passport.demand(.certificate)
        let code = TransferCode.make(change.house.random(TransferCode.randomBytes))
        let expires = change.now.adding(seconds: EnrolmentCode.lifeSeconds)
        try EnrolmentCode.store(code, for: device.id, expires: expires, in: change)
        try change.record(.enrolmentCodeIssued, on: device.id)
        return Answer(code: code, expires: expires)
    }
}

/// A one-time code of 80 bits, kept as its SHA-256 only: a row of `nonce` with the purpose "enrolment", in which `used`
/// counts wrong attempts. The row goes when the code is used, void or replaced.
package struct EnrolmentCode: Sendable {
    package static let lifeSeconds: Int64 = 3600
    /// Wrong codes after which the right one is void.
    package static let maximumFailures = 10

    package let device: DeviceID
    private let hash: String

    static func store(_ code: String, for device: DeviceID, expires: Timestamp, in change: Change) throws {
        try remove(device, in: change)
        try change.rows.execute(
            "INSERT INTO nonce (nonce, device, purpose, expires, used) VALUES ($1, $2, 'enrolment', $3, 0)",
            [.text(TransferCode.hash(code, device)), Value(device), Value(expires)])
    }

    /// The code that somebody showed for a device, if it is the right one; a wrong one is counted. Says of an unknown device
    /// what it says of a wrong code.
    package static func admit(_ shown: String, of name: String, in house: House) async throws -> EnrolmentCode {
        let found = try await house.read { rows in try Device.find(name, in: rows) }
        guard let device = found?.id else { throw wrong() }
        let code = EnrolmentCode(device: device, hash: TransferCode.hash(shown, device))
        guard try await house.read({ rows in try code.isOpen(at: house.clock(), in: rows) }) else {
            try await house.change(as: .device(device)) { change in try count(device, in: change) }
            throw wrong()
        }
        return code
    }

    /// Before anything is signed for it.
    func demand(in change: Change) throws {
        guard try isOpen(at: change.now, in: change.rows) else { throw Self.wrong() }
    }

    /// In the transaction that stores the certificate. Of requests at once, on whatever nodes, one gets that far; what was signed
    /// for the others meanwhile is given up (`Issuer`), and never leaves the house.
    func use(in change: Change) throws {
        let used = try change.rows.execute(
            "DELETE FROM nonce WHERE nonce = $1 AND device = $2 AND purpose = 'enrolment' AND expires > $3",
            [.text(hash), Value(device), Value(change.now)])
        guard used == 1 else { throw Self.wrong() }
    }

    private func isOpen(at now: Timestamp, in rows: any Rows) throws -> Bool {
        try rows.count(
            """
            SELECT COUNT(*) AS n FROM nonce WHERE nonce = $1 AND device = $2 AND purpose = 'enrolment' AND expires > $3
            """, [.text(hash), Value(device), Value(now)]) == 1
    }

    private static func count(_ device: DeviceID, in change: Change) throws {
        let counted = try change.rows.execute(
            "UPDATE nonce SET used = used + 1 WHERE device = $1 AND purpose = 'enrolment' AND used < $2",
            [Value(device), Value(maximumFailures)])
        guard counted == 1 else { return }
        let failures =
            try change.rows.first(
                "SELECT used FROM nonce WHERE device = $1 AND purpose = 'enrolment'", [Value(device)])?.int("used") ?? 0
        guard failures >= maximumFailures else { return }
        try remove(device, in: change)
        try Alarms.raise(
            .pairingLocked, on: device,
            detail: "\(maximumFailures) wrong enrolment codes were tried; its code is void.",
            in: change)
    }

    private static func remove(_ device: DeviceID, in change: Change) throws {
        try change.rows.execute("DELETE FROM nonce WHERE device = $1 AND purpose = 'enrolment'", [Value(device)])
    }

    private static func wrong() -> Refusal {
        Refusal(
            .unauthenticated, "That is not the enrolment code of this device, or it is used up, void or expired.",
            hint: "Ask the device's owner for a new code: pairing/enrolment-code.", rule: "RFC 7030 §3.2.3")
    }
}
