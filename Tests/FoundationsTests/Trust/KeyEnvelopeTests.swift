import Testing
import Trust
import Wire

@Suite struct `An envelope with a key` {
    private let holder = EphemeralKey(.p256)
    private let secret = [UInt8](repeating: 5, count: 32)
    private let context = [UInt8](repeating: 6, count: 32)

    @Test func `opens with the key that it was made for, and is another one each time`() throws {
        let one = try KeyEnvelope.seal(secret, to: holder.publicKeyDER, context: context)
        let two = try KeyEnvelope.seal(secret, to: holder.publicKeyDER, context: context)
        #expect(one != two)
        #expect(try holder.open(one, context: context) == secret)
        #expect(try holder.open(two, context: context) == secret)
    }

    @Test func `opens with no other key, for nothing else, and not changed`() throws {
        let envelope = try KeyEnvelope.seal(secret, to: holder.publicKeyDER, context: context)
        func expectClosed(_ envelope: KeyEnvelope, _ key: EphemeralKey, _ context: [UInt8]) {
            #expect { try key.open(envelope, context: context) } throws: { ($0 as? Refusal)?.rule == "RFC 9180 §5.2" }
        }
        expectClosed(envelope, EphemeralKey(.p256), context)
        expectClosed(envelope, holder, context + [0])
        expectClosed(envelope, holder, [])
        for at in [0, 1, 40, 64] {
            var point = envelope.encapsulated
            point[at] ^= 1
            expectClosed(KeyEnvelope(encapsulated: point, ciphertext: envelope.ciphertext), holder, context)
        }
        for at in envelope.ciphertext.indices {
            var ciphertext = envelope.ciphertext
            ciphertext[at] ^= 0x80
            expectClosed(KeyEnvelope(encapsulated: envelope.encapsulated, ciphertext: ciphertext), holder, context)
        }
        for bad in [[], [4], [UInt8](repeating: 4, count: 65), [UInt8](repeating: 0, count: 66)] {
            expectClosed(KeyEnvelope(encapsulated: bad, ciphertext: envelope.ciphertext), holder, context)
            expectClosed(KeyEnvelope(encapsulated: envelope.encapsulated, ciphertext: bad), holder, context)
        }
        let huge = KeyEnvelope(
            encapsulated: envelope.encapsulated, ciphertext: [UInt8](repeating: 0, count: 1 << 20))
        expectClosed(huge, holder, context)
    }

    @Test func `is made for keys on P-256 only`() throws {
        for algorithm in [KeyAlgorithm.p384, .ed25519] {
            let key = EphemeralKey(algorithm)
            #expect(throws: Refusal.self) { try KeyEnvelope.seal(secret, to: key.publicKeyDER, context: context) }
            let envelope = try KeyEnvelope.seal(secret, to: holder.publicKeyDER, context: context)
            #expect(throws: Refusal.self) { try key.open(envelope, context: context) }
        }
        #expect(throws: Refusal.self) { try KeyEnvelope.seal(secret, to: [1, 2, 3], context: context) }
    }
}
