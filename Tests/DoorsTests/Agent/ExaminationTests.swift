import Agent
import Foundation
import Rollout
import Testing
import Trust
import Wire
import Workbench

/// One thing wrong with a device, and what its doctor must say of it.
private struct Ailment: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var part: String
    var verdict = Examination.Verdict.bad
    /// A piece of the hint, which must say what to do.
    var hint: String
    var place = ExaminationTests.well
    var now: @Sendable () -> Timestamp = { AgentBench.now }
    var harm: @Sendable (Life) throws -> Void = { _ in }

    static let all: [Ailment] = [
        .init(
            testDescription: "a home that others read", part: "home", hint: "chmod 700",
            place: .init(mode: 0o755, freeBytes: 1 << 30, isWorkedIn: true)),
        .init(
            testDescription: "a home that is not there", part: "home", hint: "--home",
            place: .init(mode: nil, freeBytes: nil, isWorkedIn: false)),
        .init(
            testDescription: "a unit that was never born", part: "unit", hint: "lifelong-agent birth",
            harm: { try $0.disk.erase($0.home.unit) }),
        .init(
            testDescription: "a unit record that is no JSON", part: "unit", hint: "Restore it",
            harm: { try $0.disk.write(Array("{".utf8), to: $0.home.unit) }),
        .init(
            testDescription: "a clock of before the birth", part: "clock", hint: "Set the clock",
            now: { Timestamp(seconds: 0) }),
        .init(
            testDescription: "a birth key that is gone", part: "keys", hint: "station",
            harm: { try $0.keys.destroy(DeviceKeys.birth) }),
        .init(
            testDescription: "another unit's birth key", part: "keys", hint: "one unit only",
            harm: {
                try $0.keys.destroy(DeviceKeys.birth)
                _ = try $0.keys.make(DeviceKeys.birth, algorithm: .p256)
            }),
        .init(
            testDescription: "a birth certificate that is gone", part: "keys", hint: "birth.pem",
            harm: { try $0.disk.erase($0.home.birthCertificate) }),
        .init(
            testDescription: "an operational certificate that ended", part: "certificate", verdict: .watch,
            hint: "birth certificate", now: { AgentBench.now.adding(days: 400) }),
        .init(
            testDescription: "an operational certificate that should be renewed by now", part: "certificate",
            verdict: .watch, hint: "renews", now: { AgentBench.now.adding(days: 4) }),
        .init(
            testDescription: "an operational key that is gone", part: "certificate", verdict: .watch,
            hint: "birth certificate",
            harm: { life in
                for label in try life.keys.labels() where label != DeviceKeys.birth { try life.keys.destroy(label) }
            }),
        .init(
            testDescription: "an image with another byte", part: "image", hint: "Serve the artifact",
            harm: { life in
                let slots = Slots(on: life.disk, folder: life.home.slots)
                try life.disk.write(Array("factorz".utf8), to: slots.image(of: slots.active()))
            }),
        .init(
            testDescription: "an image older than was confirmed here", part: "image", hint: "offer this device",
            harm: { try $0.disk.write(Updates.Floor(sequence: 4), as: $0.home.floor) }),
        .init(
            testDescription: "too little space for the next image", part: "space", hint: "Free space",
            place: .init(mode: 0o700, freeBytes: 1 << 20, isWorkedIn: true)),
        .init(
            testDescription: "a log that somebody wrote into", part: "log", hint: "lifelong-agent log",
            harm: { life in
                let path = life.home.log + "/entries.jsonl"
                let text = String(decoding: try life.disk.readWhole(path) ?? [], as: UTF8.self)
                try life.disk.write(Array(text.replacing("enrolled", with: "enroled").utf8), to: path)
            }),
        .init(
            testDescription: "a wipe that is not finished", part: "agent", verdict: .watch, hint: "Let the agent run",
            harm: { try $0.disk.write(Array("{}".utf8), to: $0.home.wipe) }),
        .init(
            testDescription: "no agent at work", part: "agent", verdict: .watch, hint: "systemctl start",
            place: .init(mode: 0o700, freeBytes: 1 << 30, isWorkedIn: false)),
    ]
}

@Suite(.serialized) struct `A device's doctor` {
    private func examine(
        _ life: Life, _ place: Examination.Place = ExaminationTests.well, at now: Timestamp = AgentBench.now
    ) -> Examination {
        Examination(of: life.home, on: life.disk, keys: life.keys, place: place, at: now)
    }

