import Passport
import Registry
import Rollout
import Store
import Wire

/// What is offered to a device, as an action of a stock client: its number is the index of the offer in the ledger, so
/// that every node finds it again.
package struct Deployment: Sendable, Equatable {
    package let action: Int64
    package var release: ReleaseFile
    package let state: StockClient.State
    package let messages: [String]
    /// False outside of its rollout's maintenance window, until the client has begun: it is not told of it then. What it has
    /// begun goes on, because clients say only after their restart how it went.
    package let isOpen: Bool

    /// A release and its one artifact, as stock clients see it.
    package struct ReleaseFile: Sendable, Equatable {
        package let digest: Digest
        package let product: ProductID
        package let sequence: Int
        package let version: String
        /// Of what the client fetches; of an encrypted bundle that is for one device alone (`personal`).
        package private(set) var sha256: Digest
        package private(set) var size: Int
        package private(set) var form: ArtifactForm
        /// SHA-256 of the file in the store.
        package let stored: Digest
        package let encryption: EncryptedForm.Kind?

        /// The same with the end that only this device opens.
        package func personal(sha256: Digest, size: Int, form: ArtifactForm) -> ReleaseFile {
            var file = self
            (file.sha256, file.size, file.form) = (sha256, size, form)
            return file
        }
        /// What clients call the file: they go by its suffix.
        package var name: String { "\(product)-\(sequence)\(form.suffix)" }
    }

    /// What the device may take now; nil if nothing is offered, or its stage has no right to it.
    package static func current(
        of device: Device, _ client: StockClient, confirming: Bool, at now: Timestamp, in rows: any Rows
    ) throws -> Deployment? {
        guard let offered = device.passport.offeredUpdate,
            device.passport.allows(.firmware, for: offered.purpose),
            let action = try action(offering: offered.release, to: device.id, in: rows),
            let release = try file(of: offered.release, in: rows)
        else { return nil }
        let progress = client.progress.flatMap { $0.action == action ? $0 : nil }
        var state = progress?.state ?? (confirming ? .waiting : .running)
        if state == .waiting, client.autoConfirm != nil || !confirming { state = .running }
        let hasBegun = progress.map { $0.state != .waiting } ?? false
        return Deployment(
            action: action, release: release, state: state, messages: progress?.messages ?? [],
            isOpen: try hasBegun || isInWindow(offered.release, device, client, at: now, in: rows))
    }

    /// What the device runs, under the number of the offer that it came by; nil if it came by none.
    package static func installed(
        on device: Device, _ client: StockClient, in rows: any Rows
    ) throws -> Deployment? {
        guard let installed = device.passport.installed else { return nil }
        return try over(installed, on: device, client, in: rows)
    }

    /// What was offered to the device before, and taken back or replaced: it may run it all the same.
    package static func earlier(on device: Device, _ client: StockClient, in rows: any Rows) throws -> Deployment? {
        guard let earlier = device.passport.earlierOffer else { return nil }
        return try over(earlier, on: device, client, in: rows)
    }

    private static func over(
        _ update: Passport.Update, on device: Device, _ client: StockClient, in rows: any Rows
    ) throws -> Deployment? {
        guard let action = try action(offering: update.release, to: device.id, in: rows),
            let release = try file(of: update.release, in: rows)
        else { return nil }
        let progress = client.progress.flatMap { $0.action == action ? $0 : nil }
        return Deployment(
            action: action, release: release, state: .closed, messages: progress?.messages ?? [], isOpen: true)
    }

    /// Offers that are looked through, the newest first.
    private static let searchedOffers = 32

    static func action(offering release: Digest, to device: DeviceID, in rows: any Rows) throws -> Int64? {
        // One after the other, because each has an index of its own; a device goes back seldom.
        func offers(_ kind: String) throws -> [Row] {
            try rows.query(
                "SELECT idx, entry FROM ledger WHERE device = $1 AND kind = '\(kind)' ORDER BY idx DESC LIMIT $2",
                [Value(device), Value(searchedOffers)])
        }
        let found = try offers("updateOffered") + offers("returnOffered")
        for row in found.sorted(by: { $0.optionalInt("idx") ?? 0 > $1.optionalInt("idx") ?? 0 }) {
            let entry = try CanonicalJSON.decode(Entry.self, from: row.bytes("entry"), limit: Entry.maximumBytes)
            switch entry.event {
            case .updateOffered(release, _), .returnOffered(release, _, _): return row.optionalInt("idx")
            default: continue
            }
        }
        return nil
    }

    /// Nil for what was published by a version that served no stock clients: they see nothing of it.
    private static func file(of release: Digest, in rows: any Rows) throws -> ReleaseFile? {
        guard
            let row = try rows.first(
                "SELECT product, sequence, version, sha256, size, encryption FROM release WHERE digest = $1",
                [Value(release)]),
            let sha256 = Digest(hex: try row.text("sha256"))
        else { throw Row.damaged("release") }
        guard let form = try ArtifactForm.find(sha256, in: rows) else { return nil }
        let encryption = row.optionalText("encryption").flatMap(EncryptedForm.Kind.init(rawValue:))
        return ReleaseFile(
            digest: release, product: try row.id("product"), sequence: try row.int("sequence"),
            version: try row.text("version"), sha256: sha256, size: try row.int("size"),
            form: encryption == .rauc ? form.named(".raucb") : form, stored: sha256, encryption: encryption)
    }

    /// Whether the rollout that offers the release has no maintenance window, or its window is open where the device is: the zone
    /// that its client named, or our agent, or the plan.
    private static func isInWindow(
        _ release: Digest, _ device: Device, _ client: StockClient, at now: Timestamp, in rows: any Rows
    ) throws -> Bool {
        let row = try rows.first(
            """
            SELECT r.plan, c.posture FROM rollout_member m JOIN rollout r ON r.id = m.rollout
            LEFT JOIN contact c ON c.device = m.device
            WHERE m.device = $1 AND m.state IN ($2, $3) AND r.release = $4 ORDER BY r.planned_at DESC LIMIT 1
            """,
            [
                Value(device.id), .text(RolloutMember.State.offered.rawValue),
                .text(RolloutMember.State.silent.rawValue), Value(release),
            ])
        guard let row else { return true }
        let plan = try CanonicalJSON.decode(RolloutPlan.self, from: Array(row.text("plan").utf8))
        guard let window = plan.window else { return true }
        let key = MaintenanceWindow.postureKey
        let zone = client.attributes?[key] ?? SelectedDevices.posture(row)[key]
        return window.isOpen(at: now, in: window.zone(of: zone))
    }
}
