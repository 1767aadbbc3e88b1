import Passport
import Registry
import Store
import Trust
import Wire

/// What lets a Mender client in for a while: a session, which it sends with every request, and the link to what it downloads, which it
/// calls without showing anything else. Kept as hashes; each new one ends the one before.
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

    init(_ device: DeviceID, random: [UInt8]) {
        self.device = device
        secret = Hex.encode(random)
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
    package var action: Int64?
    /// SHA-256 of the certificate that was shown.
    package var certificate: Digest?

    package init(action: Int64? = nil, certificate: Digest? = nil) {
        self.action = action
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
        let shown = ShownTicket(device.id, random: change.house.random(32))
        let seconds = action == nil ? Self.sessionSeconds : Self.downloadSeconds
        let ticket = MenderTickets.Ticket(
            hash: shown.hash, until: change.now.adding(seconds: seconds), certificate: certificate, action: action)
        if let action {
            _ = try Deployment.demand(action, of: device, client, in: change)
            client.mender.download = ticket
        } else {
            client.mender.session = ticket
        }
        try client.keep(in: change)
        return Answer(ticket: shown.text, until: ticket.until)
    }
}
