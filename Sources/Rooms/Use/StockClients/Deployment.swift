import Passport
import Registry
import Store
import Wire

/// What is offered to a device, as an action of a stock client: its number is the index of the offer in the ledger, so
/// that every node finds it again.
package struct Deployment: Sendable, Equatable {
    package let action: Int64
    package var release: ReleaseFile
    package let state: StockClient.State
    package let messages: [String]
    package var handling = Handling.forced
    /// Nil: there is none.
    package var window: Window?

    /// How urgently the client is to take it.
    package enum Handling: String, Codable, Sendable {
        /// If it suits: hawkBit's soft update.
        case attempt
        case forced
    }

    /// A maintenance window: outside of it a device may fetch, and does not install.
    package enum Window: String, Codable, Sendable { case available, unavailable }

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
        of device: Device, _ client: StockClient, confirming: Bool, in rows: any Rows
    ) throws -> Deployment? {
        guard let offered = device.passport.offeredUpdate,
            device.passport.allows(.firmware, for: offered.purpose),
            let action = try action(offering: offered.release, to: device.id, in: rows),
            try !StoredRelease.isWithdrawn(offered.release, in: rows),
            let release = try file(of: offered.release, in: rows)
        else { return nil }
        let progress = client.progress.flatMap { $0.action == action ? $0 : nil }
        var state = progress?.state ?? (confirming ? .waiting : .running)
        if state == .waiting, client.autoConfirm != nil || !confirming { state = .running }
        return Deployment(
            action: action, release: release, state: state, messages: progress?.messages ?? [])
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
            action: action, release: release, state: .closed, messages: progress?.messages ?? [])
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

    // MARK: - In a change

    /// The action of that number, as long as it is the device's present one; else what was asked for is over, or was never.
    static func demand(
        _ action: Int64, of device: Device, _ client: StockClient, in change: Change
    ) throws -> Deployment {
        if let offered = device.passport.offeredUpdate {
            try device.passport.demand(.firmware, for: offered.purpose)
        }
        let confirming = change.house.settings.confirmUpdates
        if let present = try current(of: device, client, confirming: confirming, in: change.rows),
            present.action == action
        {
            return present
        }
        let was = try change.rows.first(
            "SELECT idx FROM ledger WHERE idx = $1 AND device = $2 AND kind IN ('updateOffered', 'returnOffered')",
            [.int(action), Value(device.id)])
        guard was != nil else {
            throw Refusal(
                .notFound, "There is no action \(action) of this device.",
                hint: "Poll, and take what the answer links to.")
        }
        throw Refusal(
            .gone, "The action \(action) is over.", hint: "Poll, and take what the answer links to.",
            rule: "action: over")
    }
}
