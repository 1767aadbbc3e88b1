import Foundation
import NIOHTTP1
import Passport
import Server
import Testing
import Wire
import Workbench

@Suite struct `CBOR that JSON could say` {
    /// RFC 8949, Appendix A: what JSON has too.
    private static let vectors: [(hex: String, json: String)] = [
        ("00", "0"), ("17", "23"), ("1818", "24"), ("1903e8", "1000"), ("1a000f4240", "1000000"),
        ("1b000000e8d4a51000", "1000000000000"), ("20", "-1"), ("3863", "-100"), ("3903e7", "-1000"),
        ("f4", "false"), ("f5", "true"), ("f6", "null"), ("60", #""""#), ("6449455446", #""IETF""#),
        ("62225c", #""\"\\""#), ("62c3bc", "\"\u{fc}\""), ("80", "[]"), ("83010203", "[1,2,3]"),
        ("8301820203820405", "[1,[2,3],[4,5]]"), ("a0", "{}"), ("a26161016162820203", #"{"a":1,"b":[2,3]}"#),
        ("826161a161626163", #"["a",{"b":"c"}]"#),
        ("c074323031332d30332d32315432303a30343a30305a", #""2013-03-21T20:04:00Z""#),
        ("7f657374726561646d696e67ff", #""streaming""#), ("9fff", "[]"), ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("bf61610161629f0203ffff", #"{"a":1,"b":[2,3]}"#), ("826161bf61626163ff", #"["a",{"b":"c"}]"#),
    ]

    @Test(arguments: vectors) func `is read as the standard says`(_ hex: String, _ json: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect(String(decoding: try CBOR.json(from: bytes, limit: 1000), as: UTF8.self) == json)
        let again = try CBOR.json(from: CBOR.encode(json: Array(json.utf8)), limit: 1000)
        #expect(String(decoding: again, as: UTF8.self) == json)
    }

    @Test(arguments: [
        "", "18", "1900", "1c", "1f", "ff", "61", "62c328", "7f61", "7f01ff", "81", "9f", "9f01", "a1", "a16161",
        "a10102",
        "bf6161ff", "40", "4101", "f97e00", "fb3ff199999999999a", "f8ff", "f0", "1bffffffffffffffff",
        "3bffffffffffffffff",
        "0000", "9bffffffffffffffff01", "bbffffffffffffffff", "7bffffffffffffffff61", "df00",
        String(repeating: "81", count: 20) + "00", String(repeating: "c0", count: 20) + "00",
    ]) func `is refused where it is anything else`(_ hex: String) throws {
        let bytes = try #require(Hex.decode(hex))
        #expect { try CBOR.json(from: bytes, limit: 1000) } throws: { ($0 as? Refusal)?.code == .malformed }
    }

    @Test func `is bounded`() {
        let long = [0x79, 0x10, 0x00] + [UInt8](repeating: 0x61, count: 4096)
        #expect { try CBOR.json(from: long, limit: 1000) } throws: { ($0 as? Refusal)?.code == .tooLarge }
    }

    @Test func `is what a client speaks that asks for it`() async throws {
        let stock = try await HawkBitScene()
        try await DeviceBench.run(stock.scene.bench) { door in
            let client = try stock.client(door)
            let answer = try await client.get("", ["Accept": "application/cbor"])
            #expect(answer.headers.first(name: "Content-Type") == "application/cbor")
            let json = try await client.get()
            #expect(try CBOR.json(from: answer.body, limit: 10_000) == json.body)
            let action = try await client.action()
            let body = #"{"status":{"execution":"closed","result":{"finished":"success"}}}"#
            let said = try await client.client.send(
                .POST, "\(client.path)/deploymentBase/\(action)/feedback", CBOR.encode(json: Array(body.utf8)),
                type: "application/cbor")
            #expect(said.status == 200)
            #expect(try await stock.scene.passport().installed?.sequence == 1)
            let bad = try await client.client.send(
                .PUT, client.path + "/configData", [0xa1, 0x61], type: "application/cbor")
            expectRefusal(bad, 400, rule: "RFC 8949")
        }
    }
}
