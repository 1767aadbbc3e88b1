import Auditor
import Ledger
import Testing
import Trust
import Wire

@Suite struct `A proof of one entry` {
    private let key = EphemeralKey(.ed25519)

    private func evidence() throws -> (Evidence, VerifierKey) {
        let signer = try NoteSigner(name: "proof.example/log", key: key)
        let leaves = (0..<5).map { Array("leaf \($0)".utf8) }
        let grown = try Tiles.append(leaves: leaves.map(MerkleTree.leafHash), to: 0, reading: [TileID: [UInt8]]())
        let proof = try Tiles.inclusion(index: 3, size: 5, reading: grown.changed)
        let note = try signer.checkpoint(grown.head)
        return (
            Evidence(subject: nil, vkey: signer.verifierKey, checkpoint: note, entries: [(proof, leaf: leaves[3])]),
            signer.verifierKey
        )
    }

    @Test func `is verified with the right key and shows the leaf`() throws {
        let (evidence, vkey) = try evidence()
        let report = try VerifyProof.run(document: CanonicalJSON.encode(evidence), key: vkey)
        #expect(report.verified)
        #expect(report.entries.map(\.leaf) == ["leaf 3"])
    }

    @Test func `of a changed leaf is not verified`() throws {
        var (evidence, vkey) = try evidence()
        evidence.entries[0].leaf = Base64.encode(Array("leaf 4".utf8))
        let report = try VerifyProof.run(document: CanonicalJSON.encode(evidence), key: vkey)
        #expect(!report.verified)
        #expect(!report.findings.isEmpty)
    }

    @Test func `under another key is not verified`() throws {
        let (evidence, _) = try evidence()
        let other = try NoteSigner(name: "proof.example/log", key: EphemeralKey(.ed25519)).verifierKey
        #expect(!(try VerifyProof.run(document: CanonicalJSON.encode(evidence), key: other)).verified)
    }
}
