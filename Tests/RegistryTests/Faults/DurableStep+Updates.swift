import Registry
import Store
import TUF
import Testing
import Trust
import Use
import Wire
import Workbench

extension DurableStep {
    /// Update metadata. The clock stands, so that whoever asks again proposes the same bytes.
    static var updates: [DurableStep] {
        [
            DurableStep(DraftRoot.name) { scene in
                let keys = (0..<4).map { _ in UpdateBench.text(EphemeralKey()) }
                let drafted = DraftRoot(
                    rootKeys: Array(keys[..<2]), targetsKeys: Array(keys[2...]), days: 100 + (await scene.number()))
                let before = try await scene.drafts(of: RootRole.type)
                return Attempt {
                    _ = try await scene.house.perform(drafted, as: .system)
                } check: { _ in
                    try await demand(scene.drafts(of: RootRole.type) == before + 1)
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM key_role WHERE role IN ('snapshot', 'timestamp')") == 2)
                }
            },
            DurableStep(AddSigner.name) { scene in
                let updates = try await scene.updates()
                let key = UpdateBench.text(EphemeralKey())
                let layer = "app-\(await scene.number())"
                return Attempt {
                    _ = try await scene.house.perform(
                        AddSigner(
                            product: HouseBench.product, layer: layer, person: "Grace", key: key, inToken: true),
                        as: updates.grace)
                } check: { _ in
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM tuf_signer WHERE role = $1",
                            [.text(ReleaseLayout.role(of: HouseBench.product, layer: layer))]) == 1)
                }
            },
            DurableStep(RemoveSigner.name) { scene in
                let updates = try await scene.updates()
                let layer = "app-\(await scene.number())"
                let added = try await scene.house.perform(
                    AddSigner(
                        product: HouseBench.product, layer: layer, person: "Grace",
                        key: UpdateBench.text(EphemeralKey()),
                        inToken: true), as: updates.grace)
                let before = try await scene.entries("updateSignerRemoved")
                return Attempt {
                    _ = try await scene.house.perform(
                        RemoveSigner(product: HouseBench.product, layer: layer, key: added.key), as: updates.grace)
                } saysDone: {
                    [.notFound]
                } check: { _ in
                    try await demand(scene.entries("updateSignerRemoved") == before + 1)
                }
            },
            DurableStep(DelegateUpdates.name) { scene in
                let updates = try await scene.updates()
                let days = 100 + (await scene.number())
                let before = try await scene.drafts(of: TargetsRole.type)
                return Attempt {
                    _ = try await scene.house.perform(
                        DelegateUpdates(product: HouseBench.product, days: days), as: updates.grace)
                } check: { _ in
                    try await demand(scene.drafts(of: TargetsRole.type) == before + 1)
                }
            },
            DurableStep(ProposeRelease.name) { scene in
                let updates = try await scene.updates()
                let sequence = await scene.number()
                let before = try await scene.drafts(of: UpdateBench.layerRole)
                return Attempt {
                    _ = try await updates.propose(sequence)
                } check: { _ in
                    try await demand(scene.drafts(of: UpdateBench.layerRole) == before + 1)
                }
            },
            DurableStep(SignMetadata.name) { scene in
                let updates = try await scene.updates()
                let draft = try await updates.propose(await scene.number()).draft
                let signature = try updates.graceKey.signature(over: try await updates.bytes(of: draft))
                return Attempt {
                    try await updates.handIn(signature, by: updates.graceKey, for: draft, as: updates.grace)
                } check: { _ in
                    try await demand(
                        scene.count(
                            "SELECT COUNT(*) AS n FROM tuf_signature WHERE content = $1", [Value(draft)]) == 1)
                }
            },
            DurableStep(PublishMetadata.name) { scene in
                let updates = try await scene.updates()
                let sequence = await scene.number()
                let proposed = try await updates.propose(sequence)
                try await updates.signByBoth(proposed.draft)
                let before = try await scene.entries("updateMetadataPublished")
                return Attempt {
                    try await updates.publish([proposed.draft])
                } saysDone: {
                    [.conflict]
                } check: { _ in
                    try await demand(updates.find(UpdateBench.path(sequence)) != nil)
                    try await demand(scene.entries("updateMetadataPublished") == before + 1)
                    try await demand(updates.version(of: proposed.role) == proposed.version)
                }
            },
            DurableStep("renewing update metadata") { scene in
                let updates = try await scene.updates()
                scene.bench.clock.advance(seconds: 7 * 3600)
                let before = try await updates.version(of: TimestampRole.type)
                return Attempt {
                    try await UpdateRenewal.run(scene.house)
                } check: { _ in
                    try await demand(updates.version(of: TimestampRole.type) == before + 1)
                    _ = try await updates.repository()
                }
            },
        ]
    }
}

extension FaultScene {
    func drafts(of role: String) async throws -> Int {
        try await count("SELECT COUNT(*) AS n FROM tuf_draft WHERE role = $1", [.text(role)])
    }
}
