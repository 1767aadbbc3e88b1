import Crypto
import Foundation
import Ledger
import Testing
import Trust
import Wire

/// The example of C2SP signed-note v1.0.0, and the one of golang.org/x/mod/sumdb/note, whose secret key is public.
private enum Example {
    static let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    static let note = """
        This is an example message.

        — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

        """
    static let goKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let goSecret = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    static let goText = """
        If you think cryptography is the answer to your problem,
        then you don't know what your problem is.

        """
    static let goLine =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    /// The cosigned checkpoint of tlog-cosignature.
    static let cosigned = """
        example.com/behind-the-sofa
        20852163
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==

        """
    static let poem = """
        Ognuno sta solo sul cuor della terra
        trafitto da un raggio di sole:

        ed è subito sera.

        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=

        """
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct `A signed note` {
    @Test func `of the standard verifies under its key`() throws {
        let key = try VerifierKey(Example.vkey)
        let note = try Note(bytes(Example.note)).verified(by: [key])
        #expect(note.text == "This is an example message.\n")
        #expect(note.signers == [key])
        #expect(key.name == "example.com/foo")
        #expect(key.description == Example.vkey)
    }

    @Test func `is made byte for byte as by the Go implementation`() throws {
        let secret = try Curve25519.Signing.PrivateKey(rawRepresentation: Base64.decode(Example.goSecret)!.dropFirst())
        let key = try VerifierKey(Example.goKey)
        #expect(Array(secret.publicKey.rawRepresentation) == key.publicKey)
        let signer = try NoteSigner(name: "PeterNeumann", ed25519: key.publicKey) {
            Array(try secret.signature(for: $0))
        }
        #expect(signer.verifierKey.description == Example.goKey)
        let published = bytes(Example.goText + "\n" + Example.goLine)
        #expect(try Note(published).verified(by: [key]).text == Example.goText)
        let ours = try signer.note(Example.goText)
        #expect(try Note(ours).verified(by: [key]).text == Example.goText)
        #expect(ours == published)
    }

    @Test func `keeps empty lines in its text`() throws {
        let note = try Note(bytes(Example.poem))
        #expect(note.signatures.map(\.name) == ["quasimodo.example/salvatore"])
        #expect(throws: Refusal.self) { try note.verified(by: [try VerifierKey(Example.vkey)]) }
        let signer = try NoteSigner(name: "quasimodo", key: EphemeralKey(.ed25519))
        for text in ["\n", "a\n\nb\n", "a\n\n", "\n\n\n", "— x y\n\n— x y\n"] {
            #expect(try Note(signer.note(text)).verified(by: [signer.verifierKey]).text == text)
        }
    }

    @Test func `of a log and a witness shows both lines`() throws {
        let note = try Note(bytes(Example.cosigned))
        #expect(note.signatures.map(\.name) == ["example.com/behind-the-sofa", "witness.example.com/w1"])
        #expect(note.signatures.map(\.signature.count) == [64, 72])
        #expect(Hex.encode(note.signatures[0].keyID) == "033de0ae")
        #expect(note.bytes == bytes(Example.cosigned))
    }

    @Test func `fails with any flipped bit`() throws {
        let key = try VerifierKey(Example.vkey)
        let note = bytes(Example.note)
        for bit in 0..<(note.count * 8) {
            var changed = note
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect((try? Note(changed).verified(by: [key])) == nil)
        }
    }

    @Test func `with a bad line by a known key is refused as a whole`() throws {
        let (one, two) = (
            try NoteSigner(name: "one", key: EphemeralKey(.ed25519)),
            try NoteSigner(name: "two", key: EphemeralKey(.ed25519))
        )
        let line = bytes("— two \(Base64.encode(two.verifierKey.keyID + [UInt8](repeating: 1, count: 64)))\n")
        let note = try Note(one.note("text\n") + line)
        #expect(throws: Never.self) { try note.verified(by: [one.verifierKey]) }
        #expect(throws: Refusal.self) { try note.verified(by: [one.verifierKey, two.verifierKey]) }
        // A second, bad line by the same key spoils it too.
        let again = bytes("— one \(Base64.encode(one.verifierKey.keyID + [UInt8](repeating: 1, count: 64)))\n")
        #expect(throws: Refusal.self) { try Note(one.note("text\n") + again).verified(by: [one.verifierKey]) }
    }

    @Test func `ignores keys that share a name or an ID but not both`() throws {
        let signer = try NoteSigner(name: "one", key: EphemeralKey(.ed25519))
        let other = try NoteSigner(name: "one", key: EphemeralKey(.ed25519)).verifierKey
        let foreign = bytes("— two \(Base64.encode(signer.verifierKey.keyID + [UInt8](repeating: 1, count: 64)))\n")
        let note = try Note(signer.note("text\n") + foreign)
        #expect(try note.verified(by: [signer.verifierKey, other]).signers == [signer.verifierKey])
        #expect(throws: Refusal.self) { try note.verified(by: [other]) }
        #expect(throws: Refusal.self) { try note.verified(by: []) }
    }

    @Test func `may carry sixteen signatures and more`() throws {
        let signer = try NoteSigner(name: "one", key: EphemeralKey(.ed25519))
        let large = "— pq.example \(Base64.encode([UInt8](repeating: 9, count: 5000)))\n"
        let note = try signer.note("text\n") + bytes(String(repeating: large, count: 15))
        #expect(try Note(note).verified(by: [signer.verifierKey]).text == "text\n")
        let many = try signer.note("text\n") + bytes(String(repeating: "— a AAAAAAA=\n", count: 64))
        #expect(throws: Refusal.self) { try Note(many) }
        #expect(throws: Refusal.self) { try Note([UInt8](repeating: 10, count: Note.maximumBytes + 1)) }
    }

    @Test(arguments: [
        ("control characters in the text", "te\tt\n\n— a AAAAAAA=\n"),
        ("a carriage return", "text\r\n\r\n— a AAAAAAA=\r\n"),
        ("a zero byte", "te\0t\n\n— a AAAAAAA=\n"),
        ("no final newline", "text\n\n— a AAAAAAA="),
        ("no blank line", "text\n— a AAAAAAA=\n"),
        ("no signature", "text\n\n"),
        ("no text", "— a AAAAAAA=\n"),
        ("nothing at all", ""),
        ("only newlines", "\n\n\n"),
        ("a hyphen for the em dash", "text\n\n- a AAAAAAA=\n"),
        ("no space behind the dash", "text\n\n—a AAAAAAA=\n"),
        ("no name", "text\n\n—  AAAAAAA=\n"),
        ("a plus in the name", "text\n\n— a+b AAAAAAA=\n"),
        ("a no-break space in the name", "text\n\n— a\u{a0}b AAAAAAA=\n"),
        ("an ideographic space in the name", "text\n\n— a\u{3000}b AAAAAAA=\n"),
        ("two spaces", "text\n\n— a  AAAAAAA=\n"),
        ("something behind the signature", "text\n\n— a AAAAAAA= b\n"),
        ("no signature bytes", "text\n\n— a AAAAAA==\n"),
        ("no base64", "text\n\n— a !!!!\n"),
        ("base64 without padding", "text\n\n— a AAAAAAA\n"),
        ("base64 with stray bits", "text\n\n— a AAAAAAB=\n"),
        ("a text line among the signatures", "text\n\n— a AAAAAAA=\nmore\n"),
    ])
    func `is refused for`(what: String, note: String) {
        #expect(throws: Refusal.self, "\(what)") { try Note(bytes(note)) }
    }

    @Test func `is refused when it is not UTF-8`() {
        #expect(throws: Refusal.self) { try Note([0xff] + bytes("text\n\n— a AAAAAAA=\n")) }
        #expect(throws: Refusal.self) { try Note([0xc0, 0x80] + bytes("text\n\n— a AAAAAAA=\n")) }
    }

    @Test func `is not signed over a text that would be refused`() throws {
        let signer = try NoteSigner(name: "one", key: EphemeralKey(.ed25519))
        for text in ["", "text", "te\tt\n", "te\0t\n"] {
            #expect(throws: Refusal.self) { try signer.note(text) }
        }
        let liar = try NoteSigner(name: "one", ed25519: signer.verifierKey.publicKey) { _ in
            [UInt8](repeating: 0, count: 64)
        }
        #expect(throws: Refusal.self) { try liar.note("text\n") }
        #expect(throws: Refusal.self) { try NoteSigner(name: "one", key: EphemeralKey(.p256)) }
    }
}

@Suite struct `A verifier key` {
    @Test(arguments: [
        "", "+", "++", "example.com/foo", "example.com/foo+530d903a",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2kAAAA",
        "example.com/foo+530d903a+", "example.com/foo+530d903a+AQ==",
        "example.com/foo+530d903g+AekyeRrm56hApGFkyQR4ZCbV",
        " example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    ])
    func `is refused unless it is whole, of Ed25519, and has its own ID`(text: String) {
        #expect(throws: Refusal.self) { try VerifierKey(text) }
    }

    @Test func `may have a plus sign in its base64`() throws {
        let text = "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6"
        #expect(try VerifierKey(text).description == text)
    }

    @Test func `does not mistake one spelling of a name for another`() throws {
        let key = [UInt8](Curve25519.Signing.PrivateKey().publicKey.rawRepresentation)
        #expect(try VerifierKey(name: "caf\u{e9}", ed25519: key) != VerifierKey(name: "cafe\u{301}", ed25519: key))
    }
}
