import Agent
import Manufacture
import Passport
import Registry
import Store
import Testing
import Trust
import Wire
import Workbench

@Suite struct `Admitting births` {
    /// A batch whose station's keys are in the test's hands.
    private struct Line: Sendable {
        let batch: BatchID
        let authority: Authority
        let stationKey: EphemeralKey

        init(_ bench: HouseBench, name: String = "line-9", quantity: Int = 3) async throws {
            try await bench.publishProduct()
            let birthKey = EphemeralKey()
            stationKey = EphemeralKey()
            let opened = try await bench.house.perform(
                OpenBatch(
                    product: HouseBench.product, quantity: quantity,
                    request: StationRequest(
                        name: name,
                        birthAuthorityRequest: Base64.encode(CertificationRequest.birth(serial: name, key: birthKey)),
                        stationKey: Base64.encode(stationKey.publicKeyDER))), as: .system)
            batch = opened.batch
            let permit = try CanonicalJSON.decode(Permit.self, from: opened.permit.payloadBytes())
            let chain = permit.birthChain.compactMap { Base64.decode($0) }
            authority = try Authority(certificate: chain[0], chain: Array(chain.dropFirst()), key: birthKey)
        }

        func birth(_ serial: String, key: any SigningKey = EphemeralKey(), named: String? = nil, _ bench: HouseBench)
            throws -> Birth
        {
            let der = try authority.sign(
                IssuanceToken(
                    stored: Profile.birth(
                        under: authority, spki: key.publicKeyDER, deviceSerial: named ?? serial,
                        product: HouseBench.product.text,
                        organisation: "Example Maker", hardwareType: [1, 3, 6, 1, 4, 1, 32473, 1],
                        serial: BenchClock.random(16),
                        notBefore: bench.clock.now)))
            return Birth(
                serial: serial, certificate: Base64.encode(der), at: bench.clock.now, labelCode: nil, secretHash: nil)
        }

        func seal(_ births: [Birth], _ bench: HouseBench, with key: (any SigningKey)? = nil) throws -> Seal {
            try Seal.sign(
                type: Seal.PayloadType.births,
                payload: CanonicalJSON.encode(
                    BirthManifest(batch: batch, station: "line-9", closed: bench.clock.now, births: births)),
                with: key ?? stationKey)
        }
    }

    @Test func `twice does no harm`() async throws {
        let bench = try await HouseBench()
        let line = try await Line(bench)
        let seal = try line.seal([line.birth("U-1", bench), line.birth("U-2", bench)], bench)
        let first = try await bench.house.perform(AdmitBirths(manifest: seal), as: .system)
        #expect(first.admitted == 2 && first.known == 0)
        let size = try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger") }
        let second = try await bench.house.perform(AdmitBirths(manifest: seal), as: .system)
        #expect(second.admitted == 0 && second.known == 2 && second.refused.isEmpty)
        #expect(try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM ledger") } == size)
    }

    @Test(.enabled(if: BenchEngine.isPostgreSQL, "several nodes need PostgreSQL: scripts/test.sh runs it there"))
    func `knows the batch's authority, also where nobody has told of it yet`() async throws {
        let bench = try await HouseBench()
        let house = bench.house
        // Another node, which follows nobody.
        let other = try await House(
            database: house.database, keys: house.keys, settings: house.settings, log: house.log, clock: house.clock,
            random: house.random)
        let line = try await Line(bench)
        #expect(other.authorities.known("birth-\(line.batch)") == nil)
        let answer = try await other.perform(
            AdmitBirths(manifest: line.seal([line.birth("U-1", bench)], bench)), as: .system)
        #expect(answer.admitted == 1 && answer.refused.isEmpty, "\(answer.refused)")
    }

    @Test func `of a large manifest lets others write in between`() async throws {
        let bench = try await HouseBench()
        let count = AdmitBirths.pageSize + 1
        let line = try await Line(bench, quantity: count)
        let births = try (1...count).map { try line.birth("U-\($0)", bench) }
        let answer = try await bench.house.perform(AdmitBirths(manifest: line.seal(births, bench)), as: .system)
        #expect(answer.admitted == count && answer.refused.isEmpty)
        let entries = try await bench.house.read { rows in
            try rows.query("SELECT entry FROM ledger WHERE kind = 'batchAdmitted' ORDER BY idx").map {
                try CanonicalJSON.decode(Entry.self, from: $0.bytes("entry")).event
            }
        }
        let pages = entries.map { event -> Int in
            guard case .batchAdmitted(line.batch, let births, _) = event else { return 0 }
            return births
        }
        #expect(pages == [AdmitBirths.pageSize, 1])
        let admitted = try await bench.house.read { try $0.count("SELECT admitted AS n FROM batch") }
        #expect(admitted == count)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `refuses one by one what does not fit and admits the rest`() async throws {
        let bench = try await HouseBench()
        let line = try await Line(bench)
        let other = try await Line(bench, name: "line-8")
        let key = EphemeralKey()
        var broken = try line.birth("U-5", bench)
        broken.certificate = "!"
        let births = [
            try line.birth("U-1", key: key, bench), try line.birth("U-2", key: key, bench),
            try line.birth("U-3", named: "U-1", bench), try other.birth("U-4", bench), broken,
            try line.birth("../U-6", named: "U-6", bench),
            try line.birth("U-7", bench), try line.birth("U-8", bench), try line.birth("U-9", bench),
        ]
        let answer = try await bench.house.perform(AdmitBirths(manifest: line.seal(births, bench)), as: .system)
        #expect(answer.admitted == 3)
        #expect(answer.refused.map(\.serial) == ["U-2", "U-3", "U-4", "U-5", "../U-6", "U-9"])
        #expect(answer.refused.allSatisfy { !$0.reason.isEmpty })
        let alarms = try await bench.house.read {
            try $0.count("SELECT COUNT(*) AS n FROM alarm WHERE alarm = 'keySeenTwice'")
        }
        #expect(alarms == 1)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }

    @Test func `goes on after twenty successions of the permit key, all of which come beside the permit`() async throws
    {
        let bench = try await HouseBench()
        try await bench.succeed(.permit, as: .permit, 20)
        #expect(try await bench.makeUnits(1).count == 1)
    }

    @Test func `believes only the station's own seal`() async throws {
        let faults = Faults()
        let bench = try await HouseBench(faults: faults)
        let line = try await Line(bench)
        let forged = try line.seal([line.birth("U-1", bench)], bench, with: EphemeralKey())
        faults.arm(.database, .failed, at: 1)
        await #expect { try await bench.house.perform(AdmitBirths(manifest: forged), as: .system) } throws: {
            ($0 as? Refusal)?.code == .unauthenticated
        }
        // Judged before anybody had to wait for it: no transaction was begun.
        #expect(!faults.disarm())
        #expect(try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM device") } == 0)
    }
}
