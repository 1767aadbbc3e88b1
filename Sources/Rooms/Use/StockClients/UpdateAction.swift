import Passport
import Registry
import Store
import Wire

/// An offer of a release to a device and what became of it, for interfaces that number such things. Folded from the ledger: the
/// number is the offer's index in it.
package struct UpdateAction: Sendable, Equatable {
    package enum Kind: String, Sendable { case offered, installed, failed, withdrawn }
    package struct Step: Sendable, Equatable {
        package let kind: Kind
        package let at: Timestamp
        /// Role of who did it.
        package let by: String
    }

    package let id: Int64
    package let release: Digest
    package let sequence: Int
    /// From the offer on, in order.
    package private(set) var steps: [Step]
    /// How far the device's client is; `closed` if the action is over.
    package private(set) var state: StockClient.State
    /// What the client said of it lately, the newest last; and when the last of it.
    package private(set) var messages: [String] = []
    package private(set) var saidAt: Timestamp?

    /// What ended it; `offered` if another offer did, or the end of a tenure.
    package var outcome: Kind? { state == .closed ? steps.last?.kind : nil }

    /// Entries of the device that are looked through, and told, at most.
    private static let within = 5000
    private static let limit = 400

    /// Those that the ledger's last entries of the device tell of, newest first.
    package static func all(of device: Device, confirming: Bool, at now: Timestamp, in rows: any Rows) throws
        -> [UpdateAction]
    {
        let entries = try rows.query(
            """
            SELECT idx, entry FROM (
                SELECT idx, entry, kind FROM ledger WHERE device = $1 ORDER BY idx DESC LIMIT \(within)) AS lately
            WHERE kind IN ('updateOffered', 'returnOffered', 'updated', 'updateFailed', 'updateWithdrawn', 'updateObserved')
            ORDER BY idx DESC LIMIT \(limit)
            """, [Value(device.id)])
        var actions: [UpdateAction] = []
        for row in entries.reversed() {
            let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"), limit: Entry.maximumBytes)
            take(entry, Int64(try row.int("idx")), into: &actions)
        }
        try complete(&actions, device, confirming: confirming, at: now, in: rows)
        return actions.reversed()
    }

    private static func take(_ entry: Entry, _ index: Int64, into actions: inout [UpdateAction]) {
        func step(_ kind: Kind) -> Step { Step(kind: kind, at: entry.at, by: entry.by.role) }
        func end(_ release: Digest, _ kind: Kind) {
            // A word that comes late belongs to the last offer of that release.
            guard let last = actions.lastIndex(where: { $0.release == release }) else { return }
            actions[last].steps.append(step(kind))
        }
        switch entry.event {
        case .updateOffered(let release, let sequence), .returnOffered(let release, let sequence, _):
            actions.append(
                UpdateAction(
                    id: index, release: release, sequence: sequence, steps: [step(.offered)], state: .closed))
        case .updated(let release, _, _), .updateObserved(let release, _, .installed): end(release, .installed)
        case .updateFailed(let release, _, _, _), .updateObserved(let release, _, .failed): end(release, .failed)
        case .updateWithdrawn(let release, _): end(release, .withdrawn)
        default: break
        }
    }

    /// What is not in the ledger: that the last one is under way, and what its client says.
    private static func complete(
        _ actions: inout [UpdateAction], _ device: Device, confirming: Bool, at now: Timestamp, in rows: any Rows
    ) throws {
        guard let last = actions.indices.last else { return }
        let client = try StockClient.find(device.id, in: rows)
        if let offered = device.passport.offeredUpdate, offered.release == actions[last].release {
            let present = try Deployment.current(of: device, client, confirming: confirming, at: now, in: rows)
            actions[last].state = present?.state ?? .running
        }
        guard let progress = client.progress, let told = actions.firstIndex(where: { $0.id == progress.action }) else {
            return
        }
        actions[told].messages = progress.messages
        actions[told].saidAt = try rows.first(
            "SELECT at FROM stock_client WHERE device = $1", [Value(device.id)])?.optionalTime("at")
    }
}
