import Passport
import Store
import Wire

extension Reading {
    /// Everything of one device, by its name or serial.
    package func device(_ name: String, as principal: Principal) async throws -> DeviceView {
        let now = house.clock()
        return try await house.read { rows in
            let device = try Self.visible(name, to: principal, in: rows)
            return try view(device, at: now, principal, in: rows)
        }
    }

    private func view(_ device: Device, at now: Timestamp, _ principal: Principal, in rows: any Rows) throws
        -> DeviceView
    {
        let passport = device.passport
        let product = try rows.first("SELECT name FROM product WHERE id = $1", [Value(passport.product)])
        let pairing = try rows.first("SELECT expires FROM pairing WHERE device = $1", [Value(device.id)])
        let alarms = try Self.openAlarms(
            of: device, owner: Self.confinement(of: principal), in: rows)
        return DeviceView(
            device: device.id, serial: device.serial, product: passport.product,
            productTitle: product?.optionalText("name"), batch: passport.batch, hardware: device.hardware,
            stage: passport.stage, retirement: passport.retirement.map { .init(how: $0.how, at: $0.at) },
            passportVersion: passport.version, bornAt: passport.bornAt, changedAt: passport.changedAt,
            whatToDo: passport.whatToDo, rights: Self.rights(of: passport),
            tenures: try Self.tenures(of: device, principal, in: rows),
            birthChain: try birthChain(of: device, in: rows),
            operationalCertificates: try Self.operational(of: device.id, at: now, in: rows),
            contact: try Self.contact(of: device.id, in: rows),
            configuration: .init(
                wantedVersion: passport.configurationVersion, appliedVersion: passport.configurationApplied),
            update: .init(
                offered: try passport.offeredUpdate.map { try Self.known($0, in: rows) },
                installed: try passport.installed.map { try Self.known($0, in: rows) }),
            openAlarms: alarms, transfer: try Self.transfer(of: device, in: rows),
            pairingExpires: pairing?.optionalTime("expires"), wipeOwed: passport.wipeOwed,
            logEntries: passport.log?.count ?? 0,
            labels: Access.allows(.readFleet, principal) ? try DeviceLabels.of(device.id, in: rows) : nil,
            actions: DeviceActions.offered(on: device, to: principal))
    }

    private static func rights(of passport: Passport) -> [DeviceView.RightView] {
        Right.allCases.map { right in
            let verdict = passport.may(right)
            return .init(
                right: right, ruling: StageTable.ruling(right, in: passport.stage), allowed: verdict.allowed,
                reason: verdict.reason, rule: verdict.rule)
        }
    }

    private static func tenures(
        of device: Device, _ principal: Principal, in rows: any Rows
    ) throws -> [DeviceView.TenureView] {
        try rows.query(
            "SELECT id, owner, grade, since, ended FROM tenure WHERE device = $1 ORDER BY since, id", [Value(device.id)]
        ).map { row in
            let ended = row.optionalTime("ended")
            return .init(
                tenure: try row.id("id"), grade: Grade(rawValue: try row.text("grade")) ?? .declared,
                since: try row.time("since"), ended: ended, isOpen: ended == nil,
                owner: try ownerName(row.optionalID("owner"), principal, in: rows))
        }
    }

    private static func contact(of device: DeviceID, in rows: any Rows) throws -> DeviceView.ContactView? {
        try rows.first(
            "SELECT at, agent, version, sequence, slot, configuration, posture FROM contact WHERE device = $1",
            [Value(device)]
        ).map { row in
            .init(
                at: try row.time("at"), agent: try row.text("agent"), softwareVersion: try row.text("version"),
                sequence: try row.int("sequence"), slot: row.optionalText("slot"),
                configurationVersion: try row.int("configuration"),
                posture: texts(row.optionalText("posture")).merging(
                    try attributes(of: device, in: rows), uniquingKeysWith: { posture, _ in posture }))
        }
    }

    /// What a stock client said of its device.
    private static func attributes(of device: DeviceID, in rows: any Rows) throws -> [String: String] {
        texts(
            try rows.first("SELECT attributes FROM stock_client WHERE device = $1", [Value(device)])?
                .optionalText("attributes"))
    }

    private static func texts(_ json: String?) -> [String: String] {
        json.flatMap { try? CanonicalJSON.decode([String: String].self, from: $0.utf8) } ?? [:]
    }

    private static func known(_ update: Passport.Update, in rows: any Rows) throws -> DeviceView.UpdateView.Known {
        let row = try rows.first("SELECT version FROM release WHERE digest = $1", [Value(update.release)])
        return .init(
            release: update.release, sequence: update.sequence, version: row?.optionalText("version"),
            observed: update.observed)
    }

    private static func transfer(of device: Device, in rows: any Rows) throws -> DeviceView.TransferView? {
        guard let transfer = device.passport.transfer else { return nil }
        let row = try rows.first("SELECT expires FROM transfer WHERE device = $1", [Value(device.id)])
        return .init(
            offeredAt: transfer.offeredAt, acceptedAt: transfer.acceptedAt, expires: row?.optionalTime("expires"))
    }
}
