import Agent
import Foundation
import Keys
import KeysFile
import Pairing
import Passport
import Registry
import Retirement
import Server
import Store
import Testing
import Trust
import Wire
import Workbench

/// A bench whose keys moved to a second store.
private struct Moved {
    let bench: HouseBench
    let keys: JoinedKeyStore

    init(_ before: HouseBench) async throws {
        keys = JoinedKeyStore(
            first: try FileKeyStore(folder: before.folder + "/token"),
            second: try FileKeyStore(folder: before.folder + "/keys"))
        let moving = try await HouseBench(continuing: before, keys: keys)
        let stays = try await KeyMove.run(moving.house) { _ in }
        #expect(stays.isEmpty, "\(stays)")
        bench = try await HouseBench(continuing: before, keys: keys)
    }

    func retire(_ label: String, in house: House? = nil) async -> String? {
        do {
            try await KeyRetirement.run(KeyLabel(trusted: label), informed: true, in: house ?? bench.house)
            return nil
        } catch { return (error as? Refusal)?.detail ?? "\(error)" }
    }
}

@Suite struct `A root that is succeeded` {
    @Test(.enabled(if: OutsideProgram.findOrSay("openssl", package: "openssl")))
    func `is linked so that stock openssl validates both sides under either root`() async throws {
        let before = try await HouseBench()
        let units = try await before.makeUnits(2)
        let ada = try await before.ownership()
        for unit in units { try await before.pair(unit, with: ada) }
        let old = try await before.enrol(units[0])
        let bench = try await Moved(before).bench
        let new = try await bench.enrol(units[1])
        let born = try await bench.makeUnits(1, station: "line-2")[0]
        func write(_ ders: [[UInt8]], _ file: String) throws {
            try ders.map { PEM.encode($0, label: "CERTIFICATE") }.joined().write(
                toFile: "\(bench.folder)/\(file).pem", atomically: true, encoding: .utf8)
        }
        for known in bench.house.authorities.all { try write([known.certificate], known.name) }
        let births = bench.house.authorities.all.filter { $0.kind == "birth" }.map(\.certificate)
        try write(births, "births")
        for (name, der) in [
            ("old", old.certificate), ("new", new.certificate), ("born", born.certificate),
            ("elder", units[0].certificate),
        ] { try write([der], name) }
        func verifies(_ leaf: String, under root: String, with untrusted: [String]) async throws -> Bool {
            let others = untrusted.flatMap { ["-untrusted", "\($0).pem"] }
            return try await OutsideProgram.run(
                "openssl",
                ["verify", "-x509_strict", "-attime", "\(bench.clock.now.seconds)", "-CAfile", "\(root).pem"] + others
                    + ["\(leaf).pem"], in: bench.folder
            ).status == 0
        }
        for (first, elder, elderCA, younger, youngerCA) in [
            ("operational-root", "old", "operational-issuing-1", "new", "operational-issuing-2"),
            ("maker-root", "elder", "births", "born", "births"),
        ] {
            let (newWithOld, oldWithNew) = ("\(first)-2-under-\(first)", "\(first)-under-\(first)-2")
            #expect(try await verifies(newWithOld, under: first, with: []))
            #expect(try await verifies(oldWithNew, under: first + "-2", with: []))
            #expect(try await verifies(first + "-2", under: first + "-2", with: []))
            #expect(try await !verifies(newWithOld, under: first + "-2", with: []))
            // Who trusts only the old root, and what is under the new one; and the other way round.
            #expect(try await verifies(younger, under: first, with: [youngerCA, newWithOld]))
            #expect(try await !verifies(younger, under: first, with: [youngerCA]))
            #expect(try await verifies(elder, under: first + "-2", with: [elderCA, oldWithNew]))
            #expect(try await !verifies(elder, under: first + "-2", with: [elderCA]))
        }
    }

    @Test(.enabled(if: OutsideProgram.findOrSay("openssl", package: "openssl")))
    func `is retired with a list by which stock openssl checks its link long afterwards`() async throws {
        let before = try await HouseBench()
        let moved = try await Moved(before)
        let house = moved.bench.house
        for label in ["operational-issuing-1", "service-issuing-1", "operational-root"] {
            #expect(await moved.retire(label) == nil, "\(label)")
        }
        before.clock.advance(days: 400)
        try await Revocation.publish(house)
        let folder = moved.bench.folder
        let link = "operational-root-2-under-operational-root"
        for name in ["operational-root", link] {
            try PEM.encode(#require(house.authorities.known(name)).certificate, label: "CERTIFICATE").write(
                toFile: "\(folder)/\(name).pem", atomically: true, encoding: .utf8)
        }
        let list = try await house.read { rows in
            try rows.first("SELECT der FROM crl WHERE authority = 'operational-root'")?.bytes("der") ?? []
        }
        try PEM.encode(list, label: "X509 CRL").write(
            toFile: "\(folder)/last.pem", atomically: true, encoding: .utf8)
        func openssl(_ arguments: [String]) async throws -> OutsideProgram.Outcome {
            try await OutsideProgram.run("openssl", arguments, in: folder)
        }
        let end = try await openssl(["crl", "-in", "last.pem", "-noout", "-nextupdate"])
        #expect(end.text == "nextUpdate=Dec 31 23:59:59 9999 GMT\n", "\(end)")
        let later = before.clock.now.adding(days: 365 * 15).seconds
        let verified = try await openssl([
            "verify", "-x509_strict", "-crl_check", "-attime", "\(later)", "-CAfile", "operational-root.pem",
            "-CRLfile", "last.pem", "\(link).pem",
        ])
        #expect(verified.status == 0, "\(verified)")
    }

