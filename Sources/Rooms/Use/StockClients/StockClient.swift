import Passport
import Registry
import Store
import Wire

/// What is kept of a device whose client is somebody else's: its token's hash, what it said of itself, and how far its
/// present action has come. One row a device; it belongs to the tenure and goes with it.
package struct StockClient: Sendable, Equatable {
    /// How far an action has come. What ends it stands in the ledger.
    package enum State: String, Sendable {
        /// For somebody at the device to confirm it.
        case waiting
        /// The device may take it.
        case running
        /// It was asked to stop, and has not said yet whether it does.
        case cancelling
        case closed
    }

    package struct Progress: Sendable, Equatable {
        /// Index of the offer in the ledger.
        package var action: Int64
        package var state: State
        /// What the device said, the newest last; bounded.
        package var messages: [String]
    }

    /// Somebody at the device confirmed all updates to come.
    package struct AutoConfirm: Codable, Sendable, Equatable {
        package var initiator: String
        package var remark: String
        package var at: Timestamp
    }

    package let device: DeviceID
    /// The tenure that the token belongs to.
    package var tenure: TenureID?
    /// SHA-256 of the token.
    package var token: Digest?
    /// What the device said of itself; nil until it did.
    package var attributes: [String: String]?
    package var autoConfirm: AutoConfirm?
    package var progress: Progress?
    /// SHA-256 of the key with which a Mender client asks for its sessions; accepted by the owner, for the tenure.
    package var menderKey: Digest?
    package var mender = MenderTickets()

    package static let maximumMessages = 20
    package static let maximumMessageBytes = 512
    package static let maximumAttributes = 64
    package static let maximumAttributeBytes = 256

    /// An empty one if nothing is kept.
    package static func find(_ device: DeviceID, in rows: any Rows) throws -> StockClient {
        var client = StockClient(device: device)
        let row = try rows.first(
            """
            SELECT tenure, token, attributes, auto_confirm, action, state, messages, mender_key, mender
            FROM stock_client WHERE device = $1
            """, [Value(device)])
        guard let row else { return client }
        client.tenure = try row.optionalID("tenure")
        client.token = row.optionalText("token").flatMap { Digest(hex: $0) }
        client.attributes = try row.optionalText("attributes").map {
            try CanonicalJSON.decode([String: String].self, from: $0.utf8)
        }
        client.autoConfirm = try row.optionalText("auto_confirm").map {
            try CanonicalJSON.decode(AutoConfirm.self, from: $0.utf8)
        }
        client.menderKey = row.optionalText("mender_key").flatMap { Digest(hex: $0) }
        client.mender =
            try row.optionalText("mender").map {
                try CanonicalJSON.decode(MenderTickets.self, from: $0.utf8)
            } ?? MenderTickets()
        if let action = row.optionalInt("action"), let state = row.optionalText("state").flatMap(State.init(rawValue:))
        {
            client.progress = Progress(
                action: action, state: state,
                messages: try CanonicalJSON.decode([String].self, from: row.text("messages").utf8))
        }
        return client
    }

    func keep(in change: Change) throws {
        try change.rows.execute(
            """
            INSERT INTO stock_client (device, tenure, token, attributes, auto_confirm, action, state, messages, at,
                mender_key, mender)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (device) DO UPDATE SET tenure = excluded.tenure, token = excluded.token,
                attributes = excluded.attributes, auto_confirm = excluded.auto_confirm, action = excluded.action,
                state = excluded.state, messages = excluded.messages, at = excluded.at,
                mender_key = excluded.mender_key, mender = excluded.mender
            """,
            [
                Value(device), Value(tenure), Value(token?.description),
                Value(try attributes.map { try Self.json($0) }),
                Value(try autoConfirm.map { try Self.json($0) }), progress.map { .int($0.action) } ?? .null,
                Value(progress?.state.rawValue), .text(try Self.json(progress?.messages ?? [])), Value(change.now),
                Value(menderKey?.description), Value(mender == MenderTickets() ? nil : try Self.json(mender)),
            ])
    }

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try CanonicalJSON.encode(value), as: UTF8.self)
    }

    /// What a device said, fit to be kept: short, few, and without control characters.
    static func messages(_ said: [String], after before: [String]) -> [String] {
        let new = said.suffix(maximumMessages).map { printable($0, atMost: maximumMessageBytes) }.filter { !$0.isEmpty }
        return Array((before + new).suffix(maximumMessages))
    }

    /// Control characters become spaces, and what is too long is cut between two characters.
    static func printable(_ text: String, atMost bytes: Int) -> String {
        var kept = ""
        var count = 0
        for scalar in text.unicodeScalars {
            let next = scalar.properties.generalCategory == .control ? " " : scalar
            count += String(next).utf8.count
            guard count <= bytes else { break }
            kept.unicodeScalars.append(next)
        }
        return kept
    }
}
