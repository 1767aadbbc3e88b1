import Passport
import Registry
import Store
import Wire

/// A release is offered to devices: named ones, or all of its product that may have it and do not.
package struct OfferUpdate: Action {
    package static let name = "use/offer-update"
    package static let permission = Permission.publish
    /// At most so many devices are looked at in one call, because nobody else writes meanwhile; offering to a product goes
    /// on with the next call.
    package static let limit = 1000

    package var product: ProductID
    package var sequence: Int
    package var devices: [String]?
    /// It mends: devices that are quarantined or being handed over may have it too, and, where none are named, only these
    /// are offered it.
    package var remedy: Bool?
    /// `next` of the call before.
    package var after: DeviceID?

    package init(
        product: ProductID, sequence: Int, devices: [String]? = nil, remedy: Bool? = nil, after: DeviceID? = nil
    ) {
        self.product = product
        self.sequence = sequence
        self.devices = devices
        self.remedy = remedy
        self.after = after
    }

    package struct Answer: Codable, Sendable, Equatable {
        package var offered: Int
        /// Have it already, their stage has no right to it, it is not for what they are, or somebody holds them.
        package var skipped: Int
        package var more: Bool
        /// Given back as `after` to go on; missing at the end.
        package var next: DeviceID?
        /// The first of those that it is not for, and the reason in one sentence.
        package var why: String?
    }

    package func perform(in change: Change) throws -> Answer {
        let release = try StoredRelease.require(sequence, of: product, in: change.rows)
        if remedy == true, release.manifest.encrypted != nil {
            throw Refusal(
                .conflict, "Release \(sequence) is encrypted, and a device that is cut off gets no key.",
                hint: "Publish the remedy unencrypted.", rule: "release: encrypted")
        }
        var answer = Answer(offered: 0, skipped: 0, more: false)
        let candidates = try candidates(change)
        if devices == nil, candidates.count == Self.limit {
            answer.more = true
            answer.next = candidates.last?.id
        }
        let held = try UpdateHolds.held(candidates.map(\.id), from: sequence, in: change.rows)
        for device in candidates {
            let passport = device.passport
            guard passport.product == product, !held.contains(device.id), passport.allows(.firmware, for: purpose),
                isNews(to: passport),
                passport.installed?.sequence ?? 0 < sequence
            else {
                answer.skipped += 1
                continue
            }
            if let misfit = try release.misfit(device, in: change.rows) {
                answer.skipped += 1
                answer.why = answer.why ?? "\(device.serial): \(misfit.detail)"
                continue
            }
            try change.record(.updateOffered(release: release.digest, sequence: sequence), on: device.id)
            answer.offered += 1
        }
        return answer
    }

    private var purpose: Purpose { remedy == true ? .remedy : .ordinary }

    /// What was offered for ordinary use, and waits in a device that was cut off since, is offered again as the remedy.
    private func isNews(to passport: Passport) -> Bool {
        guard let offered = passport.offeredUpdate, offered.sequence >= sequence else { return true }
        return offered.sequence == sequence && purpose == .remedy
            && !passport.allows(.firmware, for: offered.purpose)
    }

    private func candidates(_ change: Change) throws -> [Device] {
        if let devices {
            guard devices.count <= Self.limit else {
                throw Refusal(.tooLarge, "At most \(Self.limit) devices go into one call.", hint: "Send them in parts.")
            }
            // Each once, however often and by whichever of its names it is named.
            var seen: Set<DeviceID> = []
            return try devices.map { try change.device($0) }.filter { seen.insert($0.id).inserted }
        }
        let stages: [Stage] = remedy == true ? [.quarantined, .inTransfer] : [.inUse]
        let found = try stages.flatMap { stage in
            try change.rows.query(
                """
                SELECT \(Device.columns) FROM device WHERE product = $1 AND stage = $2 AND id > $3 ORDER BY id LIMIT $4
                """, [Value(product), .text(stage.rawValue), .text(after?.text ?? ""), Value(Self.limit)])
        }.map { try Device($0) }
        return Array(found.sorted { $0.id < $1.id }.prefix(Self.limit))
    }
}

/// Reading what is to be installed.
package enum Updates {
    /// What a status says: a device that may not check in hears of its update with its birth certificate.
    package static func forStatus(of passport: Passport, in rows: any Rows) throws -> DesiredState.Update? {
        guard !passport.allows(.backEnd) else { return nil }
        return try next(for: passport, in: rows)
    }

    package static func next(for passport: Passport, in rows: any Rows) throws -> DesiredState.Update? {
        guard let offered = passport.offeredUpdate, passport.allows(.firmware, for: offered.purpose),
            let row = try rows.first(
                "SELECT manifest, sha256, encryption FROM release WHERE digest = $1 AND withdrawn_at IS NULL",
                [Value(offered.release)]),
            // Where there is no back end there is no key: it waits until the device has one.
            row.optionalText("encryption") == nil || passport.allows(.backEnd)
        else { return nil }
        let seal = try CanonicalJSON.decode(Seal.self, from: Array(row.text("manifest").utf8))
        return DesiredState.Update(manifest: seal, path: DeviceAPI.artifacts + (try row.text("sha256")))
    }

    /// Whether the device may fetch this artifact now: it is offered to it, and its stage has the right.
    package static func demand(_ sha256: Digest, for device: Device, in rows: any Rows) throws {
        let offered = device.passport.offeredUpdate
        try device.passport.demand(.firmware, for: offered?.purpose ?? .ordinary)
        let row = try offered.flatMap {
            try rows.first(
                "SELECT sha256 FROM release WHERE digest = $1 AND withdrawn_at IS NULL", [Value($0.release)])
        }
        guard row?.optionalText("sha256") == sha256.description else {
            throw Refusal(
                .forbidden, "That artifact is not offered to this device.", hint: "Check in and fetch what is offered.",
                rule: "update: offered only")
        }
    }

    /// What opens the encrypted release that is offered to the device: only where it has a back end, and so an operational key
    /// to give it to. Quarantined, handed over or retired, it gets none.
    package static func demandKey(
        of release: Digest, for device: Device, in rows: any Rows
    ) throws -> PayloadKeys.Stored {
        try device.passport.demand(.backEnd)
        let offered = device.passport.offeredUpdate
        try device.passport.demand(.firmware, for: offered?.purpose ?? .ordinary)
        guard let offered, offered.release == release, try !StoredRelease.isWithdrawn(release, in: rows),
            let key = try PayloadKeys.find(release, in: rows)
        else {
            throw Refusal(
                .forbidden, "No encrypted release of that name is offered to this device.",
                hint: "Check in and fetch what is offered.", rule: "update: offered only")
        }
        return key
    }

    /// Whether that artifact is the one of the release that the device runs, as far as is known here.
    package static func demandInstalled(_ sha256: Digest, on device: Device, in rows: any Rows) throws {
        let row = try device.passport.installed.flatMap {
            try rows.first("SELECT sha256 FROM release WHERE digest = $1", [Value($0.release)])
        }
        guard row?.optionalText("sha256") == sha256.description else {
            throw Refusal(
                .notFound, "The device is not known to run that artifact.", hint: "Fetch the whole artifact.",
                rule: "update: delta")
        }
    }
}
