import Keys
import Rollout
import Trust
import Wire

/// What is well with a device and what is not, each with what to do: for `lifelong-agent doctor`. Looks and changes nothing.
package struct Examination: Codable, Sendable, Equatable {
    package enum Verdict: String, Codable, Sendable {
        case good
        /// Will pass, or is meant so, and explains what somebody may wonder about.
        case watch
        /// Somebody has to do something.
        case bad
    }

    package struct Finding: Codable, Sendable, Equatable {
        package var part: String
        package var verdict: Verdict
        package var text: String
        /// What to do; missing where nothing is to be done.
        package var hint: String?
    }

    /// What is known of the home from around it.
    package struct Place: Sendable {
        /// Permission bits of the home's folder; nil if it cannot be looked at.
        package var mode: Int?
        /// Bytes that may still be written there; nil if unknown.
        package var freeBytes: Int64?
        /// Whether an agent works in it now.
        package var isWorkedIn: Bool

        package init(mode: Int?, freeBytes: Int64?, isWorkedIn: Bool) {
            self.mode = mode
            self.freeBytes = freeBytes
            self.isWorkedIn = isWorkedIn
        }
    }

    package private(set) var findings: [Finding] = []
    package var isWell: Bool { !findings.contains { $0.verdict == .bad } }
    /// Seconds by which the clock may differ from the service's: half of what certificates are dated back.
    static let clockTolerance: Int64 = 150

    /// - Parameter keys: nil if they could not be opened; `keyFault` says why then.
    package init(
        of home: AgentHome, on disk: any Disk, keys: (any KeyStore)?, keyFault: Refusal? = nil, place: Place,
        settings: Result<DeviceSettings, Refusal> = .success(DeviceSettings()), at now: Timestamp
    ) {
        look("home") { try Self.lookAtPlace(place, home) }
        if case .failure(let fault) = settings { note("settings", .bad, fault.detail, fault.hint) }
        let set = (try? settings.get()) ?? DeviceSettings()
        let slots = Slots(on: disk, folder: home.slots, board: set.board(on: disk, home: home))
        let unit = look("unit") { try Self.lookAtUnit(home, disk) }
        guard let unit else { return }
        look("clock") { Self.lookAtClock(unit, now) }
        look("keys") {
            if let keyFault { throw keyFault }
            return try Self.lookAtKeys(keys, home, disk)
        }
        look("certificate") { try Self.lookAtCertificate(keys, home, disk, now) }
        look("image") { try Self.lookAtImage(slots, Updates(on: disk, home: home)) }
        look("slots") { try Self.lookAtSlots(slots) }
        if let window = set.window { look("window") { Self.lookAtWindow(window, set.timeZone, now) } }
        look("space") { try Self.lookAtSpace(place.freeBytes, slots, home, disk) }
        look("log") { try Self.lookAtLog(home, disk) }
        look("receipts") { try Self.lookAtReceipts(home, disk) }
        look("agent") { try Self.lookAtAgent(place, home, disk) }
    }

    /// What the service said to the birth certificate, or why it said nothing.
    package mutating func add(_ contact: Result<DeviceStatus, ContactFailure>, at now: Timestamp) {
        switch contact {
        case .success(let status):
            let drift = abs(status.serverTime.seconds(since: now))
            if drift > Self.clockTolerance {
                note(
                    "clock", .bad, "It differs from the service's by \(drift) s.",
                    "Set the clock, or start a time service; certificates are judged by it.")
            }
            let isCutOff = [.quarantined, .revoked].contains(status.state)
            note("service", isCutOff ? .bad : .good, "\(status.state.rawValue): \(status.reason)", status.hint)
        case .failure(let failure):
            note("service", .bad, failure.refusal.detail, failure.refusal.hint)
        }
    }

    private mutating func note(_ part: String, _ verdict: Verdict, _ text: String, _ hint: String? = nil) {
        findings.append(Finding(part: part, verdict: verdict, text: text, hint: hint))
    }

    /// A part that cannot even be looked at is a finding, too.
    @discardableResult
    private mutating func look<T>(_ part: String, _ body: () throws -> Seen<T>) -> T? {
        do {
            let seen = try body()
            note(part, seen.verdict, seen.text, seen.hint)
            return seen.value
        } catch {
            let refusal = error as? Refusal
            note(
                part, .bad, refusal?.detail ?? "It cannot be looked at: \(String("\(error)".prefix(200)))",
                refusal?.hint ?? "Check the disk.")
            return nil
        }
    }
}

