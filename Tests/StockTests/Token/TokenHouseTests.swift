import Foundation
import Keys
import KeysPKCS11
import Ledger
import Pairing
import Passport
import Registry
import Retirement
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

/// Something that many tasks of a test change.
final class Tally<T: Sendable>: Sendable {
    let value: Locked<T>
    init(_ value: T) { self.value = Locked(value) }
}

@Suite(.enabled(if: TokenBench.isInstalled()), .serialized) struct `A house with its keys in a token` {
    /// Answers of enrolments while something happens to the token.
    private struct Answers: Sendable {
        var issued: [DeviceID: Operational] = [:]
        var refused: [Refusal] = []
        var strange: [String] = []
    }

    private func audit(_ house: House) async throws {
        let findings = try await Audit.run(house.database).findings
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func `leads a device through its life, and no key of it is a file`() async throws {
        let token = try await TokenBench()
        let bench = try await HouseBench(keys: token.open())
        let house = bench.house
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: bench.ownership())
        let operational = try await bench.enrol(unit)
        try await bench.publisher.publish()
        let verified = try house.authorities.verifier(for: .operational)
            .verify(leaf: operational.certificate, at: bench.clock.now, purpose: .operational)
        #expect(throws: Never.self) { try verified.get() }
        _ = try await house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
        try await bench.publisher.publish()
        let status = try await house.read { rows in
            try rows.query("SELECT state FROM certificate WHERE device = $1", [Value(unit.device)]).map {
                try $0.text("state")
            }
        }
        #expect(status == ["revoked"])
        try await audit(house)
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/keys"))
        let labels = try house.keys.labels().map(\.text)
        for label in [
            "ledger-1", "maker-root", "operational-issuing-1", "operational-root", "permit-1", "release-1",
            "service-issuing-1", "service-tls",
        ] { #expect(labels.contains(label), "\(labels)") }
    }

    @Test func `shakes hands, revokes and answers about it so that stock openssl is content`() async throws {
        let token = try await TokenBench()
        let bench = try await HouseBench(keys: token.open())
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        bench.clock.advance(seconds: now.seconds(since: bench.clock.now))
        let unit = try await bench.makeUnits(1)[0]
        try await bench.pair(unit, with: bench.ownership())
        let held = try await bench.enrol(unit)
        @Sendable func write(_ bytes: [UInt8], _ name: String, _ label: String) throws {
            try Data(PEM.encode(bytes, label: label).utf8).write(to: URL(filePath: bench.folder + "/" + name))
        }
        for name in ["operational-root", "operational-issuing-1"] {
            try write(try #require(bench.house.authorities.known(name)).certificate, name + ".pem", "CERTIFICATE")
        }
        try write(held.certificate, "unit.pem", "CERTIFICATE")
        try await DeviceBench.run(bench) { door in
            let report = CheckInReport(agent: "test/1", sequence: 0, version: "1.0.0", log: [])
            let contact = try await door.client(held.identity).post(DeviceAPI.checkIn, json: report)
            #expect(contact.status == 200, "\(contact.text)")
            let ask = [
                "ocsp", "-issuer", "operational-issuing-1.pem", "-CAfile", "operational-root.pem", "-cert", "unit.pem",
                "-url", "\(door.open)/ocsp/operational-issuing-1",
            ]
            #expect(try await OutsideProgram.run("openssl", ask, in: bench.folder).text.contains("unit.pem: good"))
            _ = try await bench.house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
            try await bench.publisher.publish()
            let said = try await OutsideProgram.run("openssl", ask, in: bench.folder)
            #expect(said.text.contains("unit.pem: revoked") && said.errors.contains("Response verify OK"), "\(said)")
            let list = try await door.anybody.get("/crl/operational-issuing-1.crl").body
            try write(list, "crl.pem", "X509 CRL")
            let verified = try await OutsideProgram.run(
                "openssl",
                [
                    "verify", "-crl_check", "-CRLfile", "crl.pem", "-CAfile", "operational-root.pem", "-untrusted",
                    "operational-issuing-1.pem", "unit.pem",
                ], in: bench.folder)
            #expect((verified.text + verified.errors).contains("certificate revoked"), "\(verified)")
            let note = try await door.anybody.get("/ledger/checkpoint").body
            #expect(throws: Never.self) { try Checkpoint(note: note, key: bench.publisher.verifierKey) }
        }
        try await audit(bench.house)
    }

    @Test func `opened with another token refuses, and makes no keys that nobody knows`() async throws {
        let token = try await TokenBench()
        let bench = try await HouseBench(keys: token.open())
        let other = try await TokenBench()
        let empty = try await other.open()
        await #expect {
            _ = try await House(
                database: bench.house.database, keys: empty, settings: bench.house.settings, log: bench.house.log,
                clock: bench.house.clock, random: bench.house.random)
        } throws: {
            ($0 as? Refusal)?.code == .unavailable
        }
        #expect(try empty.labels().isEmpty)
    }

    @Test func `whose token is pulled while it issues answers with certificates or refusals, and recovers`()
        async throws
    {
        let token = try await TokenBench()
        let bench = try await HouseBench(keys: token.open { $0.sessions = 3 })
        let house = bench.house
        let units = try await bench.makeUnits(40)
        let owner = try await bench.ownership()
        for unit in units { try await bench.pair(unit, with: owner) }
        let answers = Tally(Answers())
        @Sendable func enrol(_ unit: BenchUnit) async {
            do {
                let operational = try await bench.enrol(unit)
                answers.value.withLock { $0.issued[unit.device] = operational }
            } catch let refusal as Refusal {
                answers.value.withLock { $0.refused.append(refusal) }
            } catch {
                answers.value.withLock { $0.strange.append("\(error)") }
            }
        }
        // Four at a time; whoever is the fifth to be answered pulls the token under the others.
        let next = Tally(0)
        let isPulled = Tally(false)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while let unit = next.value.withLock({ number -> BenchUnit? in
                        defer { number += 1 }
                        return number < units.count ? units[number] : nil
                    }) {
                        await enrol(unit)
                        guard answers.value.withLock({ $0.issued.count }) >= 5 else { continue }
                        isPulled.value.withLock { isPulled in
                            if !isPulled { try? token.pull() }
                            isPulled = true
                        }
                    }
                }
            }
        }
        let first = answers.value.withLock { $0 }
        #expect(first.strange.isEmpty, "\(first.strange)")
        #expect(!first.refused.isEmpty && first.refused.allSatisfy { $0.code == .unavailable }, "\(first.refused)")
        #expect(first.refused.allSatisfy { !$0.hint.isEmpty && !$0.detail.contains(TokenBench.pin) })
        try await demandWhole(house, answered: first.issued)
        // Back again: the same house goes on, and everybody who was refused is served.
        try token.putBack()
        for _ in 0..<60 {
            for unit in units where answers.value.withLock({ $0.issued[unit.device] == nil }) { await enrol(unit) }
            if answers.value.withLock({ $0.issued.count }) == units.count { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        let all = answers.value.withLock { $0.issued }
        #expect(all.count == units.count)
        try await demandWhole(house, answered: all)
        try await bench.publisher.publish()
        try await audit(house)
    }

    /// Each answered certificate is in the registry and in the ledger; what was not answered is not alive.
    private func demandWhole(_ house: House, answered: [DeviceID: Operational]) async throws {
        let stored = try await house.read { rows in
            try rows.query("SELECT device, state, der FROM certificate WHERE kind = 'operational'").map { row in
                (device: try row.id("device") as DeviceID, state: try row.text("state"), der: try? row.bytes("der"))
            }
        }
        let alive = stored.filter { $0.state == "issued" }
        #expect(alive.count == answered.count)
        for row in alive { #expect(answered[row.device]?.certificate == row.der) }
        #expect(
            stored.allSatisfy { ["issued", "abandoned"].contains($0.state) }, "half-issued: \(stored.map(\.state))")
        for device in answered.keys {
            let passport = try await house.read { try Device.require(device.text, in: $0).passport }
            #expect(passport.certificates.count == 1)
        }
        try await audit(house)
    }
}
