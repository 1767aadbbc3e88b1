import Ledger
import Passport
import Store
import Wire

/// What a person or a device can ask: one struct, one file, named by its verb.
///
/// Its name is its route (`POST /api/v1/<name>`), its command and its metric. It decides and writes inside one
/// transaction through `Change`; nothing in it waits, and nothing in it talks to anybody outside.
package protocol Action: Codable, Sendable {
    associatedtype Answer: Codable & Sendable
    /// "pairing/pair-device"
    static var name: String { get }
    /// What it exercises; who holds that is `Access`'s affair alone.
    static var permission: Permission { get }
    func perform(in change: Change) throws -> Answer
}

/// An answer that says nothing but "done".
package struct Done: Codable, Sendable, Equatable {
    package init() {}
}

/// One action's share of a transaction: it reads rows, records events and writes tables; all of it stays, or none.
///
/// Lives on the database's writing thread for as long as the action runs; never kept.
package final class Change {
    package let rows: any Rows
    package let principal: Principal
    package let house: House
    /// The instant of all that this change records; never before what the ledger has seen.
    package var now: Timestamp { sequencer.now }
    private let sequencer: Sequencer
    private var kept: Refusal?

    init(rows: any Rows, principal: Principal, house: House, sequencer: Sequencer) {
        self.rows = rows
        self.principal = principal
        self.house = house
        self.sequencer = sequencer
    }

    /// Appends a fact about the house to the ledger. Returns its index.
    @discardableResult
    package func record(_ event: Event) throws -> Int64 {
        try sequencer.append(Entry(at: now, device: nil, by: actor, event: event))
    }

    /// Advances the device's passport by the event and appends it to the ledger, or refuses. Returns the passport.
    @discardableResult
    package func record(_ event: Event, on device: DeviceID) throws -> Passport {
        let before = try sequencer.passport(of: device, in: rows)
        let after = try Passport.advance(before, device: device, by: event, at: now)
        sequencer.advance(before, to: after)
        try sequencer.append(Entry(at: now, device: device, by: actor, event: event))
        if before.stage != after.stage { try count(device, from: before.stage, to: after.stage) }
        sequencer.counted.run(before.running, to: after.running)
        return after
    }

    /// The first event of a device: makes its passport and its row.
    package func recordBirth(
        _ event: Event, of device: DeviceID, serial: String, hardware: String, certificate: [UInt8], labelCode: Digest?,
        secretHash: String?
    ) throws {
        let passport = try Passport.advance(nil, device: device, by: event, at: now)
        let json = String(decoding: try passport.json(), as: UTF8.self)
        try rows.execute(
            """
            INSERT INTO device (id, serial, product, batch, hardware, stage, version, passport, birth_certificate,
                label_code, secret_hash, pairing_failures, born_at, changed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13)
            """,
            [
                Value(device), .text(serial), Value(passport.product), Value(passport.batch), .text(hardware),
                .text(passport.stage.rawValue), Value(passport.version), .text(json), .bytes(certificate),
                Value(labelCode?.description), Value(secretHash), Value(now), Value(now),
            ])
        sequencer.bear(passport)
        try sequencer.append(Entry(at: now, device: device, by: actor, event: event))
        sequencer.counted.addToFleet(1, to: passport.stage)
    }

    private func count(_ device: DeviceID, from old: Stage, to new: Stage) throws {
        let row = try rows.first("SELECT owner FROM device WHERE id = $1", [Value(device)])
        sequencer.counted.move(from: old, to: new, of: try row?.optionalID("owner"))
    }

    /// Gives the device an owner, or takes the one that it has away, with the owner's counts. Alarms are shown to the owner
    /// under whom they were raised, for as long as it is theirs: their sentences may say where it was.
    func setOwner(_ owner: OwnerID?, of device: DeviceID, in stage: Stage, before: OwnerID?) throws {
        try rows.execute("UPDATE device SET owner = $1 WHERE id = $2", [Value(owner), Value(device)])
        if owner == nil {
            try rows.execute(
                "UPDATE alarm SET owner = NULL WHERE device = $1 AND owner IS NOT NULL", [Value(device)])
        }
        if let before { sequencer.counted.add(-1, to: stage, of: before) }
        if let owner { sequencer.counted.add(1, to: stage, of: owner) }
    }

    /// Counts something (`Tally`), together with what is counted.
    func count(_ tally: String) { sequencer.counted.add(1, to: tally) }

    /// Refuses, and yet keeps what was written so far: a counted failure, an alarm. The caller returns right after.
    package func refuseKeeping(_ refusal: Refusal) -> Refusal {
        kept = refusal
        return refusal
    }

    var keptRefusal: Refusal? { kept }

    /// Index of the leaf that was appended last.
    package var lastIndex: Int64 { sequencer.size - 1 }

    package func newID<Kind>() -> Identifier<Kind> { Identifier.timeOrdered(at: now, random: house.random(10)) }

    /// The device's passport as this change sees it.
    package func passport(of device: DeviceID) throws -> Passport { try sequencer.passport(of: device, in: rows) }

    /// Reads the passports of many devices with few statements, before each is changed.
    package func load(_ devices: [DeviceID]) throws { try sequencer.load(devices, in: rows) }

    package func device(_ name: String) throws -> Device { try Device.require(name, in: rows) }

    /// Who did it, as the ledger may know it: an owner only as a role, because a name would be personal.
    private var actor: Actor {
        Actor(role: principal.role.rawValue, person: principal.role == .owner ? nil : principal.person)
    }
}
