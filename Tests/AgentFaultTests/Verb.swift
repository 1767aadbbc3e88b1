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
    case birth, pairing, enrolment, renewal, checkIn, configuration, update, delta, rollback, remedy, wipe, retirement
    /// On a board with U-Boot, and with RAUC: up to the device's new start, and from it on, with a good end and with a bad one.
    case uBootInstall, uBootTrial, uBootReturn, raucInstall, raucTrial, raucReturn

    static let release = 1
    /// One that comes as a delta from the first.
    static let next = 2
    /// A bundle of RAUC's, published when it is needed.
    static let bundle = 3
    /// The number of the release that is offered in the end.
    var offered: Int { board == .rauc ? Self.bundle : self == .delta ? Self.next : Self.release }

    static let onRAUC = allCases.filter { $0.board == .rauc }

    enum Board { case plain, uBoot, rauc }

    var board: Board {
        switch self {
        case .uBootInstall, .uBootTrial, .uBootReturn: .uBoot
        case .raucInstall, .raucTrial, .raucReturn: .rauc
        default: .plain
        }
    }

    /// The release is installed, and the device started anew, before the run that is struck.
    var isAfterStart: Bool { [.uBootTrial, .uBootReturn, .raucTrial, .raucReturn].contains(self) }
    var isReturn: Bool { [.rollback, .uBootReturn, .raucReturn].contains(self) }

    /// RAUC and its boot loader keep what they keep in their own ways: what a power cut leaves of it is not this program's work.
    func takes(_ fault: Fault) -> Bool { board != .rauc || !fault.isPowerCut }

    /// How often a device may have to start until it has come where it should be.
    var starts: Int { board == .plain ? 3 : 6 }

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
        case .delta:
            try await patient.enrol()
            try await patient.offer(Self.release)
            try await patient.live()
            try await patient.offer(Self.next)
        case .uBootInstall, .uBootTrial, .uBootReturn:
            try await patient.enrol()
            try await patient.offer(Self.release)
        case .raucInstall, .raucTrial, .raucReturn:
            try await patient.enrol()
            try await patient.offer(Self.bundle)
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
    func arguments(_ patient: Patient) -> [String] {
        ["run", "--once", "--home", patient.path] + (isReturn ? ["--health-command", "false"] : [])
            + patient.footing.arguments
    }

    /// What is wrong in the end.
    func complaints(_ patient: Patient, old: [String]) async throws -> [String] {
        var wrong = try await patient.complaints()
        func expect(_ condition: Bool, _ what: String) { if !condition { wrong.append(what) } }
        let passport = try await patient.passport()
        let place = patient.home.place
        let status = try HomeStatus(of: place, on: PosixDisk(), board: patient.footing.board(place))
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
        case .update, .delta, .remedy, .uBootInstall, .uBootTrial, .raucInstall, .raucTrial:
            expect(status.image.sequence == offered, "release \(status.image.sequence) runs")
            expect(passport.installed?.sequence == offered && passport.offeredUpdate == nil, "the service waits")
            expect(passport.stage == (self == .remedy ? .quarantined : .inUse), "it is \(passport.stage)")
            try await count("updated", self == .delta ? 2 : 1)
        case .rollback, .uBootReturn, .raucReturn:
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
