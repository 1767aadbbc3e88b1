import Foundation
import Testing
import Trust
import Wire

/// Statements for tests.
private func statement(
    _ number: Int, naming: [EphemeralKey], signedBy: [EphemeralKey], role: KeySuccession.Role = .release,
    change: (inout KeySuccession) -> Void = { _ in }
) throws -> Seal {
    var statement = KeySuccession(
        role: role, number: number, keys: naming.map { Base64.encode($0.publicKeyDER) },
        at: Timestamp(year: 2026, month: 11, day: 21))
    change(&statement)
    return try Seal.sign(
        type: Seal.PayloadType.succession, payload: try CanonicalJSON.encode(statement), with: signedBy)
}

@Suite struct `A succession of keys` {
    private let old = EphemeralKey()
    private let new = EphemeralKey()
    private let third = EphemeralKey()
    private var known: BelievedKeys { BelievedKeys(.release, keys: [old.publicKeyDER], number: 0) }

    /// Refused, and nothing is believed that was not before.
    private func refusal(_ seal: Seal, by believed: BelievedKeys? = nil) -> Refusal? {
        var keys = believed ?? known
        let before = keys
        do {
            try keys.follow(seal)
            return nil
        } catch {
            #expect(keys == before)
            return error
        }
    }

    @Test func `is followed from the key that is known, step by step, and old keys are dropped`() throws {
        var keys = known
        try keys.follow(try statement(1, naming: [new, old], signedBy: [new, old]))
        #expect(keys.keys == [new.publicKeyDER, old.publicKeyDER] && keys.number == 1)
        // The old one is retired: it signed that itself, before it was destroyed.
        let retired = try statement(2, naming: [new], signedBy: [new, old])
        try keys.follow(retired)
        #expect(keys.keys == [new.publicKeyDER] && keys.number == 2)
        try keys.follow(try statement(5, naming: [third, new], signedBy: [third, new]))
        #expect(keys.keys == [third.publicKeyDER, new.publicKeyDER] && keys.number == 5)
        // Whoever missed the first follows the second at once.
        var late = known
        try late.follow(retired)
        #expect(late.keys == [new.publicKeyDER])
    }

    @Test func `by a key that is not known, or not any more, is refused`() throws {
        #expect(refusal(try statement(1, naming: [new], signedBy: [new]))?.code == .unauthenticated)
        #expect(refusal(try statement(1, naming: [third], signedBy: [third, new]))?.code == .unauthenticated)
        var keys = known
        try keys.follow(try statement(1, naming: [new], signedBy: [new, old]))
        // Who stole the old key comes too late.
        #expect(
            refusal(try statement(9, naming: [third], signedBy: [third, old]), by: keys)?.code == .unauthenticated)
    }

    @Test func `that is older than what is known is refused, as is the same number again`() throws {
        let first = try statement(1, naming: [new, old], signedBy: [new, old])
        var keys = known
        try keys.follow(first)
        try keys.follow(try statement(2, naming: [new], signedBy: [new, old]))
        for number in [-1, 0, 1, 2] {
            let seal = try statement(number, naming: [old], signedBy: [new, old])
            #expect(refusal(seal, by: keys)?.rule == "succession: anti-rollback", "\(number)")
            #expect(keys.knows(seal))
        }
        #expect(refusal(first, by: keys)?.rule == "succession: anti-rollback")
        let next = try statement(3, naming: [old], signedBy: [new])
        #expect(keys.knows(first) && !keys.knows(next))
    }

    @Test func `of another role is refused, and so is another document under the same key`() throws {
        #expect(
            refusal(try statement(1, naming: [new], signedBy: [new, old], role: .permit))?.rule == "succession: role")
        var other = try statement(1, naming: [new], signedBy: [new, old])
        other.payloadType = Seal.PayloadType.manifest
        #expect(refusal(other)?.code == .malformed)
        let manifest = try Seal.sign(
            type: Seal.PayloadType.manifest, payload: try other.payloadBytes(), with: [new, old])
        var disguised = manifest
        disguised.payloadType = Seal.PayloadType.succession
        #expect(refusal(disguised)?.code == .unauthenticated)
    }

    @Test func `naming a key that did not sign it, none, too many, twice the same or nonsense is refused`() throws {
        #expect(refusal(try statement(1, naming: [new], signedBy: [old]))?.code == .unauthenticated)
        #expect(refusal(try statement(1, naming: [], signedBy: [old]))?.rule == "succession: keys")
        let many = (0..<9).map { _ in EphemeralKey() }
        #expect(refusal(try statement(1, naming: many, signedBy: many + [old]))?.rule == "succession: keys")
        #expect(refusal(try statement(1, naming: [old, old], signedBy: [old]))?.rule == "succession: keys")
        for nonsense in ["", "AAAA", "*", String(repeating: "A", count: 4096)] {
            let seal = try statement(1, naming: [old], signedBy: [old]) { $0.keys.append(nonsense) }
            #expect(refusal(seal) != nil, "\(nonsense.prefix(8))")
        }
    }

    @Test func `that was cut off, changed or is too large is refused`() throws {
        let good = try statement(1, naming: [new, old], signedBy: [new, old])
        let bytes = try good.payloadBytes()
        for length in [0, 1, bytes.count / 2, bytes.count - 1] {
            var cut = good
            cut.payload = Base64.encode(Array(bytes.prefix(length)))
            #expect(refusal(cut) != nil, "\(length) bytes")
            // Cut off and yet signed, as by a fault of the signer.
            let signed = try Seal.sign(
                type: Seal.PayloadType.succession, payload: Array(bytes.prefix(length)), with: [new, old])
            #expect(refusal(signed)?.code == .malformed, "\(length) bytes, signed")
        }
        for at in stride(from: 0, to: bytes.count, by: 7) {
            var changed = bytes
            changed[at] ^= 1
            var seal = good
            seal.payload = Base64.encode(changed)
            #expect(refusal(seal)?.code == .unauthenticated, "byte \(at)")
        }
        let large = bytes + [UInt8](repeating: 0x20, count: KeySuccession.maximumBytes)
        let seal = try Seal.sign(type: Seal.PayloadType.succession, payload: large, with: [new, old])
        #expect(refusal(seal)?.code == .tooLarge)
        var crowd = good
        crowd.signatures = Array(repeating: good.signatures[0], count: 17)
        #expect(refusal(crowd)?.code == .tooLarge)
        var nameless = good
        nameless.signatures = []
        #expect(refusal(nameless)?.code == .unauthenticated)
    }
}
