import Testing
import Wire

@Suite struct `Canonical JSON` {
    private struct Thing: Codable, Equatable {
        var zeta: Int
        var alpha: String
        var list: [Int]?
    }

    private func refusal(_ json: String, limit: Int = 1 << 20) -> Refusal? {
        do throws(Refusal) {
            _ = try CanonicalJSON.decode(Thing.self, from: Array(json.utf8), limit: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test func `sorts its keys and wastes no byte`() throws {
        let bytes = try CanonicalJSON.encode(Thing(zeta: 1, alpha: "a/b ü \u{1F600}", list: [3, 1]))
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"alpha":"a/b ü 😀","list":[3,1],"zeta":1}"#)
    }

    @Test func `escapes what RFC 8785 escapes, and nothing else`() throws {
        let bytes = try CanonicalJSON.encode(["\" \\ \n \r \t \u{8} \u{c} \u{1} \u{7f} <>&'"])
        #expect(String(decoding: bytes, as: UTF8.self) == "[\"\\\" \\\\ \\n \\r \\t \\b \\f \\u0001 \u{7f} <>&'\"]")
    }

    @Test func `is the same again after it was read`() throws {
        let bytes = try CanonicalJSON.encode(Thing(zeta: -9_007_199_254_740_991, alpha: "", list: []))
        let again = try CanonicalJSON.encode(CanonicalJSON.decode(Thing.self, from: bytes))
        #expect(again == bytes)
    }

    @Test func `ignores members that it does not know`() {
        #expect(refusal(#"{"zeta":1,"alpha":"a","later":{"deep":[1]}}"#) == nil)
    }

    @Test(arguments: [
        (#"{"alpha":"a"}"#, #""zeta" is missing at the top level."#),
        (#"{"zeta":"1","alpha":"a"}"#, #"The value at "zeta" has the wrong type."#),
        (#"{"zeta":null,"alpha":"a"}"#, #"The value at "zeta" is missing."#),
        (#"{"zeta":1,"alpha":"a""#, "The document is not JSON."),
        (#"{"zeta":1,"alpha":"a"}}"#, "The document is not JSON."),
        ("", "The document is not JSON."),
        ("[]", "The value at the top level has the wrong type."),
        ("{'zeta':1}", "The document is not JSON."),
        ("\u{0}", "The document is not JSON."),
    ]) func `says in one sentence where a document is wrong`(_ json: String, _ detail: String) throws {
        let refusal = try #require(self.refusal(json))
        #expect(refusal.code == .malformed)
        #expect(refusal.detail == detail)
        #expect(!refusal.hint.isEmpty)
    }

    @Test func `refuses numbers that do not fit`() {
        #expect(refusal(#"{"zeta":1.5,"alpha":"a"}"#) != nil)
        #expect(refusal(#"{"zeta":9223372036854775808,"alpha":"a"}"#) != nil)
    }

    @Test func `refuses bytes that are not UTF-8`() {
        let bytes = Array(#"{"zeta":1,"alpha":""#.utf8) + [0xff, 0xfe] + Array(#""}"#.utf8)
        #expect(throws: Refusal.self) { try CanonicalJSON.decode(Thing.self, from: bytes) }
    }

    @Test func `is bounded in size`() throws {
        let json = #"{"zeta":1,"alpha":"a"}"#
        #expect(refusal(json, limit: json.utf8.count) == nil)
        #expect(try #require(refusal(json, limit: json.utf8.count - 1)).code == .tooLarge)
    }

    @Test func `survives a deep document`() {
        let depth = 200_000
        let json = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(refusal(json) != nil)
        #expect(refusal(#"{"zeta":1,"alpha":"a","x":"# + String(repeating: #"{"x":"#, count: depth)) != nil)
    }
}