    @Test func `leaves nobody in the field behind, before and after the old one is retired`() async throws {
        let before = try await HouseBench(atRealTime: { _ in })
        let units = try await before.makeUnits(3)
        let ada = try await before.ownership()
        for unit in units { try await before.pair(unit, with: ada) }
        // Their homes know only the old root; one of them lives already.
        let (homes, port) = try await DeviceBench.run(before) { door in
            let homes = try units.enumerated().map {
                try UnitHome($0.element, door, folder: before.folder + "/agent-\($0.offset)")
            }
            _ = try await homes[0].agent().run(once: true)
            return (homes, door.ports.device)
        }
        @Sendable func anchors(_ home: UnitHome) throws -> Int {
            try PosixDisk().read(ServiceAnchor.self, from: home.place.service)?.anchors.count ?? 0
        }
        @Sendable func state(_ home: UnitHome) throws -> DeviceStatus.State? {
            try PosixDisk().read(LastWord.self, from: home.place.lastWord)?.state
        }
        #expect(try state(homes[0]) == .enrolled)
        let moved = try await Moved(before)
        try await DeviceBench.run(moved.bench, settings: { $0.device = .init(host: "127.0.0.1", port: port) }) { door in
            // The chain of the server leads from its new issuer over NewWithOld to the root that they know.
            for home in homes.prefix(2) {
                _ = try await home.agent().run(once: true)
                #expect(try state(home) == .enrolled)
            }
            // Who asked /cacerts learnt the new root by its link: for its enrolment, or because a check-in named another set.
            #expect(try anchors(homes[1]) == 2)
            #expect(try anchors(homes[0]) == 2)
            let answer = try await door.client().get("/.well-known/est/cacerts")
            let bundle = try CertificateBundle.decode(Base64.decode(answer.body) ?? [])
            #expect(Set(bundle) == Set(certificates(moved.bench, but: [])))
            let link = try await door.anybody.get("/ca/operational-root-2-under-operational-root.cer")
            #expect(link.status == 200)
        }
        let house = moved.bench.house
        #expect(await moved.retire("operational-root-2")?.contains("is in use") == true)
        let under = await moved.retire("operational-root")
        #expect(under?.contains("operational-issuing-1, service-issuing-1") == true, "\(under ?? "")")
        #expect(await moved.retire("maker-root")?.contains("birth certificates of 3 living devices") == true)
        #expect(await moved.retire("operational-issuing-1")?.contains("1 certificates") == true)
        _ = try await house.perform(RetireDevice(device: units[0].serial, how: .destroyed), as: .system)
        for label in ["operational-issuing-1", "service-issuing-1", "operational-root"] {
            #expect(await moved.retire(label) == nil, "\(label)")
        }
        #expect(try moved.keys.find(KeyLabel(trusted: "operational-root")) == nil)
        #expect(try await Audit.run(house.database).findings.isEmpty)
        #expect(try await house.read { try KeyListing.check($0, house.keys) }.isEmpty)

        let after = try await HouseBench(continuing: before, keys: moved.keys)
        try await DeviceBench.run(after, settings: { $0.device = .init(host: "127.0.0.1", port: port) }) { door in
            let answer = try await door.client().get("/.well-known/est/cacerts")
            let bundle = try CertificateBundle.decode(Base64.decode(answer.body) ?? [])
            #expect(
                Set(bundle)
                    == Set(certificates(after, but: ["operational-root", "operational-root-under-operational-root-2"])))
            // One that knows both, and one that was in its box all the time and knows only the old root.
            for home in homes.dropFirst() {
                _ = try await home.agent().run(once: true)
                #expect(try state(home) == .enrolled)
            }
            // Neither keeps what is gone.
            #expect(try anchors(homes[1]) == 1 && anchors(homes[2]) == 1)
        }
        for home in homes { await home.transport.shutdown() }
    }

    private func certificates(_ bench: HouseBench, but left: Set<String>) -> [[UInt8]] {
        let names = [
            "operational-issuing-1", "operational-issuing-2", "operational-root", "operational-root-2",
            "operational-root-2-under-operational-root", "operational-root-under-operational-root-2",
        ]
        return names.filter { !left.contains($0) }.compactMap { bench.house.authorities.known($0)?.certificate }
    }
}
