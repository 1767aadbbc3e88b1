import Foundation
import Ledger
import Testing
import Trust
import Wire

private let now = Timestamp(year: 2026, month: 11, day: 21)

/// A log in memory that can be asked for checkpoints and proofs at any size.
private struct SmallLog {
    let signer: NoteSigner
    var leaves: [Digest]

    init(_ count: Int, seed: String = "a", signer: NoteSigner? = nil) throws {
        self.signer = try signer ?? NoteSigner(name: "log.example/one", key: EphemeralKey(.ed25519))
        leaves = (0..<count).map { MerkleTree.leafHash(Array("\(seed)\($0)".utf8)) }
    }

    func head(_ size: Int) -> TreeHead {
        TreeHead(size: Int64(size), root: MerkleTree.root(of: Array(leaves.prefix(size))))
    }

    func request(from old: Int, to new: Int) throws -> WitnessRequest {
        let tiles = try Tiles.append(leaves: Array(leaves.prefix(new)), to: 0, reading: [TileID: [UInt8]]()).changed
        let proof = old > new ? [] : try Tiles.consistency(from: Int64(old), to: Int64(new), reading: tiles).hashes
        return WitnessRequest(oldSize: Int64(old), proof: proof, note: try signer.checkpoint(head(new)))
    }
}

@Suite struct `A witness` {
    private let cosigner: Cosigner
    private let log: SmallLog
    private let fresh: WitnessedLog

    init() throws {
        cosigner = try Cosigner(name: "witness.example/w1", key: EphemeralKey(.ed25519))
        log = try SmallLog(40)
        fresh = try WitnessedLog(origin: log.signer.verifierKey.name, keys: [log.signer.verifierKey])
    }

    private func at(_ size: Int) throws -> WitnessedLog {
        try fresh.cosign(log.request(from: 0, to: size), by: cosigner, at: now).next
    }

    /// The status of what it says to a request; 200 for a cosignature.
    private func status(_ request: WitnessRequest, in state: WitnessedLog) throws -> Int {
        do {
            _ = try state.cosign(request, by: cosigner, at: now)
            return 200
        } catch let objection as WitnessedLog.Objection {
            return objection.status
        }
    }

    @Test func `cosigns what adds to what it knows, and what it knows again`() throws {
        var state = fresh
        for (old, new) in [(0, 0), (0, 1), (1, 1), (1, 7), (7, 8), (8, 40), (40, 40)] {
            let request = try log.request(from: old, to: new)
            let (next, line) = try state.cosign(request, by: cosigner, at: now)
            state = next
            let quorum = try WitnessQuorum([cosigner.key])
            let seen = try WitnessedCheckpoint(note: request.note + line, key: log.signer.verifierKey, quorum: quorum)
            #expect(seen.checkpoint.head == log.head(new) && seen.cosignatures.first?.at == now)
            #expect(state.latest?.head == log.head(new))
            // What monitors get has both signatures.
            #expect(try WitnessedCheckpoint(note: state.note, key: log.signer.verifierKey, quorum: quorum) == seen)
        }
    }

