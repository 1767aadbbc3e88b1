import Ledger
import Testing
import Trust
import Wire

private let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
private let emptyRoot = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

@Suite struct `A checkpoint` {
    @Test func `of the standard is read and written back`() throws {
        let text = "example.com/behind-the-sofa\n20852163\n\(root)\n"
        let checkpoint = try Checkpoint(text: text)
        #expect(checkpoint.origin == "example.com/behind-the-sofa")
        #expect(checkpoint.size == 20_852_163)
        #expect(Base64.encode(checkpoint.root.bytes) == root)
        #expect(checkpoint.extensions.isEmpty)
        #expect(checkpoint.text == text)
    }

    @Test func `may have extension lines and a free origin`() throws {
        let text = "a log + a space\n1\n\(root)\nfirst\nsecond line\n"
        let checkpoint = try Checkpoint(text: text)
        #expect(checkpoint.extensions == ["first", "second line"])
        #expect(checkpoint.text == text)
    }

    @Test func `of an empty tree has the root of nothing`() throws {
        #expect(try Checkpoint(text: "log\n0\n\(emptyRoot)\n").head == TreeHead(size: 0, root: MerkleTree.emptyRoot))
    }

    @Test(arguments: [
        ("a leading zero in the size", "log\n01\n\(root)\n"),
        ("a size of two zeros", "log\n00\n\(emptyRoot)\n"),
        ("a sign in the size", "log\n+1\n\(root)\n"),
        ("a negative size", "log\n-1\n\(root)\n"),
        ("no size", "log\n\n\(root)\n"),
        ("a size with a space", "log\n1 \n\(root)\n"),
        ("a size in other digits", "log\n١\n\(root)\n"),
        ("a hexadecimal size", "log\n0x10\n\(root)\n"),
        ("a size of 2^63", "log\n9223372036854775808\n\(root)\n"),
        ("a size of 30 digits", "log\n100000000000000000000000000000\n\(root)\n"),
        ("a root of 31 bytes", "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n"),
        ("a root of 33 bytes", "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2IA\n"),
        ("no root", "log\n1\n\n"),
        ("a root that is not base64", "log\n1\n!!!!\n"),
        ("a root in hexadecimal", "log\n1\n0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62\n"),
        ("a root with stray bits", "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n"),
        ("size 0 with another root", "log\n0\n\(root)\n"),
        ("no origin", "\n1\n\(root)\n"),
        ("an empty extension", "log\n1\n\(root)\n\n"),
        ("an empty extension among others", "log\n1\n\(root)\na\n\nb\n"),
        ("two lines", "log\n1\n"),
        ("no final newline", "log\n1\n\(root)"),
        ("control characters", "lo\tg\n1\n\(root)\n"),
        ("nothing", ""),
    ])
    func `is refused for`(what: String, text: String) {
        #expect(throws: Refusal.self, "\(what)") { try Checkpoint(text: text) }
    }

    @Test func `is signed by its log and opened with its key`() throws {
        let signer = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        let head = TreeHead(size: 5, root: MerkleTree.leafHash([1]))
        let note = try signer.checkpoint(head)
        let checkpoint = try Checkpoint(note: note, key: signer.verifierKey)
        #expect(checkpoint.head == head)
        #expect(checkpoint.origin == "example.com/log")
    }

    @Test func `of another origin is refused though the key signed it`() throws {
        let signer = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        let note = try signer.note("example.com/other\n1\n\(root)\n")
        #expect(throws: Refusal.self) { try Checkpoint(note: note, key: signer.verifierKey) }
    }

    @Test func `of another key is refused`() throws {
        let signer = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        let other = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        let note = try signer.checkpoint(TreeHead(size: 0, root: MerkleTree.emptyRoot))
        #expect(throws: Refusal.self) { try Checkpoint(note: note, key: other.verifierKey) }
    }

    @Test func `cannot be signed for an empty tree with another root`() throws {
        let signer = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        #expect(throws: Refusal.self) { try signer.checkpoint(TreeHead(size: 0, root: MerkleTree.leafHash([]))) }
        #expect(throws: Refusal.self) { try signer.checkpoint(TreeHead(size: 1, root: Digest([1]))) }
    }
}

@Suite struct `Evidence for an auditor` {
    private let signer: NoteSigner
    private let leaves = (0..<300).map { Array("leaf \($0)".utf8) }
    private let evidence: Evidence

    init() throws {
        signer = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        let (tiles, head) = try Tiles.append(leaves: leaves.map { MerkleTree.leafHash($0) }, to: 0, reading: [:])
        let items = try [Int64(3), 17, 299].map { [leaves] index in
            (try Tiles.inclusion(index: index, size: 300, reading: tiles), leaf: leaves[Int(index)])
        }
        evidence = Evidence(
            subject: "test", vkey: signer.verifierKey, checkpoint: try signer.checkpoint(head), entries: items)
    }

    @Test func `gives back the proven leaves in order`() throws {
        let read = try CanonicalJSON.decode(Evidence.self, from: CanonicalJSON.encode(evidence))
        #expect(read == evidence)
        let proven = try read.verify(vkey: signer.verifierKey)
        #expect(proven.entries.map(\.index) == [3, 17, 299])
        #expect(proven.entries.map(\.leaf) == [leaves[3], leaves[17], leaves[299]])
        #expect(proven.checkpoint.size == 300)
    }

    @Test func `is refused with anything changed`() throws {
        func refuses(_ change: (inout Evidence) -> Void) -> Bool {
            var changed = evidence
            change(&changed)
            return (try? changed.verify(vkey: signer.verifierKey)) == nil
        }
        #expect(!refuses { _ in })
        #expect(refuses { $0.v = 2 })
        #expect(refuses { $0.checkpoint = $0.checkpoint.replacingOccurrences("300", with: "301") })
        #expect(refuses { $0.entries[0].index = 4 })
        #expect(refuses { $0.entries[0].index = -1 })
        #expect(refuses { $0.entries[2].index = 300 })
        #expect(refuses { $0.entries.swapAt(0, 1) })
        #expect(refuses { $0.entries[1] = $0.entries[0] })
        #expect(refuses { $0.entries[1].leaf = Base64.encode(Array("leaf 18".utf8)) })
        #expect(refuses { $0.entries[1].leaf += "\n" })
        #expect(refuses { $0.entries[1].proof.removeLast() })
        #expect(refuses { $0.entries[1].proof.append($0.entries[1].proof[0]) })
        #expect(refuses { $0.entries[1].proof.swapAt(0, 1) })
        #expect(refuses { $0.entries[1].proof[0] = "AAAA" })
        // Hints are not evidence: they may say anything.
        #expect(!refuses { $0.vkey = "somebody+else+entirely" })
        #expect(!refuses { $0.subject = nil })
    }

    @Test func `is refused under another key`() throws {
        let other = try NoteSigner(name: "example.com/log", key: EphemeralKey(.ed25519))
        #expect(throws: Refusal.self) { try evidence.verify(vkey: other.verifierKey) }
    }
}

extension String {
    fileprivate func replacingOccurrences(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
