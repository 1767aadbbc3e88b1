import Foundation
import Keys
import KeysFile
import KeysPKCS11
import Ledger
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Station
import Store
import Testing
import Trust
import Use
import Wire
import Workbench

@Suite(.enabled(if: TokenBench.isInstalled()), .serialized) struct `A move of keys to a token` {
    private struct Cut: Error {}

    private func audit(_ house: House) async throws {
        let findings = try await Audit.run(house.database).findings
        #expect(findings.isEmpty, "\(findings)")
    }

    private func shown(_ house: House, _ bench: HouseBench, _ held: Operational) throws -> VerifiedCertificate {
        try house.authorities.verifier(for: .operational)
            .verify(leaf: held.certificate, at: bench.clock.now, purpose: .operational).get()
    }

    private func renew(_ bench: HouseBench, _ unit: BenchUnit, _ held: Operational) async throws -> Operational {
        let key = EphemeralKey()
        let shown = try shown(bench.house, bench, held)
        let request = try VerifiedRequest(
            der: CertificationRequest.renewal(
                subjectDER: shown.subjectDER, alternativeNamesDER: shown.sanDER, key: key))
        let proof = EnrolDevice.Proof.operational(shown)
        let der = try await EnrolDevice(device: unit.device, request: request, proof: proof).perform(in: bench.house)
        return Operational(key: key, certificate: der)
    }

    private func authority(_ house: House, of certificate: Operational) async throws -> String {
        try await house.read { rows in
            try rows.first("SELECT authority FROM certificate WHERE der = $1", [.bytes(certificate.certificate)])?
                .text("authority") ?? "nobody"
        }
    }

    /// Cut off after every single step, and run again: one step more each time.
    private func move(_ house: House) async throws -> [String] {
        var told: [String] = []
        for _ in 0..<40 {
            do {
                let stays = try await KeyMove.run(house) { sentence in
                    told.append(sentence)
                    if !sentence.contains("The ledger") { throw Cut() }
                }
                #expect(stays.isEmpty, "\(stays)")
                return told
            } catch is Cut {
                try await audit(house)
            }
        }
        Issue.record("the move never ends: \(told)")
        return told
    }

    @Test func `goes by succession, and devices, stations and auditors go on as if nothing had been`() async throws {
        let before = try await HouseBench()
        let units = try await before.makeUnits(3)
        let ada = try await before.ownership()
        for unit in units { try await before.pair(unit, with: ada) }
        let (one, two) = (try await before.enrol(units[0]), try await before.enrol(units[1]))
        _ = try await before.house.perform(
            ConfigureDevice(device: units[0].serial, document: "{\"setpoint\":21}"), as: ada)
        let chunks = try BenchChunks(Array("an encrypted release".utf8))
        let encrypted = try await before.publishEncrypted(1, chunks)
        try await before.publisher.publish()
        let pinned = before.publisher.verifierKey
        let oldPermit = try before.house.permitKey().publicKeyDER
        let oldRelease = try before.house.signingKeys(.release)[0].publicKeyDER

        let token = try await TokenBench()
        let keys = try await token.open()
        let files = try FileKeyStore(folder: before.folder + "/keys")
        let joined = JoinedKeyStore(first: keys, second: files)
        let told = try await move(HouseBench(continuing: before, keys: joined).house)
        #expect(told.contains { $0.contains("operational-issuing-2 succeeds operational-issuing-1") }, "\(told)")
        #expect(told.contains { $0.contains("3 data keys of tenures are wrapped anew") }, "\(told)")
        #expect(told.contains { $0.contains("1 keys of encrypted releases are wrapped anew") }, "\(told)")
        let last = try await before.house.read { try LedgerReader.checkpoint(in: $0).note }
        #expect(throws: Never.self) { try Checkpoint(note: Array(last.utf8), key: pinned) }

        // The server starts again.
        let after = try await HouseBench(continuing: before, keys: joined)
        let house = after.house
        try await audit(house)
        #expect(try shown(house, after, one).reference.serial.isEmpty == false)
        let renewed = try await renew(after, units[0], one)
        #expect(try await authority(house, of: renewed) == "operational-issuing-2")
        #expect(try await authority(house, of: one) == "operational-issuing-1")
        let third = try await after.enrol(units[2])
        #expect(try await authority(house, of: third) == "operational-issuing-2")
        let desired = try await CheckIn(
            device: units[0].device, report: CheckInReport(agent: "test/1", sequence: 0, version: "1"),
            shown: shown(house, after, renewed)
        ).perform(in: house)
        #expect(desired.configuration?.document == "{\"setpoint\":21}")

        // Who pinned the old ledger key and who takes the new one read the same checkpoint.
        try await after.publisher.publish()
        let note = Array(try await house.read { try LedgerReader.checkpoint(in: $0).note }.utf8)
        #expect(after.publisher.verifierKey != pinned)
        for key in [pinned, after.publisher.verifierKey] {
            #expect(try Checkpoint(note: note, key: key).size == Checkpoint(note: note, key: pinned).size)
        }
        let payload = Array("{}".utf8)
        for (role, old) in [(KeyRole.permit, oldPermit), (.release, oldRelease)] {
            let seal = try Seal.sign(type: "test", payload: payload, with: house.signingKeys(role))
            let new = try house.signingKeys(role)[0].publicKeyDER
            #expect(new != old)
            for key in [old, new] { #expect(try seal.verified(type: "test", by: [key]) == payload) }
        }
        _ = try await after.makeUnits(1, station: "line-2")
        try await revokes(after, units[1], two)
        try await audit(house)
        try await retires(after, keys, files)
        // The key that wrapped it is destroyed, and the files are away.
        let alone = try await HouseBench(continuing: after, keys: keys)
        let kept = try #require(try await house.read { try PayloadKeys.find(encrypted, in: $0) })
        #expect(try await PayloadKeys.open(kept, in: alone.house).secret == chunks.key)
    }

    @Test func `goes from one token to another the same way, and no key is in both`() async throws {
        let (old, new) = (try await TokenBench(), try await TokenBench())
        let (first, second) = (try await old.open(), try await new.open())
        let before = try await HouseBench(keys: first)
        let units = try await before.makeUnits(2)
        let ada = try await before.ownership()
        for unit in units { try await before.pair(unit, with: ada) }
        let one = try await before.enrol(units[0])
        _ = try await before.house.perform(
            ConfigureDevice(device: units[0].serial, document: "{\"setpoint\":21}"), as: ada)
        try await before.publisher.publish()
        let pinned = before.publisher.verifierKey
        let joined = JoinedKeyStore(first: second, second: first)
        let told = try await move(HouseBench(continuing: before, keys: joined).house)
        #expect(told.contains { $0.contains("2 data keys of tenures are wrapped anew") }, "\(told)")

        let after = try await HouseBench(continuing: before, keys: joined)
        let house = after.house
        for entry in try await house.read({ try KeyListing.run($0, house.keys) }) {
            #expect(entry.place == (entry.isCurrent ? second : first).kind, "\(entry)")
        }
        #expect(try await house.read { try KeyListing.check($0, house.keys) }.isEmpty)
        // Made anew, each of them: neither token has what the other has, and the new one gives none out.
        func publicKeys(_ store: TokenKeyStore) throws -> Set<[UInt8]> {
            Set(try store.labels().map { try store.require($0).publicKeyDER })
        }
        #expect(try publicKeys(first).count >= 8 && publicKeys(second).count >= 8)
        #expect(try publicKeys(first).isDisjoint(with: publicKeys(second)))
        let shown = try await new.pkcs11Tool(["--list-objects", "--type", "privkey"]).text
        let access = shown.split(separator: "\n").filter { $0.contains("Access:") }
        #expect(
            access.count >= 8 && access.allSatisfy { $0.contains("never extractable") && $0.contains("local") },
            "\(shown)")

        // The field goes on.
        let renewed = try await renew(after, units[0], one)
        #expect(try await authority(house, of: renewed) == "operational-issuing-2")
        _ = try await after.enrol(units[1])
        _ = try await after.makeUnits(1, station: "line-2")
        try await after.publisher.publish()
        let note = Array(try await house.read { try LedgerReader.checkpoint(in: $0).note }.utf8)
        for key in [pinned, after.publisher.verifierKey] {
            #expect(throws: Never.self) { try Checkpoint(note: note, key: key) }
        }
        try await audit(house)
        for label in ["tenure-wrapping", "service-tls", "release-1", "permit-1", "ledger-1"] {
            try await KeyRetirement.run(KeyLabel(trusted: label), informed: true, in: house)
        }
        #expect(try !first.holdsWrapping(KeyLabel(trusted: "tenure-wrapping")))
        // The old token is away: its authorities are missed by name, and the rest goes on.
        let alone = try await HouseBench(continuing: after, keys: second)
        let missed = try await alone.house.read { try KeyListing.check($0, alone.house.keys) }
        #expect(missed.contains { $0.hasPrefix("operational-issuing-1: ") } && missed.count < 8, "\(missed)")
        let third = try await alone.makeUnits(1, station: "line-3")[0]
        try await alone.pair(third, with: ada)
        _ = try await alone.enrol(third)
    }

    /// The old authority still says what it revoked.
    private func revokes(_ bench: HouseBench, _ unit: BenchUnit, _ held: Operational) async throws {
        _ = try await bench.house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
        try await bench.publisher.publish()
        let listed = try await bench.house.read { rows in
            try ["operational-issuing-1", "operational-issuing-2"].map {
                try rows.first("SELECT covered FROM crl WHERE authority = $1", [.text($0)])?.int("covered") ?? -1
            }
        }
        // The renewed one was superseded, this one revoked; and the new authority has a list of its own.
        #expect(listed[0] == 2 && listed[1] >= 0, "\(listed)")
    }

    private func retires(_ bench: HouseBench, _ token: TokenKeyStore, _ files: FileKeyStore) async throws {
        let house = bench.house
        func refusal(_ label: String, informed: Bool = false) async -> String? {
            do {
                try await KeyRetirement.run(KeyLabel(trusted: label), informed: informed, in: house)
                return nil
            } catch { return (error as? Refusal)?.detail }
        }
        let entries = try await house.read { try KeyListing.run($0, house.keys) }
        for entry in entries where entry.isCurrent {
            #expect(entry.place == token.kind, "\(entry)")
        }
        #expect(try await house.read { try KeyListing.check($0, house.keys) }.isEmpty)
        for (label, reason) in [
            ("release-2", "is in use"), ("operational-issuing-2", "is in use"), ("maker-root-2", "is in use"),
            ("maker-root", "The birth certificates of"),
            ("release-1", "devices have not said yet"), ("permit-1", "line-1"), ("ledger-1", "Auditors"),
            ("nobody-1", "has no key"),
        ] {
            let said = await refusal(label)
            #expect(said?.contains(reason) == true, "\(label): \(said ?? "destroyed")")
        }
        for label in ["tenure-wrapping", "service-tls"] { #expect(await refusal(label) == nil) }
        for label in ["permit-1", "ledger-1"] { #expect(await refusal(label, informed: true) == nil) }
        #expect(await refusal("operational-issuing-1") == nil)
        let left = try files.labels().map(\.text)
        #expect(!left.contains("ledger-1") && !left.contains("operational-issuing-1") && left.contains("release-1"))
        #expect(try !files.holdsWrapping(KeyLabel(trusted: "tenure-wrapping")))
        try await audit(house)
        let again = try await HouseBench(continuing: bench, keys: house.keys)
        #expect(try await again.house.read { try KeyListing.check($0, again.house.keys) }.isEmpty)
        _ = try await again.house.perform(AddOwner(owner: "Somebody", kind: .person), as: .system)
        try await again.publisher.publish()
        try await audit(again.house)
    }
}
