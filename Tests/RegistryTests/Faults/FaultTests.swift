import Foundation
import Keys
import KeysFile
import Logging
import Pairing
import Passport
import Registry
import Store
import StoreSQLite
import Testing
import Trust
import Wire
import Workbench

@Suite struct `A durable step that fails, or is kept and said to have failed` {
    @Test(arguments: DurableStep.all) func `leaves exactly one of everything once it is tried again`(
        _ step: DurableStep
    ) async throws {
        try await leavesOne(step, FaultScene())
    }

    @Test(arguments: DurableStep.issuing)
    func `leaves exactly one of everything where keys sign in the same transaction`(_ step: DurableStep) async throws {
        try await leavesOne(step, FaultScene(signsAtOnce: true))
    }

    private func leavesOne(_ step: DurableStep, _ scene: FaultScene) async throws {
        try await step.tryAll(scene)
        // Whatever was left half done is given up, and its serial is never good.
        scene.bench.clock.advance(seconds: 700)
        try await Issuer.sweep(scene.house)
        #expect(try await scene.count("SELECT COUNT(*) AS n FROM certificate WHERE state = 'intended'") == 0)
        try await scene.bench.publisher.publish()
        let findings = try await Audit.run(scene.house.database).findings
        #expect(findings.isEmpty, "\(step.name): \(findings)")
    }

    /// Enrols with the code, as the device door does.
    private func enrol(_ unit: BenchUnit, _ code: String, in house: House) async throws {
        let request = try VerifiedRequest(der: CertificationRequest.enrolment(device: unit.device, key: EphemeralKey()))
        let proof = try await EnrolmentCode.admit(code, of: unit.serial, in: house)
        _ = try await EnrolDevice(device: unit.device, request: request, proof: .code(proof)).perform(in: house)
    }

    private func codes(_ scene: FaultScene) async throws -> Int {
        try await scene.count("SELECT COUNT(*) AS n FROM nonce WHERE purpose = 'enrolment'")
    }

    @Test(arguments: Faults.Target.allCases, [false, true])
    func `costs no enrolment code as long as there is no certificate for it`(
        _ target: Faults.Target, _ signsAtOnce: Bool
    ) async throws {
        let scene = try await FaultScene(signsAtOnce: signsAtOnce)
        let unit = try await scene.paired()
        let code = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada).code
        var number = 1
        while number < 10 {
            scene.faults.arm(target, .failed, at: number)
            do {
                try await enrol(unit, code, in: scene.house)
                #expect(!scene.faults.disarm())
                break
            } catch {
                #expect(scene.faults.disarm(), "\(error)")
                #expect(try await codes(scene) == 1, "step \(number)")
                #expect(try await scene.issued(to: unit) == 0, "step \(number)")
            }
            number += 1
        }
        #expect(number > 1 && number < 10)
        #expect(try await codes(scene) == 0)
        #expect(try await scene.issued(to: unit) == 1)
        await #expect { try await enrol(unit, code, in: scene.house) } throws: {
            ($0 as? Refusal)?.code == .unauthenticated
        }
    }

    @Test(arguments: [false, true])
    func `is not needed for many requests at once to share one code, which serves one of them`(
        _ signsAtOnce: Bool
    ) async throws {
        let scene = try await FaultScene(signsAtOnce: signsAtOnce)
        let unit = try await scene.paired()
        let code = try await scene.house.perform(IssueEnrolmentCode(device: unit.serial), as: scene.ada).code
        // Several nodes where the engine has them.
        let beside =
            try await BenchEngine.isPostgreSQL
            ? HouseBench(beside: scene.bench, faults: Faults(signsAtOnce: signsAtOnce)) : nil
        let houses = [scene.house, beside?.house ?? scene.house]
        let results = try await withThrowingTaskGroup(of: Refusal.Code?.self) { group in
            for index in 0..<8 {
                group.addTask {
                    do {
                        try await enrol(unit, code, in: houses[index % 2])
                        return nil
                    } catch let refusal as Refusal { return refusal.code }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count { $0 == nil } == 1 && results.count { $0 == .unauthenticated } == 7, "\(results)")
        #expect(try await codes(scene) == 0)
        #expect(try await scene.issued(to: unit) == 1)
        #expect(try await scene.count("SELECT COUNT(*) AS n FROM certificate WHERE state = 'intended'") == 0)
        try await scene.bench.publisher.publish()
        #expect(try await Audit.run(scene.house.database).findings.isEmpty)
    }

    @Test(arguments: Faults.Target.allCases, Faults.Mode.allCases)
    func `of the founding is made good by the next start`(_ target: Faults.Target, _ mode: Faults.Mode) async throws {
        var number = 1
        while number < 60 {
            let folder = NSTemporaryDirectory() + "/lifelong-founding-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let (struck, house) = try await found(in: folder, target, mode, number)
            let authorities = try await house.read { try $0.count("SELECT COUNT(*) AS n FROM authority") }
            let events = try await house.read { rows in
                try rows.count("SELECT COUNT(*) AS n FROM ledger WHERE kind = 'authorityCreated'")
            }
            #expect(authorities == 4 && events == 4, "step \(number) of the \(target.rawValue) \(mode.rawValue)")
            #expect(try await Audit.run(house.database).findings.isEmpty)
            try house.database.close()
            guard struck else { break }
            number += 1
        }
        #expect(number > 4 && number < 60)
    }

    /// A first start that is cut off, and the second on the same folder.
    private func found(
        in folder: String, _ target: Faults.Target, _ mode: Faults.Mode, _ number: Int
    ) async throws -> (struck: Bool, House) {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (faults, clock) = (Faults(), BenchClock())
        @Sendable func open() async throws -> House {
            try await House(
                database: FaultyDatabase(
                    SQLiteDatabase(path: folder + "/lifelong.db", migrations: Schema.migrations), faults),
                keys: FaultyKeys(FileKeyStore(folder: folder + "/keys"), faults), settings: HouseSettings(),
                log: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now },
                random: BenchClock.random)
        }
        faults.arm(target, mode, at: number)
        let first = try? await open()
        let struck = faults.disarm()
        #expect((first == nil) == struck)
        try first?.database.close()
        clock.advance(seconds: 700)
        return (struck, try await open())
    }
}

