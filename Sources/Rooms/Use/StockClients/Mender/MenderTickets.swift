import Passport
import Registry
import Store
import Trust
import Wire

/// What lets a Mender client in for a while: a session, which it sends with every request, and the link to what it downloads, which it
/// calls without showing anything else. Kept as hashes; each new one ends the one before. A link is worked out of the session in which it
/// was asked for, so that each poll can be told the same one.
package struct MenderTickets: Codable, Sendable, Equatable {
    package struct Ticket: Codable, Sendable, Equatable {
        package var hash: Digest
        package var until: Timestamp
        /// SHA-256 of the certificate over which it was asked for: without that certificate it is worth nothing.
        package var certificate: Digest?
        /// The download's.
        package var action: Int64?

        /// Whether it is this one, at this moment, over this connection.
        package func admits(_ ticket: ShownTicket, over certificate: Digest?, at now: Timestamp) -> Bool {
            ConstantTime.equal(ticket.hash.bytes, hash.bytes) && now < until
                && (self.certificate == nil || self.certificate == certificate)
        }
    }

    package var session: Ticket?
    package var download: Ticket?

    package init() {}

    /// The link that was made for this action, in this session, as long as more than half of its time is left.
    package func link(
        to action: Int64, in session: ShownTicket, over certificate: Digest?, at now: Timestamp
    ) -> IssueMenderTicket.Answer? {
        guard let download, download.action == action, download.certificate == certificate else { return nil }
        let shown = session.link(to: action, until: download.until)
        let later = now.adding(seconds: IssueMenderTicket.downloadSeconds / 2)
        guard download.admits(shown, over: certificate, at: later) else { return nil }
        return IssueMenderTicket.Answer(ticket: shown.text, until: download.until)
    }

    package static var noSession: Refusal {
        Refusal(
            .unauthenticated, "The session is not one of this device's, or its time is over.",
            hint: "Authenticate again: /api/devices/v1/authentication/auth_requests.", rule: "mender: session")
    }
}

/// "DEVICE.SECRET", as a client shows it.
package struct ShownTicket: Sendable, Equatable {
    package let device: DeviceID
    let secret: String

    package static let maximumBytes = 256

    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count == 64, Hex.decode(String(parts[1])) != nil,
            let device = try? DeviceID(String(parts[0]))
        else { return nil }
        self.device = device
        secret = String(parts[1])
    }

    init(_ device: DeviceID, secret: [UInt8]) {
        self.device = device
        self.secret = Hex.encode(secret)
    }

    /// The link to a download, for whoever has this session.
    func link(to action: Int64, until: Timestamp) -> ShownTicket {
        let said = "lifelong mender link v1\n\(action)\n\(until.milliseconds)\n\(text)"
        return ShownTicket(device, secret: LeafCertificate.sha256(Array(said.utf8)).bytes)
    }

    var text: String { "\(device).\(secret)" }
    var hash: Digest { LeafCertificate.sha256(Array("lifelong mender ticket v1\n\(text)".utf8)) }
}

/// A Mender client gets a session, or the link of a download. Who it is was proven before: by a signature of its key, by its
/// certificate, or by its session.
package struct IssueMenderTicket: Action {
    package static let name = "use/issue-mender-ticket"
    package static let permission = Permission.beDevice

    /// A day: then the client signs again, by itself.
    package static let sessionSeconds: Int64 = 86_400
    /// Long enough for a large image over a slow line with breaks; the rights are judged at every request all the same.
    package static let downloadSeconds: Int64 = 6 * 3600

    /// For the download of this action; nil: a session.
    package private(set) var action: Int64?
    /// In which a link is asked for.
    package private(set) var session: String?
    /// The key that proved who it is; nil: a certificate did.
    package private(set) var key: Digest?
    /// SHA-256 of the certificate that was shown.
    package private(set) var certificate: Digest?

    /// A session.
    package init(key: Digest? = nil, certificate: Digest? = nil) {
        self.key = key
        self.certificate = certificate
    }

    /// The link to what an action downloads.
    package init(action: Int64, in session: ShownTicket, certificate: Digest? = nil) {
        self.action = action
        self.session = session.text
        self.certificate = certificate
    }

    package struct Answer: Codable, Sendable {
        /// Shown once.
        package var ticket: String
        package var until: Timestamp
    }

    package func perform(in change: Change) throws -> Answer {
        let device = try change.caller()
        try device.passport.demand(.firmware, for: .remedy)
        var client = try StockClient.find(device.id, in: change.rows)
        if let action {
            let shown = try demandSession(of: device, client, at: change.now)
            _ = try Deployment.demand(action, of: device, client, in: change)
            let until = change.now.adding(seconds: Self.downloadSeconds)
            let answer = ticket(shown.link(to: action, until: until), until)
            client.mender.download = answer.kept
            try client.keep(in: change)
            return answer.shown
        }
        if let key { try demandAccepted(key, of: device, client) }
        let shown = ShownTicket(device.id, secret: change.house.random(32))
        let answer = ticket(shown, change.now.adding(seconds: Self.sessionSeconds))
        client.mender.session = answer.kept
        try client.keep(in: change)
        return answer.shown
    }

    private func ticket(_ shown: ShownTicket, _ until: Timestamp) -> (shown: Answer, kept: MenderTickets.Ticket) {
        (
            Answer(ticket: shown.text, until: until),
            MenderTickets.Ticket(hash: shown.hash, until: until, certificate: certificate, action: action)
        )
    }

    // What was proven was proven a moment ago: meanwhile the owner may have replaced a key that was stolen.

    private func demandAccepted(_ key: Digest, of device: Device, _ client: StockClient) throws(Refusal) {
        guard client.menderKey == key, let tenure = client.tenure, device.passport.tenure?.id == tenure else {
            throw MenderKey.notAccepted(key)
        }
    }

    private func demandSession(
        of device: Device, _ client: StockClient, at now: Timestamp
    ) throws(Refusal) -> ShownTicket {
        guard let session, let shown = ShownTicket(session), shown.device == device.id,
            client.mender.session?.admits(shown, over: certificate, at: now) == true
        else { throw MenderTickets.noSession }
        return shown
    }
}
