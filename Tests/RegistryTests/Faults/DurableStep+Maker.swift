import Crypto
import Design
import Foundation
import Keys
import Manufacture
import Pairing
import Passport
import Registry
import Retirement
import Store
import Testing
import Transfer
import Trust
import Use
import Wire
import Workbench

extension DurableStep {
    static let all: [DurableStep] = maker + rollouts + people + owner + device + stock + house + updates
    /// Those in which a certificate is issued.
    static let issuing: [DurableStep] = all.filter {
        [
            OpenBatch.name, "enrolment", "renewal", "enrolment by code", "the server's own certificate",
            "the responder's certificate",
        ].contains($0.name)
    }

    /// What the maker's people do.
    static var maker: [DurableStep] {
        [
            DurableStep(PublishProduct.name) { scene in
                let product = ProductID(trusted: "lamp-\(await scene.number())")
                return Attempt {
                    _ = try await scene.house.perform(
                        PublishProduct(product: product, title: "Lamp", hardware: "lamp-a"), as: .system)
                } check: { _ in
                    try await demand(
                        scene.count("SELECT COUNT(*) AS n FROM product WHERE id = $1", [Value(product)]) == 1)
                }
            },
            DurableStep(SetGatewayToken.name) { scene in
                Attempt {
                    _ = try await scene.house.perform(
                        SetGatewayToken(product: HouseBench.product, allowed: true), as: .system)
                } check: { _ in
                    let allowed = try await scene.count(
                        "SELECT COUNT(*) AS n FROM product WHERE gateway_token IS NOT NULL")
                    #expect(allowed == 1)
                }
            },
            DurableStep(OpenBatch.name) { scene in
                let name = "line-\(await scene.number())"
                let request = StationRequest(
                    name: name,
                    birthAuthorityRequest: Base64.encode(
                        try CertificationRequest.birth(serial: name, key: EphemeralKey())),
                    stationKey: Base64.encode(EphemeralKey().publicKeyDER))
                return Attempt {
                    _ = try await scene.house.perform(
                        OpenBatch(product: HouseBench.product, quantity: 1, request: request), as: .system)
                } check: { extra in
                    // A permit whose answer was lost is used by nobody; asking again grants another.
                    let batches = try await scene.count(
                        "SELECT COUNT(*) AS n FROM batch WHERE station = $1", [.text(name)])
                    let authorities = try await scene.count(
                        """
                        SELECT COUNT(*) AS n FROM authority a JOIN batch b ON a.name = b.authority WHERE b.station = $1
                        """, [.text(name)])
                    #expect(authorities == batches && (batches == 1 || (extra && batches == 2)))
                }
            },
            DurableStep(AdmitBirths.name) { scene in
                let (batch, manifest, _) = try await scene.bench.makeManifest(
                    2, station: "admit-\(await scene.number())")
                return Attempt {
                    let answer = try await scene.house.perform(AdmitBirths(manifest: manifest), as: .system)
                    #expect(answer.admitted + answer.known == 2 && answer.refused.isEmpty)
                } check: { _ in
                    let devices = try await scene.count(
                        "SELECT COUNT(*) AS n FROM device WHERE batch = $1", [Value(batch)])
                    let counted = try await scene.count("SELECT admitted AS n FROM batch WHERE id = $1", [Value(batch)])
                    #expect(devices == 2 && counted == 2)
                }
            },
            DurableStep(ShipDevices.name) { scene in
                let unit = try await scene.bench.makeUnits(1, shipped: false, station: "ship-\(await scene.number())")[
                    0]
                return Attempt {
                    _ = try await scene.house.perform(ShipDevices(devices: [unit.serial]), as: .system)
                } check: { _ in
                    try await demand(scene.passport(unit).stage == .shipped)
                    try await demand(scene.entries("shipped", of: unit) == 1)
                }
            },
            DurableStep(UnlockPairing.name) { scene in
                let unit = try await scene.unit()
                try await scene.house.database.write { rows in
                    _ = try rows.execute("UPDATE device SET pairing_failures = 10 WHERE id = $1", [Value(unit.device)])
                }
                return Attempt {
                    _ = try await scene.house.perform(UnlockPairing(device: unit.serial), as: .system)
                } check: { _ in
                    _ = try await scene.house.perform(PairDevice(device: unit.serial, grade: .declared), as: scene.ada)
                }
            },
            DurableStep(PublishRelease.name) { scene in
                let (sha256, size) = try await scene.artifact()
                let sequence = await scene.number()
                return Attempt {
                    _ = try await scene.house.perform(
                        PublishRelease(
                            product: HouseBench.product, sequence: sequence, version: "\(sequence)",
                            hardware: [HouseBench.hardware], sha256: sha256, size: size), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM release WHERE sequence = $1", [Value(sequence)]) == 1)
                }
            },
            DurableStep(DraftRelease.name) { scene in
                let version = "draft-\(await scene.number())"
                return Attempt {
                    _ = try await scene.house.perform(
                        DraftRelease(product: HouseBench.product, version: version, kind: "os"), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM release_draft WHERE version = $1", [.text(version)]) == 1)
                }
            },
            DurableStep(AttachArtifact.name) { scene in
                let draft = try await scene.draft(attached: false)
                let (sha256, size) = try await scene.artifact()
                return Attempt {
                    _ = try await scene.house.perform(
                        AttachArtifact(draft: draft, sha256: sha256, size: size, file: "image"), as: .system)
                } check: { _ in
                    let found = try await scene.house.read { try ReleaseDraft.find(draft, in: $0) }
                    #expect(found?.artifact?.sha256 == sha256)
                }
            },
            DurableStep(DropDraft.name) { scene in
                let draft = try await scene.draft()
                return Attempt {
                    _ = try await scene.house.perform(DropDraft(draft: draft), as: .system)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    let found = try await scene.house.read { try ReleaseDraft.find(draft, in: $0) }
                    #expect(found == nil)
                }
            },
            DurableStep(PublishDraft.name) { scene in
                let draft = try await scene.draft()
                return Attempt {
                    _ = try await scene.house.perform(PublishDraft(draft: draft), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    let release = try await scene.house.read { rows in
                        try ReleaseDraft.find(draft, in: rows)?.release(in: rows)
                    }
                    let digest = try #require(release)
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM release WHERE digest = $1", [Value(digest)]) == 1)
                }
            },
            DurableStep(PruneArtifacts.name) { scene in
                let (sha256, _) = try await scene.artifact()
                try await scene.uploaded(sha256)
                let path = scene.house.artifacts.path + "/\(sha256)"
                let prune = PruneArtifacts(dryRun: false)
                let before = try await scene.entries("artifactPruned")
                return Attempt {
                    _ = try await scene.house.perform(prune, as: .system)
                } again: {
                    // Whoever was cut off may be at it for a minute.
                    scene.bench.clock.advance(seconds: 61)
                    _ = try await scene.house.perform(prune, as: .system)
                } check: { _ in
                    #expect(!FileManager.default.fileExists(atPath: path))
                    try await demand(scene.state(of: sha256) == .removed)
                    try await demand(scene.entries("artifactPruned") == before + 1)
                }
            },
            DurableStep("an upload of what was pruned") { scene in
                let (sha256, _) = try await scene.artifact()
                try await scene.uploaded(sha256)
                _ = try await scene.house.perform(PruneArtifacts(dryRun: false), as: .system)
                let before = try await scene.entries("artifactReturned")
                return Attempt {
                    // As the people's door does, before and after the bytes come to their place.
                    if try await ArtifactRecords.expect(sha256, in: scene.house, as: .system) {
                        try await ArtifactRecords.arrive(sha256, in: scene.house, as: .system)
                    }
                } check: { _ in
                    try await demand(scene.state(of: sha256) == .here)
                    try await demand(scene.entries("artifactReturned") == before + 1)
                }
            },
            DurableStep(WithdrawRelease.name) { scene in
                let sequence = try await scene.release()
                return Attempt {
                    _ = try await scene.house.perform(
                        WithdrawRelease(
                            product: HouseBench.product, sequence: sequence, confirm: HouseBench.product.text),
                        as: .system)
                } saysDone: {
                    [.gone]
                } check: { _ in
                    let isOffered = try await scene.house.read { rows in
                        try StoredRelease.find(sequence, of: HouseBench.product, in: rows)?.isOffered(in: rows)
                    }
                    demand(isOffered == false)
                }
            },
            DurableStep(OfferUpdate.name) { scene in
                let unit = try await scene.enrolled().unit
                let sequence = try await scene.release()
                return Attempt {
                    _ = try await scene.house.perform(
                        OfferUpdate(product: HouseBench.product, sequence: sequence, devices: [unit.serial]),
                        as: .system)
                } check: { _ in
                    try await demand(scene.passport(unit).offeredUpdate?.sequence == sequence)
                    try await demand(scene.entries("updateOffered", of: unit) == 1)
                }
            },
            DurableStep(WithdrawUpdate.name) { scene in
                let (unit, _) = try await scene.updating()
                return Attempt {
                    _ = try await scene.house.perform(
                        WithdrawUpdate(device: unit.serial, force: true), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    try await demand(scene.passport(unit).offeredUpdate == nil)
                    try await demand(scene.entries("updateWithdrawn", of: unit) == 1)
                }
            },
            DurableStep(QuarantineDevice.name) { scene in
                let unit = try await scene.paired()
                return Attempt {
                    _ = try await scene.house.perform(
                        QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
                } saysDone: {
                    [.conflict, .forbidden]
                } check: { _ in
                    try await demand(scene.passport(unit).stage == .quarantined)
                    try await demand(scene.entries("quarantined", of: unit) == 1)
                }
            },
            DurableStep(RestoreDevice.name) { scene in
                let unit = try await scene.paired()
                _ = try await scene.house.perform(QuarantineDevice(device: unit.serial, reason: "test"), as: .system)
                return Attempt {
                    _ = try await scene.house.perform(RestoreDevice(device: unit.serial), as: .system)
                } saysDone: {
                    [.conflict, .forbidden]
                } check: { _ in
                    try await demand(scene.passport(unit).stage == .inUse)
                    try await demand(scene.entries("restored", of: unit) == 1)
                }
            },
            DurableStep(RetireDevice.name) { scene in
                let unit = try await scene.enrolled().unit
                return Attempt {
                    _ = try await scene.house.perform(RetireDevice(device: unit.serial, how: .recycled), as: .system)
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    let passport = try await scene.passport(unit)
                    #expect(passport.stage == .retired && passport.wipeOwed && passport.tenure == nil)
                    try await demand(scene.issued(to: unit) == 0)
                    try await demand(scene.entries("retired", of: unit) == 1)
                    try await demand(scene.wipeNonce(unit) != nil)
                }
            },
            DurableStep(AcknowledgeAlarm.name) { scene in
                let unit = try await scene.unit()
                let index = try await scene.house.change(as: .system) { change in
                    try Alarms.raise(.logBroken, on: unit.device, detail: "for a test", in: change)
                    return Int(change.lastIndex)
                }
                return Attempt {
                    _ = try await scene.house.perform(AcknowledgeAlarm(index: index), as: .system)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    let open = try await scene.count(
                        "SELECT COUNT(*) AS n FROM alarm WHERE idx = $1 AND acknowledged_at IS NULL", [Value(index)])
                    #expect(open == 0)
                }
            },
        ]
    }
}

extension FaultScene {
    /// As if it had been uploaded long ago.
    func uploaded(_ sha256: Wire.Digest) async throws {
        try await house.database.write { rows in
            _ = try rows.execute(
                "INSERT INTO artifact (sha256, state, uploaded_at, since) VALUES ($1, 'here', 0, 0)",
                [Value(sha256)])
        }
    }

    func state(of artifact: Wire.Digest) async throws -> ArtifactRecords.State? {
        try await house.read { try ArtifactRecords.find(artifact, in: $0)?.state }
    }

    /// One that could be published, unless it has no artifact yet.
    func draft(attached: Bool = true) async throws -> Int64 {
        let draft = try await house.perform(
            DraftRelease(product: HouseBench.product, version: "draft-\(await number())", kind: "os"), as: .system
        ).draft
        guard attached else { return draft }
        let (sha256, size) = try await artifact()
        _ = try await house.perform(
            AttachArtifact(draft: draft, sha256: sha256, size: size, file: "image"), as: .system)
        return draft
    }

    /// A published release; returns its sequence.
    func release(mayReturn: Bool? = nil) async throws -> Int {
        let (sha256, size) = try await artifact()
        let sequence = await number()
        _ = try await house.perform(
            PublishRelease(
                product: HouseBench.product, sequence: sequence, version: "\(sequence)",
                hardware: [HouseBench.hardware], sha256: sha256, size: size, mayReturn: mayReturn), as: .system)
        return sequence
    }
}