    @Test func `answers each fault with its own status`() throws {
        let (known, twin) = (try at(8), try SmallLog(40, seed: "b", signer: log.signer))
        func changed(_ change: (inout WitnessRequest) -> Void) throws -> WitnessRequest {
            var request = try log.request(from: 8, to: 20)
            change(&request)
            return request
        }
        // 404 before anything else is looked at.
        #expect(
            try status(SmallLog(20).request(from: 0, to: 20), in: WitnessedLog(origin: "other", keys: known.keys))
                == 404)
        // 403: another key under the same name, and no signature but a stranger's.
        #expect(try status(SmallLog(20).request(from: 8, to: 20), in: known) == 403)
        // 400: old above new, and a checkpoint that is none.
        #expect(try status(log.request(from: 20, to: 8), in: known) == 400)
        let nonsense = try log.signer.note("log.example/one\n007\nAAAA\n")
        #expect(try status(changed { $0.note = nonsense }, in: known) == 400)
        #expect(try status(changed { $0.note = Array("log.example/one\n".utf8) }, in: known) == 400)
        // 409: too old, too new, and never seen.
        #expect(try status(log.request(from: 7, to: 20), in: known) == 409)
        #expect(try status(log.request(from: 9, to: 20), in: known) == 409)
        #expect(try status(log.request(from: 8, to: 20), in: fresh) == 409)
        // 422: proofs that are missing, short, long, wrong, or where there must be none.
        #expect(try status(changed { $0.proof = [] }, in: known) == 422)
        #expect(try status(changed { $0.proof.removeLast() }, in: known) == 422)
        #expect(try status(changed { $0.proof.append($0.proof[0]) }, in: known) == 422)
        #expect(try status(changed { $0.proof[0] = Digest([UInt8](repeating: 7, count: 32)) }, in: known) == 422)
        let zero = try log.request(from: 0, to: 20)
        #expect(try status(WitnessRequest(oldSize: 0, proof: [log.leaves[0]], note: zero.note), in: fresh) == 422)
        // 422: size 0 with another root, the same size with another root, and a fork of the past.
        let empty = try log.signer.note("log.example/one\n0\n\(Base64.encode(log.leaves[0].bytes))\n")
        #expect(try status(WitnessRequest(oldSize: 0, proof: [], note: empty), in: fresh) == 422)
        #expect(try status(twin.request(from: 8, to: 8), in: known) == 422)
        #expect(try status(twin.request(from: 8, to: 20), in: known) == 422)
        #expect(try status(log.request(from: 8, to: 20), in: known) == 200)
    }

    @Test func `ignores signatures of strangers, and a bad one of the log spoils the request`() throws {
        let note = try log.signer.checkpoint(log.head(8))
        let stranger = Array("— stranger \(Base64.encode([UInt8](repeating: 5, count: 68)))\n".utf8)
        #expect(try status(WitnessRequest(oldSize: 0, proof: [], note: note + stranger), in: fresh) == 200)
        let own = log.signer.verifierKey
        let bad = Array("— \(own.name) \(Base64.encode(own.keyID + [UInt8](repeating: 5, count: 64)))\n".utf8)
        #expect(try status(WitnessRequest(oldSize: 0, proof: [], note: note + bad), in: fresh) == 403)
        // The stranger's line is not shown to monitors.
        let next = try fresh.cosign(
            WitnessRequest(oldSize: 0, proof: [], note: note + stranger), by: cosigner, at: now
        ).next
        #expect(try Note(next.note).signatures.map(\.name) == [own.name, cosigner.key.name])
    }

    @Test func `keeps its memory as a file that cannot be edited`() throws {
        for state in [fresh, try at(1), try at(40)] {
            #expect(try WitnessedLog(state.bytes, witness: cosigner.key) == state)
        }
        let bytes = try at(40).bytes
        let other = try Cosigner(name: "witness.example/w1", key: EphemeralKey(.ed25519)).key
        #expect(throws: Refusal.self) { try WitnessedLog(bytes, witness: other) }
        let head = bytes.firstRange(of: Array("\n\n".utf8))!.lowerBound
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            let read = try? WitnessedLog(changed, witness: cosigner.key)
            #expect(read == nil, "byte \(index), after the head at \(head)")
            #expect((try? WitnessedLog(Array(bytes[..<index]), witness: cosigner.key))?.latest == nil)
        }
    }

    /// Requests and answers of the test of FiloSottile's litewitness, whose log has only five leaves.
    @Test func `answers as another implementation does`() throws {
        let origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
        let key = try VerifierKey(
            name: origin,
            ed25519: Hex.decode("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")!)
        func request(_ head: String, _ size: Int, _ root: String, _ signature: String) throws -> WitnessRequest {
            try WitnessRequest(Array("\(head)\n\(origin)\n\(size)\n\(root)\n\n— \(origin) UgIom\(signature)\n".utf8))
        }
        let leaf = { (number: String) in
            "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".replacing("gI", with: "g\(number)")
        }
        let one = try request(
            "old 0\n", 1, "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=")
        let root3 = "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0="
        let sign3 = "2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6g"
        let proof3 = "old 1\n\(leaf("E"))\n\(leaf("I"))\n"
        let root5 = "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY="
        let sign5 = "w/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww="
        let far5 = "old 1\n\(leaf("E"))\n+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\n\(leaf("Q"))\n"
        let proof5 = "old 3\n\(leaf("I"))\n\(leaf("M"))\nwgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=\n\(leaf("Q"))\n"
        var state = try WitnessedLog(origin: origin, keys: [key]).cosign(one, by: cosigner, at: now).next
        #expect(try status(request(proof3, 3, root3, sign3 + "k="), in: state) == 403)
        #expect(try status(request("old 1\n", 3, root3, sign3 + "o="), in: state) == 422)
        #expect(
            try status(request(proof3.replacing(leaf("I"), with: leaf("E")), 3, root3, sign3 + "o="), in: state) == 422)
        state = try state.cosign(request(proof3, 3, root3, sign3 + "o="), by: cosigner, at: now).next
        #expect(try status(request(far5, 5, root5, sign5), in: state) == 409)
        state = try state.cosign(request(proof5, 5, root5, sign5), by: cosigner, at: now).next
        #expect(try status(request("old 0\n", 5, root5, sign5), in: state) == 409)
    }
}

