import Agent
import Foundation
import Pairing
import Passport
import Registry
import Retirement
import Transfer
import Use
import Wire
import Workbench

/// One thing that an agent does: what comes before it, how the program is started, and what must be in the end, whatever
/// happened in between.
enum Verb: String, CaseIterable, Sendable {
    case birth, pairing, enrolment, renewal, checkIn, configuration, update, rollback, remedy, wipe, retirement

    static let release = 1

    func prepare(_ patient: Patient) async throws {
        let house = patient.house
        switch self {
        case .birth: break
        case .pairing:
            _ = try await house.perform(PairDevice(device: patient.unit.serial, grade: .proven), as: patient.ada)
        case .enrolment:
            _ = try await house.perform(PairDevice(device: patient.unit.serial, grade: .declared), as: patient.ada)
        case .renewal:
            try await patient.enrol()
            patient.door.bench.clock.advance(seconds: house.settings.operationalLifeSeconds * 7 / 10)
        case .checkIn: try await patient.enrol()
        case .configuration:
            try await patient.enrol()
            try await patient.configure()
        case .update, .rollback:
            try await patient.enrol()
            try await patient.offer(Self.release)
        case .remedy:
            try await patient.enrol()
            _ = try await house.perform(QuarantineDevice(device: patient.unit.serial, reason: "tamper"), as: .system)
            try await patient.offer(Self.release, remedy: true)
        case .wipe, .retirement:
            try await patient.enrol()
            try await patient.configure()
            try await patient.live()
            try patient.plant()
            if self == .wipe {
                try await patient.giveAway()
            } else {
                _ = try await house.perform(RetireDevice(device: patient.unit.serial, how: .recycled), as: .system)
            }
        }
    }

    /// How the program is started, in the run with the fault and in the runs after it.
    func arguments(_ home: String) -> [String] {
        ["run", "--once", "--home", home] + (self == .rollback ? ["--health-command", "false"] : [])
    }

    /// What is wrong in the end.
    func complaints(_ patient: Patient, old: [String]) async throws -> [String] {
        var wrong = try await patient.complaints()
        func expect(_ condition: Bool, _ what: String) { if !condition { wrong.append(what) } }
        let passport = try await patient.passport()
        let status = try HomeStatus(of: patient.home.place, on: PosixDisk())
        func count(_ kind: String, _ wanted: Int) async throws {
            let there = try await patient.count(kind)
            expect(there == wanted, "\(kind) is in the ledger \(there) times, not \(wanted)")
        }
        switch self {
        case .birth: break
        case .pairing:
            expect(passport.stage == .inUse && passport.tenure?.grade == .proven, "it is not paired, with proof")
            try await count("paired", 1)
        case .enrolment, .checkIn: expect(passport.stage == .inUse, "it is \(passport.stage)")
        case .renewal:
            expect(passport.stage == .inUse, "it is \(passport.stage)")
            let renewed = try await patient.count("renewed")
            expect(renewed >= 1, "it was not renewed")
            expect(!old.contains(passport.certificates.first?.serial ?? ""), "it has the old certificate")
        case .configuration:
            expect(status.configuration == 1, "configuration \(status.configuration) is in force")
            expect(passport.configurationApplied == 1, "the service does not know it")
            try await count("configurationApplied", 1)
        case .update, .remedy:
            expect(status.image.sequence == Self.release, "release \(status.image.sequence) runs")
            expect(passport.installed?.sequence == Self.release && passport.offeredUpdate == nil, "the service waits")
            expect(passport.stage == (self == .remedy ? .quarantined : .inUse), "it is \(passport.stage)")
            try await count("updated", 1)
        case .rollback:
            expect(status.image.sequence == 0, "release \(status.image.sequence) runs")
            expect(passport.installed == nil && passport.offeredUpdate == nil, "the service waits")
            try await count("updateFailed", 1)
        case .wipe:
            expect(
                passport.stage == .inUse && !passport.wipeOwed,
                "it is \(passport.stage), wipe owed \(passport.wipeOwed)")
            try await count("wiped", 1)
            let left = patient.traces(of: [patient.secret] + old)
            expect(left.isEmpty, "the old owner is still in \(left)")
        case .retirement:
            expect(passport.stage == .retired && !passport.wipeOwed && status.retired, "it is \(passport.stage)")
            try await count("wiped", 1)
            let left = patient.traces(of: [patient.secret] + old)
            expect(left.isEmpty, "the old owner is still in \(left)")
        }
        return wrong
    }
}
