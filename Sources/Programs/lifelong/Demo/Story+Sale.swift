import Agent
import Fleet
import Foundation
import Manufacture
import Pairing
import Passport
import Registry
import Station
import Use
import Wire

typealias FleetSummary = Fleet.Summary

/// From stock to owners.
extension Story {
    // MARK: - A diverted unit

    func catchDivertedUnit() async throws {
        narrator.chapter("A diverted unit")
        let index = units.count - 1
        let serial = units[index].serial
        try startAgent(index, once: true)
        _ = try await units[index].process?.wait()
        let alarm = try await openAlarm(.contactBeforeShipping, of: serial)
        narrator.alarm("ALARM \(alarm.index): \(alarm.detail)")
        let refusal = try await refusal {
            _ = try await self.owners[Self.grace]?.act(PairDevice(device: serial, grade: .declared))
        }
        narrator.check("Whoever has \(serial) cannot make it theirs: \(refusal.detail)")
    }

    /// The open alarm of that kind on the device, as a person sees it in the API.
    func openAlarm(_ kind: Alarm, of serial: String, within limit: Duration = .seconds(30)) async throws -> AlarmView {
        var found: AlarmView?
        try await eventually("an alarm \(kind.rawValue) of \(serial) is open", within: limit) {
            let page: AlarmPage = try await admin.read("alarms", query: [("open", "true"), ("limit", "200")])
            found = page.alarms.first { $0.alarm == kind && $0.serial == serial }
            return found != nil
        }
        guard let found else { throw failed("no alarm \(kind.rawValue).") }
        return found
    }

    // MARK: - Shipping and pairing

    func sell() async throws {
        narrator.chapter("Sale")
        let left = try await admin.act(ShipDevices(devices: sold.map { units[$0].serial }))
        try expect(left.shipped == units.count - 1, "\(left.shipped) thermostats were shipped.")
        let fleet = try await admin.act(ShipDevices(batch: fleetBatch))
        try expect(fleet.shipped == settings.fleet, "\(fleet.shipped) sensors were shipped.")
        narrator.tell(
            "\(left.shipped) thermostats and \(fleet.shipped) sensors leave the maker; the diverted one stays in stock."
        )
        try await refuseWrongSecret()
        try await pairUnits()
        try await pairFleet()
    }

    private func refuseWrongSecret() async throws {
        let refusal = try await refusal {
            _ = try await self.owners[Self.organisation]?.act(
                PairDevice(device: self.units[2].serial, grade: .secret, secret: "0000-0000-0000-0000"))
        }
        try expect(refusal.code == .forbidden, "a wrong secret met \(refusal).")
        narrator.check("A wrong secret for \(units[2].serial) is refused: \(refusal.detail)")
    }

    private func pairUnits() async throws {
        let grades: [Grade] = [.declared, .label, .secret, .proven]
        let names = [Self.organisation, Self.organisation, Self.organisation, Self.ada, Self.grace]
        for index in sold {
            units[index].grade = grades[index % grades.count]
            units[index].owner = names[index % names.count]
            let unit = units[index]
            let label = try label(unit.serial)
            let answer = try await owners[unit.owner]?.act(
                PairDevice(
                    device: unit.serial, grade: unit.grade, labelCode: unit.grade == .label ? label.code : nil,
                    secret: unit.grade == .secret ? label.secret : nil))
            try expect(
                answer?.state == (unit.grade == .proven ? .waitingForProof : .paired),
                "pairing \(unit.serial) as \(unit.grade.rawValue) gave \(answer?.state.rawValue ?? "nothing").")
            narrator.bar(index + 1, of: sold.count, "asked for by their owners")
        }
        let counts = grades.map { grade in "\(sold.count { units[$0].grade == grade }) \(grade.rawValue)" }
        narrator.tell(
            "Owners pair the thermostats: \(counts.joined(separator: ", ")) (codes and secrets from the labels).")
    }

    private func pairFleet() async throws {
        guard let owner = owners[Self.organisation] else { return }
        var after: String?
        var paired = 0
        repeat {
            let page: DevicePage = try await admin.read(
                "devices", query: [("batch", fleetBatch.text), ("limit", "200"), ("after", after)])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (position, device) in page.devices.enumerated() {
                    if position >= 8 { try await group.next() }
                    group.addTask { _ = try await owner.act(PairDevice(device: device.serial, grade: .declared)) }
                    narrator.bar(paired + position, of: settings.fleet, "paired")
                }
                try await group.waitForAll()
            }
            paired += page.devices.count
            after = page.next
        } while after != nil
        try expect(paired == settings.fleet, "\(paired) sensors were paired.")
        narrator.tell("\(Self.organisation) pairs \(paired) sensors.")
    }

    // MARK: - Enrolment

    func enrol() async throws {
        narrator.chapter("Enrolment")
        for index in sold { try startAgent(index) }
        narrator.tell(
            "\(sold.count) agents start, each a process with nothing but its birth key and the anchor from birth.")
        try await eventually("enrolled", all: Array(sold)) { try self.status($0).operational != nil }
        for index in sold {
            let view = try await view(units[index].serial)
            try expect(
                view.stage == .inUse && view.tenures.last?.grade == units[index].grade,
                "\(units[index].serial) is \(view.stage.rawValue), paired \(view.tenures.last?.grade.rawValue ?? "not at all")."
            )
        }
        let proven = sold.count { units[$0].grade == .proven }
        narrator.check(
            "All found their owners and enrolled over EST; \(proven) proved with the birth key that they are there.")
        let summary = try await fleet("fleet-enrolment", checkIns: 1)
        try expect(summary.states == ["enrolled": settings.fleet], "the fleet's states are \(summary.states).")
        narrator.check("\(summary.devices) sensors enrolled and checked in: \(Self.figures(summary)).")
    }

    static func figures(_ summary: FleetSummary) -> String {
        let rate = Double(summary.requests) / max(0.001, summary.seconds)
        return "\(summary.requests) requests, \(Int(rate)) a second, half within "
            + "\(String(format: "%.0f", summary.latencyMilliseconds.p50)) ms, 99 % within "
            + "\(String(format: "%.0f", summary.latencyMilliseconds.p99)) ms"
    }

    // MARK: - Configuration

    func configure() async throws {
        narrator.chapter("Configuration")
        for index in sold {
            let unit = units[index]
            let answer = try await owners[unit.owner]?.act(
                ConfigureDevice(
                    device: unit.serial, document: "{\"setpoint\":\(18 + index % 5),\"room\":\"\(100 + unit.number)\"}")
            )
            try expect(answer?.version == 1, "configuring \(unit.serial) gave \(String(describing: answer)).")
        }
        narrator.tell("The owners set a temperature for each room.")
        try await eventually("configured", all: Array(sold)) {
            try self.status($0).configuration == 1
                ? try await self.view(self.units[$0].serial).configuration.appliedVersion == 1 : false
        }
        narrator.check("All \(sold.count) put it in force and acknowledged it with a signed receipt.")
    }
}