/// One part, as it was found.
private struct Seen<Value> {
    var verdict = Examination.Verdict.good
    var text: String
    var hint: String?
    var value: Value
}

extension Seen where Value == Void {
    init(_ verdict: Examination.Verdict = .good, _ text: String, hint: String? = nil) {
        self.init(verdict: verdict, text: text, hint: hint, value: ())
    }
}

extension Examination {
    private static func lookAtPlace(_ place: Place, _ home: AgentHome) throws -> Seen<Void> {
        guard let mode = place.mode else {
            throw Refusal(
                .notFound, "There is no folder \(home.folder), or it may not be read.",
                hint: "Run this as the user of the agent, with the --home that it has.")
        }
        guard mode & 0o077 == 0 else {
            return Seen(
                .bad, "Others may read \(home.folder) (mode \(String(mode & 0o777, radix: 8))).",
                hint: "Run: chmod 700 \(home.folder)")
        }
        return Seen(.good, "\(home.folder) is the agent's alone.")
    }

    private static func lookAtUnit(_ home: AgentHome, _ disk: any Disk) throws -> Seen<UnitRecord> {
        guard let unit = try disk.read(UnitRecord.self, from: home.unit) else {
            throw Refusal(
                .unavailable, "No unit was born in \(home.folder).",
                hint: "Run: lifelong-agent birth --home \(home.folder) --hardware NAME")
        }
        return Seen(text: "\(unit.serial), a \(unit.product) on \(unit.hardware), born \(unit.born).", value: unit)
    }

    private static func lookAtClock(_ unit: UnitRecord, _ now: Timestamp) -> Seen<Void> {
        guard now >= unit.born else {
            return Seen(
                .bad, "It says \(now), which is before this unit was born.",
                hint: "Set the clock, or start a time service.")
        }
        return Seen(.good, "It says \(now).")
    }

    private static func lookAtKeys(_ keys: (any KeyStore)?, _ home: AgentHome, _ disk: any Disk) throws -> Seen<Void> {
        guard let keys, try keys.find(DeviceKeys.birth) != nil else {
            return Seen(
                .bad, "The birth key is gone: this device can prove to nobody who it is.",
                hint: "Give the unit back to its station; have it retired as replaced.")
        }
        guard let identity = try ClientIdentity.birth(in: home, on: disk, keys: keys), let leaf = identity.chain.first
        else {
            return Seen(
                .bad, "The birth certificate is gone.",
                hint: "Put it back to \(home.birthCertificate) from the station's files.")
        }
        guard try HeldCertificate(leaf).spki == identity.key.publicKeyDER else {
            return Seen(
                .bad, "The birth certificate is for another key than this device has.",
                hint: "Put back the certificate or the keys of this unit; each belongs to one unit only.")
        }
        return Seen(.good, "The birth key is here and fits its certificate (\(keys.kind)).")
    }

    private static func lookAtCertificate(
        _ keys: (any KeyStore)?, _ home: AgentHome, _ disk: any Disk, _ now: Timestamp
    ) throws -> Seen<Void> {
        guard let record = try disk.read(OperationalRecord.self, from: home.current),
            let der = Base64.decode(record.certificate)
        else {
            return Seen(.watch, "None: this device is not enrolled.", hint: "Pair it, if it is yours.")
        }
        let held = try HeldCertificate(der)
        if let keys, try keys.find(try KeyLabel(record.key)) == nil {
            return Seen(
                .watch, "Its key is gone.",
                hint: "The agent asks for a new one with its birth certificate; if it gets none, look at \"service\".")
        }
        if now < held.notBefore {
            return Seen(
                .bad, "It is valid from \(held.notBefore) only.", hint: "Set the clock, or start a time service.")
        }
        if now >= held.notAfter {
            return Seen(
                .watch, "It ended at \(held.notAfter).",
                hint: "The agent asks for a new one with its birth certificate; if it gets none, look at \"service\".")
        }
        if now > held.renewal {
            return Seen(
                .watch, "Until \(held.notAfter); it should have been renewed at \(held.renewal).",
                hint: "The agent renews it at its next contact; if it does not, look at \"service\" and \"agent\".")
        }
        return Seen(.good, "Until \(held.notAfter), renewed from \(held.renewal).")
    }