@Suite struct `A request to a witness` {
    private static let hash = Base64.encode([UInt8](repeating: 1, count: 32))

    @Test func `is written and read back`() throws {
        for count in [0, 1, 63] {
            let request = WitnessRequest(
                oldSize: 20_852_014, proof: (0..<count).map { Digest([UInt8](repeating: UInt8($0), count: 32)) },
                note: Array("a\n\nb\n".utf8))
            #expect(try WitnessRequest(request.bytes) == request)
        }
    }

    @Test func `that is malformed is refused`() {
        for text in [
            "", "\n", "old\n\n", "old 1", "old 1\n", "old  1\n\n", "old 01\n\n", "old -1\n\n", "old +1\n\n",
            "old 9223372036854775808\n\n", "Old 1\n\n", "old 1 \n\n", "old 1\r\n\r\n", "old 1\nAAAA\n\n",
            "old 1\n\(Self.hash)=\n\n", "old 1\n\(Self.hash) \n\n",
            "old 1\n\(Self.hash)\n\(String(repeating: "A", count: 100_000))\n\n",
            "old 1\n" + String(repeating: Self.hash + "\n", count: 64) + "\n",
        ] {
            #expect(throws: Refusal.self, "\(text.prefix(60))") { try WitnessRequest(Array(text.utf8)) }
        }
    }

    @Test func `that is too long is refused before it is read`() {
        let bytes = [UInt8](repeating: 10, count: WitnessRequest.maximumBytes + 1)
        #expect { try WitnessRequest(bytes) } throws: { ($0 as? Refusal)?.code == .tooLarge }
    }
}

@Suite struct `An answer of a witness` {
    private let cosigner: Cosigner
    private let request: WitnessRequest
    private let line: [UInt8]

    init() throws {
        cosigner = try Cosigner(name: "w1", key: EphemeralKey(.ed25519))
        let log = try SmallLog(5)
        request = try log.request(from: 0, to: 5)
        let state = try WitnessedLog(origin: log.signer.verifierKey.name, keys: [log.signer.verifierKey])
        line = try state.cosign(request, by: cosigner, at: now).line
    }

    private func read(_ status: Int, _ body: [UInt8], _ type: String? = nil) -> WitnessReply {
        WitnessReply(status: status, contentType: type, body: body, to: request.note, from: cosigner.key)
    }

    private func isUnusable(_ reply: WitnessReply) -> Bool {
        if case .unusable = reply { return true }
        return false
    }

    @Test func `gives its own line and nothing else that came with it`() throws {
        let stranger = Array("— w9 \(Base64.encode([UInt8](repeating: 5, count: 76)))\n".utf8)
        for body in [line, stranger + line, line + stranger, line + line] {
            guard case .cosigned(let cosignature, let kept) = read(200, body) else {
                Issue.record("not taken")
                continue
            }
            #expect(cosignature.witness == cosigner.key && Array(kept.utf8) == line)
        }
    }

    @Test func `that is garbage is not believed`() throws {
        var bad = line
        bad[bad.count - 12] ^= 1
        // Another witness of the same name, and this one over another checkpoint.
        let log = try SmallLog(6)
        let state = try WitnessedLog(origin: log.signer.verifierKey.name, keys: [log.signer.verifierKey])
        let namesake = try Cosigner(name: "w1", key: EphemeralKey(.ed25519))
        let other = try state.cosign(log.request(from: 0, to: 6), by: cosigner, at: now).line
        let stranger = try state.cosign(log.request(from: 0, to: 6), by: namesake, at: now).line
        let bodies: [[UInt8]] = [
            [], [10], Array("ok\n".utf8), Array("<html>".utf8), bad, line.dropLast(), line + [10], [0xFF, 0xFE],
            [UInt8](repeating: 65, count: WitnessReply.maximumBytes + 1), line + Array("junk\n".utf8),
            other, stranger,
        ]
        for body in bodies {
            #expect(isUnusable(read(200, body)), "\(String(decoding: body.prefix(80), as: UTF8.self))")
        }
    }

    @Test func `of another status is told apart`() {
        let size = "text/x.tlog.size"
        #expect(read(409, Array("17\n".utf8), size) == .otherSize(17))
        #expect(read(409, Array("0\n".utf8), size + "; charset=utf-8") == .otherSize(0))
        #expect(read(422, []) == .inconsistent)
        for body in ["17", "\n", "-1\n", "017\n", "1 7\n", "99999999999999999999\n", "<html>\n"] {
            #expect(isUnusable(read(409, Array(body.utf8), size)), "\(body)")
        }
        #expect(isUnusable(read(409, Array("17\n".utf8), "text/html")))
        for status in [201, 204, 301, 400, 403, 404, 429, 500, 503] { #expect(isUnusable(read(status, line))) }
    }
}