@Suite struct `The list of durable steps` {
    private static let root = URL(filePath: #filePath).appending(path: "../../../..").standardizedFileURL

    private static func sources() -> [(path: String, text: String)] {
        let base = root.appending(path: "Sources")
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            (try? String(contentsOf: base.appending(path: path), encoding: .utf8)).map { (path, $0) }
        }
    }

    @Test func `has every action and ceremony`() {
        var names: Set<String> = []
        for (_, text) in Self.sources() {
            for match in text.matches(of: /package static let name = "([a-z]+\/[a-z-]+)"/) {
                names.insert(String(match.output.1))
            }
        }
        #expect(names.count >= 28)
        let listed = Set(DurableStep.all.map(\.name))
        // What only reads has nothing that could fail half way.
        let reading: Set<String> = ["use/try-rollout"]
        #expect(
            names.subtracting(listed) == reading, "add a DurableStep for each of them, in Tests/RegistryTests/Faults")
        #expect(listed.filter { $0.contains("/") }.isSubset(of: names), "no such action any more")
        #expect(listed.count == DurableStep.all.count)
    }

    /// Files that write to the store or sign without being an action: each with the step that breaks it.
    private static let writers: [String: String] = [
        "Ground/Registry/House.swift": "every action",
        "Ground/Registry/Journal/Journal.swift": "every action",
        "Ground/Registry/Journal/ContactBuffer.swift": "last contacts",
        "Ground/Registry/Journal/ContactCounts.swift": "counting contacts",
        "Ground/Registry/Journal/Publisher.swift": "publishing a checkpoint",
        "Ground/Registry/Journal/OldCheckpoints.swift": "deleting old checkpoints",
        // What a witness signed can be asked for again; its cosignature is evidence, never an answer.
        "Ground/Registry/Journal/Witnesses.swift": "witnessing, in its own tests",
        "Ground/Registry/Keys/KeyMove.swift": "moving keys, step by step, in its own test",
        "Ground/Registry/Keys/KeyRetirement.swift": "retiring keys, step by step, in its own test",
        "Ground/Registry/Keys/RootSuccession.swift": "moving keys, step by step, in its own test",
        "Ground/Registry/Keys/Successions.swift": "moving keys, step by step, in its own test",
        "Ground/Registry/Keys/WrappedKeys.swift": "moving keys, step by step, in its own test",
        "Ground/Registry/Artifacts/ArtifactRecords.swift": "an upload of what was pruned",
        "Ground/Registry/Rollouts/OutsideCheck.swift": "the outside check of a rollout",
        "Ground/Registry/Updates/UpdateKeys.swift": "use/draft-root",
        "Ground/Registry/Updates/UpdatePublication.swift": "use/publish-metadata",
        "Ground/Registry/Updates/UpdateRenewal.swift": "renewing update metadata",
        "Ground/Registry/Tenure/Erasure.swift": "erasure of an ended tenure",
        "Ground/Registry/Issuer/Issuer.swift": "abandoning intents",
        "Ground/Registry/Issuer/Revocation.swift": "publishing a revocation list",
        "Ground/Registry/Issuer/ServiceCertificates.swift": "the server's own certificate",
        "Ground/Registry/Issuer/Founding.swift": "founding, in its own test",
        "Ground/Registry/Standing.swift": "an alarm at contact",
        "Rooms/Manufacture/OpenBatch.swift": "manufacture/open-batch",
        "Rooms/Manufacture/AdmitBirths.swift": "manufacture/admit-births",
        "Rooms/Manufacture/ShipDevices.swift": "manufacture/ship-devices",
        "Rooms/Pairing/ProvePresence.swift": "pairing/prove-presence",
        "Rooms/Transfer/RecordWipe.swift": "transfer/record-wipe",
        "Rooms/Use/Configuration/ConfigureDevice.swift": "use/configure-device",
        "Rooms/Use/Metadata/DraftRoot.swift": "use/draft-root",
        "Rooms/Use/Metadata/ProposeRelease.swift": "use/propose-release",
        "Rooms/Use/Rollouts/RolloutKeeper.swift": "the advance of a rollout",
        "Rooms/Use/Updates/PublishRelease.swift": "use/publish-release",
        "Rooms/Use/Updates/PruneArtifacts.swift": "use/prune-artifacts",
        "Rooms/Pairing/PairDevice.swift": "pairing/pair-device", "Rooms/Pairing/EnrolDevice.swift": "enrolment",
        "Rooms/Pairing/IssueEnrolmentCode.swift": "a wrong enrolment code",
    ]

    @Test func `has everything else that writes`() {
        let writing = Self.sources().filter { path, text in
            (path.hasPrefix("Ground/Registry/") || path.hasPrefix("Rooms/"))
                && text.contains(/\.change\(as:|database\.write|forgetDeleted\(\)|Issuer\.issue\(|journal\.submit/)
        }.map(\.path)
        for path in writing {
            let step = Self.writers[path]
            #expect(step != nil, "\(path) writes: add a DurableStep for it, and its line in this table")
        }
        for (path, step) in Self.writers where !step.contains("every") && !step.contains("own test") {
            #expect(DurableStep.all.contains { $0.name == step }, "\(path): no step is called \"\(step)\"")
        }
    }
}