    private static func lookAtImage(_ slots: Slots, _ updates: Updates) throws -> Seen<Void> {
        let slot = try slots.active()
        let content = try slots.verify(slot)
        let text =
            "Slot \(slot.rawValue) runs release \(content.manifest.sequence) (\(content.manifest.version)), whole"
        let floor = try updates.floor()
        guard content.manifest.sequence >= floor else {
            return Seen(
                .bad, text + "; but release \(floor) was confirmed here before.",
                hint: "Somebody put an older image back: offer this device release \(floor) again, or a newer one.")
        }
        guard let trial = try slots.trial() else { return Seen(.good, text + ".") }
        return Seen(
            .watch, text + ", on trial (start \(trial.boots) of \(Slots.Trial.mostBoots)).",
            hint:
                "It stays once its health check passes; after \(Slots.Trial.mostBoots) starts without that, the one before comes back."
        )
    }

    private static func lookAtSlots(_ slots: Slots) throws -> Seen<Void> {
        let text = try slots.board.examine()
        guard try slots.board.chosen() != slots.active(), try slots.trial() == nil else {
            return Seen(.good, "They are \(text).")
        }
        return Seen(.watch, "They are \(text).", hint: "Start the device anew; until then it takes no release.")
    }

    private static func lookAtWindow(_ window: MaintenanceWindow, _ zone: String?, _ now: Timestamp) -> Seen<Void> {
        guard let opening = UpdateHours(windows: [window], zone: zone).opening(at: now) else {
            return Seen(.good, "It is open; \(zone ?? window.zone) is its time zone.")
        }
        return Seen(.good, "It opens at \(opening), by the time of \(zone ?? window.zone).")
    }

    /// An update is written beside what runs.
    private static func lookAtSpace(
        _ free: Int64?, _ slots: Slots, _ home: AgentHome, _ disk: any Disk
    ) throws -> Seen<Void> {
        guard let free else { return Seen(.watch, "It is not known how much is free.") }
        let slot = try slots.active()
        let image = try disk.size(of: slots.image(of: slot)) ?? slots.content(of: slot)?.manifest.size ?? 0
        let needed = Int64(image) + leastSpareBytes
        guard free >= needed else {
            return Seen(
                .bad, "\(free >> 20) MiB are free; an update as large as what runs needs \(needed >> 20).",
                hint: "Free space on the disk of \(home.folder).")
        }
        return Seen(.good, "\(free >> 20) MiB are free.")
    }

    /// For logs, receipts and configuration.
    private static let leastSpareBytes: Int64 = 8 << 20

    private static func lookAtLog(_ home: AgentHome, _ disk: any Disk) throws -> Seen<Void> {
        let entries = try HomeStatus.readLog(of: home, on: disk)
        if let broken = DeviceLog.firstFault(in: entries) {
            return Seen(
                .bad, "The chain is broken at entry \(broken).",
                hint: "Somebody wrote into it: look at \"lifelong-agent log\", and at the alarm in the console.")
        }
        guard entries.count < DeviceLog.largestCount else {
            return Seen(
                .bad, "It is full; new entries are lost.",
                hint: "The service takes it at a contact: look at \"service\".")
        }
        return Seen(.good, "\(entries.last.map { $0.index + 1 } ?? 0) entries, chain whole.")
    }

    private static func lookAtReceipts(_ home: AgentHome, _ disk: any Disk) throws -> Seen<Void> {
        let waiting = try disk.names(in: home.outbox).filter { $0.hasSuffix(".json") }.count
        return waiting == 0
            ? Seen(.good, "None waits.")
            : Seen(.watch, "\(waiting) wait to be delivered.", hint: "They go out at the next contact.")
    }

    private static func lookAtAgent(_ place: Place, _ home: AgentHome, _ disk: any Disk) throws -> Seen<Void> {
        if try disk.size(of: home.retired) != nil {
            return Seen(.watch, "This device is retired: no agent has anything to do any more.")
        }
        if try disk.size(of: home.wipe) != nil {
            return Seen(
                .watch, "A wipe is not finished.", hint: "Let the agent run: it ends the wipe and delivers its receipt."
            )
        }
        return place.isWorkedIn
            ? Seen(.good, "It works in this home.")
            : Seen(.watch, "None works in this home.", hint: "Start it: systemctl start lifelong-agent")
    }
}
