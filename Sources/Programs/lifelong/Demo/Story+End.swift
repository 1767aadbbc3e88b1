import Agent
import Foundation
import Passport
import Registry
import Retirement
import Transfer
import Wire

/// Second owners, last days, and what a stranger can check.
extension Story {
    // MARK: - A resale

    func resell() async throws {
        narrator.chapter("A resale")
        let unit = units[3]
        let before = try await view(unit.serial)
        let notes = unit.folder + "/data/notes.txt"
        _ = FileManager.default.createFile(atPath: notes, contents: Data("Ada's habits\n".utf8))
        let code = try await owners[unit.owner]?.act(OfferDevice(device: unit.serial)).code ?? ""
        narrator.tell(
            "\(unit.owner) offers \(unit.serial); the code goes to the buyer, and the device is cut off meanwhile.")
        _ = try await owners[Self.grace]?.act(AcceptDevice(device: unit.serial, code: code))
        narrator.tell(
            "\(Self.grace) accepts. In one transaction \(unit.owner)'s certificates, access, data and data key end.")
        try await eventually("\(unit.serial) has its second tenure", within: .seconds(60)) {
            try await self.view(unit.serial).tenures.count == 2
        }
        try await eventually("\(unit.serial) enrols afresh", within: .seconds(60)) {
            try await self.view(unit.serial).operationalCertificates.first.map {
                $0.state == .good && $0.tenure != before.tenures.last?.tenure
            } ?? false
        }
        let after = try await view(unit.serial)
        try expect(
            after.stage == .inUse && after.tenures.last?.grade == .proven && after.tenures.first?.ended != nil,
            "\(unit.serial) is \(after.stage.rawValue) with \(after.tenures.count) tenures.")
        let old = before.operationalCertificates.first?.serial
        try expect(
            after.operationalCertificates.first { $0.serial == old }?.state == .revoked,
            "the old certificate is not revoked.")
        try expect(!FileManager.default.fileExists(atPath: notes), "the old owner's data is still on the device.")
        try expect(try status(3).configuration == 0, "the old owner's configuration is still on the device.")
        narrator.check(
            "It wiped itself and signed the receipt with a fresh nonce; the new tenure has a certificate of its own.")
        let refusal = try await refusal { _ = try await self.owners[unit.owner]?.act(OfferDevice(device: unit.serial)) }
        narrator.check("\(unit.owner) has no say any more: \(refusal.detail)")
        var alarms: [Alarm] = []
        try await eventually("\(unit.serial) checks in for its new owner", within: .seconds(30)) {
            let now = try await self.view(unit.serial)
            alarms = now.openAlarms.map(\.alarm)
            return now.logEntries > 0 || !alarms.isEmpty
        }
        try expect(alarms.isEmpty, "the resale raised \(alarms).")
        units[3].owner = Self.grace
    }

    // MARK: - A retirement

    func retire() async throws {
        narrator.chapter("A retirement")
        let unit = units[4]
        _ = try await admin.act(RetireDevice(device: unit.serial, how: .recycled))
        try await eventually("\(unit.serial) wipes itself", within: .seconds(60)) {
            try await !self.view(unit.serial).wipeOwed
        }
        try await eventually("its agent ends", within: .seconds(30)) { unit.process?.poll() != nil }
        try expect(unit.process?.poll() == 0, "the agent of \(unit.serial) ended with \(unit.process?.poll() ?? 0).")
        narrator.tell(
            "\(unit.serial) is retired: revoked everywhere, wiped with receipt, its agent switched itself off.")
        // A unit that was taken from the recycler and does not know, or does not want to know, that its life is over.
        try FileManager.default.removeItem(atPath: AgentHome(unit.folder).retired)
        try startAgent(4, once: true)
        _ = try await units[4].process?.wait()
        let alarm = try await openAlarm(.contactAfterRetirement, of: unit.serial)
        narrator.alarm("ALARM \(alarm.index): \(alarm.detail)")
        let view = try await view(unit.serial)
        try expect(
            view.stage == .retired && !view.operationalCertificates.contains { $0.state == .good },
            "\(unit.serial) is \(view.stage.rawValue) with a live certificate.")
        narrator.check(
            "Somebody took it from the bin and switched it on: it was served nothing, and a person hears of it.")
    }

    // MARK: - Proof

    func prove() async throws {
        narrator.chapter("Proof, without trusting the server")
        let said = try await run("audit", ["audit", "--home", home.server])
        narrator.check("lifelong audit: " + (Self.lastLine(said)))
        var ledger: LedgerView = try await auditor.read("ledger")
        let size = ledger.size
        try await eventually("the checkpoint covers everything", within: .seconds(20)) {
            ledger = try await auditor.read("ledger")
            return ledger.publishedSize >= size
        }
        let log = publicURL + "/ledger"
        let whole = try await run("verify-log", ["verify", "log", log, "--vkey", home.paper("vkey")])
        narrator.check("lifelong verify log \(log)")
        narrator.detail(Self.firstLines(whole, 3))
        let serial = units[3].serial
        let token = home.server + "/cli-token"
        let evidence = home.paper("evidence-\(serial).json")
        let passport = try await run(
            "passport", ["passport", serial, "--evidence", evidence, "--server", peopleURL, "--token-file", token])
        let proof = try await run(
            "verify-passport", ["verify", "passport", evidence, "--vkey", home.paper("vkey"), "--log", log])
        narrator.check("lifelong verify passport \(serial), against the whole log: nothing was left out")
        narrator.detail(Self.firstLines(proof, 1))
        narrator.chapter("The passport of \(serial), sold twice")
        narrator.detail(passport.trimmingCharacters(in: .newlines))
        try await sumUp()
    }

    private func sumUp() async throws {
        let today: FleetView = try await admin.read("fleet")
        let stages = today.stages.filter { $0.count > 0 }.map { "\($0.count) \($0.stage.rawValue)" }
        let size = today.ledger?.size ?? 0
        narrator.chapter("Where they are now")
        narrator.tell(
            "\(today.devices) devices: \(stages.joined(separator: ", ")). \(today.openAlarms) alarms wait for a person. \(size) facts in the ledger."
        )
    }

    /// A fresh one-time link for the first person.
    func signInLink() async throws -> String {
        peopleURL + (try await admin.act(SignInLink(person: "admin")).signInPath)
    }

    static func lastLine(_ text: String) -> String { text.split(separator: "\n").last.map(String.init) ?? "" }
    static func firstLines(_ text: String, _ count: Int) -> String {
        text.split(separator: "\n").prefix(count).joined(separator: "\n")
    }
}