    @Test func `finds nothing wrong with a device that is enrolled and at work`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            let before = life.disk.operations
            var examination = examine(life)
            examination.add(.success(try await status(life)), at: AgentBench.now)
            #expect(examination.isWell)
            #expect(examination.findings.allSatisfy { $0.verdict == .good }, "\(examination.findings)")
            #expect(
                examination.findings.map(\.part) == [
                    "home", "unit", "clock", "keys", "certificate", "image", "slots", "space", "log", "receipts",
                    "agent",
                    "service",
                ])
            // Whoever only looks writes nothing.
            #expect(life.disk.operations == before)
        }
    }

    @Test(arguments: Ailment.all)
    fileprivate func `names what is wrong, and says what to do`(_ ailment: Ailment) async throws {
        try await Life.lead { life in
            try await life.enrol()
            try ailment.harm(life)
            let examination = examine(life, ailment.place, at: ailment.now())
            let found = examination.findings.filter { $0.part == ailment.part }
            #expect(found.map(\.verdict) == [ailment.verdict], "\(examination.findings)")
            #expect(found.first?.hint?.contains(ailment.hint) == true, "\(found)")
            #expect(examination.isWell == !examination.findings.contains { $0.verdict == .bad })
        }
    }

    @Test func `looks at the settings, and says when a release may be installed`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            func examine(_ settings: Result<DeviceSettings, Refusal>) -> Examination {
                Examination(
                    of: life.home, on: life.disk, keys: life.keys, place: ExaminationTests.well, settings: settings,
                    at: AgentBench.now)
            }
            let broken = examine(.failure(Refusal(.malformed, "A word is wrong.", hint: "Correct it.")))
            #expect(
                broken.findings.contains { $0.part == "settings" && $0.verdict == .bad && $0.hint == "Correct it." })
            var settings = DeviceSettings()
            let minute = Int(AgentBench.now.seconds % 86_400 / 60)
            settings.window = MaintenanceWindow(from: (minute + 720) % 1440, to: (minute + 721) % 1440)
            let shut = examine(.success(settings))
            #expect(shut.isWell && shut.findings.contains { $0.part == "window" && $0.text.contains("opens at") })
            settings.slots = .uBoot(.init(a: "/nowhere/a", b: "/nowhere/b", commandLine: "/nowhere/cmdline"))
            let nowhere = examine(.success(settings)).findings.filter { $0.verdict == .bad }
            #expect(nowhere.map(\.part) == ["image", "slots", "space"])
        }
    }

    @Test func `repeats what the service says, and why it says nothing`() async throws {
        try await Life.lead { life in
            try await life.enrol()
            func service(_ contact: Result<DeviceStatus, ContactFailure>, at now: Timestamp = AgentBench.now)
                -> [Examination.Finding]
            {
                var examination = examine(life)
                examination.add(contact, at: now)
                return Array(examination.findings.drop { $0.part != "agent" }.dropFirst())
            }
            life.minded.change { $0.state = .quarantined }
            let cut = service(.success(try await status(life)))
            #expect(cut.map(\.verdict) == [.bad] && cut.first?.text.hasPrefix("quarantined") == true, "\(cut)")
            life.minded.change { $0.state = .enrolled }
            let late = service(.success(try await status(life)), at: AgentBench.now.adding(days: -1))
            #expect(late.map(\.part) == ["clock", "service"] && late.first?.verdict == .bad, "\(late)")
            let (client, transport) = try life.bench.client(port: 1)
            do {
                _ = try await client.status()
                Issue.record("Nobody listens on port 1.")
            } catch let failure as ContactFailure {
                let silent = service(.failure(failure))
                #expect(silent.map(\.verdict) == [.bad] && silent.first?.hint?.contains("network") == true, "\(silent)")
            }
            await transport.shutdown()
        }
    }

    private func status(_ life: Life) async throws -> DeviceStatus {
        let (client, transport) = try life.bench.client(port: life.service.port)
        let status = try await client.status()
        await transport.shutdown()
        return status
    }
}

/// What the cases start from.
private enum ExaminationTests {
    static let well = Examination.Place(mode: 0o700, freeBytes: 1 << 30, isWorkedIn: true)
}
