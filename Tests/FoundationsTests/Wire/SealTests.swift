import Testing
import Wire

@Suite struct `The envelope of a seal` {
    /// The test vector of DSSE's protocol.md.
    @Test func `covers type and payload as DSSE says`() {
        let bytes = Seal.preAuthenticationEncoding(
            type: "http://example.com/HelloWorld", payload: Array("hello world".utf8))
        #expect(String(decoding: bytes, as: UTF8.self) == "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
    }

    @Test func `counts bytes and not characters`() {
        let bytes = Seal.preAuthenticationEncoding(type: "tüp", payload: [0, 255])
        #expect(bytes == Array("DSSEv1 4 tüp 2 ".utf8) + [0, 255])
        #expect(Seal.preAuthenticationEncoding(type: "", payload: []) == Array("DSSEv1 0  0 ".utf8))
    }

    @Test func `cannot be read in two ways`() {
        let one = Seal.preAuthenticationEncoding(type: "a 1 b", payload: Array("c".utf8))
        let other = Seal.preAuthenticationEncoding(type: "a", payload: Array("b 1 c".utf8))
        #expect(one != other)
    }

    @Test func `reads the envelope of other tools`() throws {
        let json = """
            {"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://example.com/HelloWorld",
             "signatures":[{"keyid":"","sig":"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
            """
        let seal = try CanonicalJSON.decode(Seal.self, from: Array(json.utf8))
        #expect(try seal.payloadBytes() == Array("hello world".utf8))
        #expect(Base64.decode(seal.signatures[0].sig)?.count == 64)
        #expect(try CanonicalJSON.decode(Seal.self, from: CanonicalJSON.encode(seal)) == seal)
    }

    @Test func `refuses a payload that is not base64`() throws {
        var seal = Seal(payloadType: "x", payload: [1], signatures: [])
        #expect(try seal.payloadBytes() == [1])
        seal.payload = "not base64!"
        #expect { try seal.payloadBytes() } throws: { ($0 as? Refusal)?.code == .malformed }
    }
}
