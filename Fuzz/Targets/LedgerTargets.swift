import Auditor
import Ledger
import Wire

extension FuzzTarget {
    static let ledger = [
        FuzzTarget("note") { seeds in
            [seeds.note, seeds.cosigned]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            guard let note = try? Note(bytes) else { return }
            promise(note.bytes == bytes, "note: not what was read")
            guard let verified = try? note.verified(by: [fixed.logKey]) else { return }
            promise(bytes.starts(with: Array(verified.text.utf8)), "note: another text than the one that was signed")
        },
        FuzzTarget("checkpoint") { seeds in
            [Array(seeds.checkpoint.text.utf8)]
        } run: { bytes in
            guard let checkpoint = try? Checkpoint(text: text(bytes)) else { return }
            promise(checkpoint.text == text(bytes), "checkpoint: two spellings of one")
        },
        FuzzTarget("vkey") { seeds in
            [Array(seeds.logKey.description.utf8), Array(seeds.witnessKey.description.utf8)]
        } run: {
            bytes in
            if let key = try? VerifierKey(text(bytes)) {
                promise((try? VerifierKey(key.description)) == key, "vkey: not stable")
                promise((try? WitnessKey(text(bytes))) == nil, "vkey: a key of both kinds")
            } else if let key = try? WitnessKey(text(bytes)) {
                promise((try? WitnessKey(key.description)) == key, "vkey: not stable")
            }
        },
        FuzzTarget("tile-path") { _ in
            ["tile/0/000", "tile/63/x001/x234/067.p/255", "tile/entries/999"].map { Array($0.utf8) }
        } run: { bytes in
            guard let path = TilePath(text(bytes)) else { return }
            promise(path.text.utf8.elementsEqual(bytes), "tile-path: two spellings of one")
            promise(path.index >= 0 && (1...256).contains(path.width), "tile-path: out of range")
            promise(!path.text.contains(".."), "tile-path: a way out of the folder")
        },
        FuzzTarget("entry-bundle") { _ in
            [[2] + ((try? EntryBundle.encode([[1], [2, 3]])) ?? []), [0]]
        } run: { bytes in
            guard let count = bytes.first,
                let entries = try? EntryBundle.decode(Array(bytes.dropFirst()), count: Int(count))
            else { return }
            promise((try? EntryBundle.encode(entries)) == Array(bytes.dropFirst()), "entry-bundle: not stable")
        },
        json("evidence", Evidence.self) {
            [try $0.evidence()]
        } also: { evidence in
            let fixed = FuzzSeeds.fixed
            guard let proven = try? evidence.verify(vkey: fixed.logKey) else { return }
            for entry in proven.entries {
                promise(fixed.leaves.indices.contains(Int(entry.index)), "evidence: an entry that is not in the log")
                promise(fixed.leaves[Int(entry.index)] == entry.leaf, "evidence: another entry than the log has")
            }
        },
        // Sizes and hashes from outside: nothing overflows, and no proof holds but the one there is.
        FuzzTarget("proofs") { seeds in
            try seeds.proofs()
        } run: { bytes in
            guard bytes.count >= 16 else { return }
            let (a, b) = (int(bytes[0..<8]), int(bytes[8..<16]))
            let hashes = stride(from: 16, to: bytes.count - 31, by: 32).prefix(200).map { Digest(bytes[$0..<$0 + 32]) }
            let (root, empty) = (FuzzSeeds.fixed.checkpoint.root, MerkleTree.emptyRoot)
            let consistency = ConsistencyProof(oldSize: a, newSize: b, hashes: hashes)
            for old in [root, empty] { _ = try? consistency.verify(oldRoot: old, newRoot: root) }
            let inclusion = InclusionProof(index: a, size: b, hashes: hashes)
            guard (try? inclusion.verify(leafHash: MerkleTree.leafHash([0xFF, 0xFE]), root: root)) == nil else {
                return promise(false, "proofs: an entry that is not in the log is proven")
            }
        },
        FuzzTarget("remembered", share: 50) { seeds in
            [try seeds.memory()]
        } run: { bytes in
            guard let memory = try? Remembered(document: bytes) else { return }
            let written = (try? CanonicalJSON.encode(memory)) ?? []
            promise((try? Remembered(document: written)) == memory, "remembered: not stable")
        },
    ]

    private static func int(_ bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    static let witness = [
        FuzzTarget("cosigned", share: 50) { seeds in
            [seeds.cosigned, seeds.note]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            guard let quorum = try? WitnessQuorum([fixed.witnessKey]) else { return }
            _ = try? Note(bytes).cosignatures(by: [fixed.witnessKey])
            guard let found = try? WitnessedCheckpoint(note: bytes, key: fixed.logKey, quorum: quorum) else { return }
            promise(found.checkpoint == fixed.checkpoint, "cosigned: a checkpoint that nobody cosigned")
        },
        FuzzTarget("witness-request") { seeds in
            [seeds.request.bytes]
        } run: { bytes in
            guard let request = try? WitnessRequest(bytes) else { return }
            promise(request.bytes == bytes, "witness-request: two spellings of one")
        },
        FuzzTarget("witness-decision", share: 30) { seeds in
            [seeds.request.bytes, WitnessRequest(oldSize: 0, proof: [], note: seeds.note).bytes]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            guard let request = try? WitnessRequest(bytes) else { return }
            for state in [fixed.freshLog, fixed.knownLog] {
                guard let (next, _) = try? state.cosign(request, by: fixed.cosigner, at: FuzzSeeds.now) else {
                    continue
                }
                promise((next.latest?.size ?? 0) >= (state.latest?.size ?? 0), "witness: it went back")
                promise(
                    fixed.signedHeads.contains { $0 == next.latest?.head }, "witness: it cosigned what no log signed")
                promise(
                    (try? WitnessedLog(next.bytes, witness: fixed.witnessKey)) == next, "witness: its memory is lost")
            }
        },
        FuzzTarget("witness-memory", share: 50) { seeds in
            [seeds.knownLog.bytes, seeds.freshLog.bytes]
        } run: { bytes in
            guard let log = try? WitnessedLog(bytes, witness: FuzzSeeds.fixed.witnessKey) else { return }
            promise(
                (try? WitnessedLog(log.bytes, witness: FuzzSeeds.fixed.witnessKey)) == log, "witness-memory: not stable"
            )
        },
        // The first byte is the status, counted from 200 in a short list.
        FuzzTarget("witness-reply") { seeds in
            [[0] + seeds.cosignatureLine, [1] + Array("17\n".utf8), [2], [3] + Array("no\n".utf8)]
        } run: { bytes in
            let fixed = FuzzSeeds.fixed
            guard let kind = bytes.first else { return }
            let reply = WitnessReply(
                status: [200, 409, 422, 404, 500][Int(kind) % 5], contentType: "text/x.tlog.size",
                body: Array(bytes.dropFirst()), to: fixed.note, from: fixed.witnessKey)
            guard case .cosigned(_, let line) = reply else { return }
            promise(Array(line.utf8) == fixed.cosignatureLine, "witness-reply: a line that the witness did not make")
        },
    ]
}
