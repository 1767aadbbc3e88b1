import Crypto
import Foundation
import Ledger
import Testing
import Trust
import Wire

/// Made with Python's cryptography and RFC 8032's first test key; the checkpoint is the one of the C2SP texts.
private enum Example {
    static let logKey = "example.com/behind-the-sofa+f8fa5254+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
    static let witnessKey = "witness.example.com/w1+7e6f4aaa+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
    static let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    static let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    static let logLine =
        "— example.com/behind-the-sofa +PpSVFNUsAicB1wXCuc36HrmzCfBx1ATQpTulWd9U006OEpyCvIVj2pM8CIzKlzXWcwxIO/VAQzkCO8DZUY5tlFX6QQ=\n"
    static let witnessLine =
        "— witness.example.com/w1 fm9KqgAAAABkGFDL+TPmh4BYuAjsYRoqMJCWb/gWJaeRF/kmm5tlCr9sJ57DLErur7K0yDXc2ArN+TIuotuB/HbuL3AJsp3bv/aNCQ==\n"
    /// The witness's line in the text of tlog-cosignature; its key is not published.
    static let standardLine =
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    static var note: [UInt8] { Array((text + "\n" + logLine + witnessLine).utf8) }
}

/// A key of one's own with a chosen secret.
private struct SeededKey: SigningKey {
    let key: Curve25519.Signing.PrivateKey
    let algorithm = KeyAlgorithm.ed25519
    init(_ hex: String) throws { key = try .init(rawRepresentation: Hex.decode(hex)!) }
    var publicKeyDER: [UInt8] { Hex.decode("302a300506032b6570032100")! + Array(key.publicKey.rawRepresentation) }
    func signature(over message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
}

@Suite struct `A cosignature` {
    private let log: VerifierKey
    private let witness: WitnessKey
    init() throws { (log, witness) = (try VerifierKey(Example.logKey), try WitnessKey(Example.witnessKey)) }

    @Test func `made by somebody else verifies, and says when`() throws {
        let found = try WitnessedCheckpoint(note: Example.note, key: log, quorum: WitnessQuorum([witness]))
        #expect(found.checkpoint.size == 20_852_163)
        #expect(found.cosignatures.map(\.witness) == [witness])
        #expect(found.cosignatures.map(\.at) == [Timestamp(seconds: 1_679_315_147)])
        #expect(witness.description == Example.witnessKey)
    }

    @Test func `with any flipped bit is refused`() throws {
        let quorum = try WitnessQuorum([witness])
        for bit in 0..<(Example.note.count * 8) {
            var changed = Example.note
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect((try? WitnessedCheckpoint(note: changed, key: log, quorum: quorum)) == nil, "bit \(bit)")
        }
    }

    @Test func `with a wrong key ID, length or time is refused`() throws {
        let key = try SeededKey(Example.secret)
        func line(id: [UInt8]? = nil, time: UInt64, extra: [UInt8] = []) throws -> [UInt8] {
            let signature = try key.signature(over: Array("cosignature/v1\ntime \(time)\n\(Example.text)".utf8))
            let blob = (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * UInt64($0))) } + signature + extra
            return Array("— \(witness.name) \(Base64.encode((id ?? witness.keyID) + blob))\n".utf8)
        }
        func cosigners(_ line: [UInt8]) throws -> Int {
            try Note(Array((Example.text + "\n" + Example.logLine).utf8) + line).cosignatures(by: [witness]).count
        }
        #expect(try cosigners(line(time: 1)) == 1)
        // Another key's line is nobody's.
        #expect(try cosigners(line(id: [1, 2, 3, 4], time: 1)) == 0)
        #expect(throws: Refusal.self) { try cosigners(line(time: 1, extra: [0])) }
        for time in [0, UInt64(Int64.max) + 1, UInt64.max, 253_402_300_800] {
            #expect(throws: Refusal.self, "\(time)") { try cosigners(line(time: time)) }
        }
    }

    @Test func `is not a log's signature, nor the reverse`() throws {
        #expect(throws: Refusal.self) { try VerifierKey(Example.witnessKey) }
        #expect(throws: Refusal.self) { try WitnessKey(Example.logKey) }
        // The same secret under the same name as a log's key: its lines have another ID.
        let twin = try WitnessKey(name: log.name, ed25519: log.publicKey)
        #expect(try Note(Example.note).cosignatures(by: [twin]).isEmpty)
        #expect(try Note(Array((Example.text + "\n" + Example.standardLine).utf8)).cosignatures(by: [witness]).isEmpty)
    }

    @Test func `that is bad spoils the note also beside a good one`() throws {
        var bad = Array(Example.witnessLine.utf8)
        bad[bad.count - 10] = bad[bad.count - 10] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(throws: Refusal.self) { try Note(Example.note + bad).cosignatures(by: [witness]) }
    }

    @Test func `of too few witnesses is not a quorum, and the refusal names who is missing`() throws {
        let other = try Cosigner(name: "w2", key: EphemeralKey(.ed25519)).key
        let quorum = try WitnessQuorum([witness, other])
        let refusal = #expect(throws: Refusal.self) {
            try WitnessedCheckpoint(note: Example.note, key: log, quorum: quorum)
        }
        #expect(refusal?.rule == WitnessQuorum.rule && refusal?.detail.contains("\"w2\"") == true)
        let one = try WitnessQuorum([witness, other], needed: 1)
        #expect(try WitnessedCheckpoint(note: Example.note, key: log, quorum: one).cosignatures.count == 1)
        #expect(throws: Refusal.self) { try WitnessQuorum([witness, witness]) }
        for needed in [0, 3, -1] {
            #expect(throws: Refusal.self) { try WitnessQuorum([witness, other], needed: needed) }
        }
    }
}
