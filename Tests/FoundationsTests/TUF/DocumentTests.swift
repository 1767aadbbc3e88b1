import TUF
import Testing
import Trust
import Wire

private let now = RepositoryBench.now

@Suite struct `Canonical JSON of a document` {
    /// Both sides of each as PyPI's securesystemslib has it (`encode_canonical`).
    static let vectors: [(document: String, canonical: String)] = [
        (#""""#, #""""#), ("[ 1, 2,3 ]", "[1,2,3]"), ("[]", "[]"), (#"{"A":[99]}"#, #"{"A":[99]}"#),
        (#"{"y":2, "x" : 3}"#, #"{"x":3,"y":2}"#), (#"{"x": 3, "y": null}"#, #"{"x":3,"y":null}"#),
        ("[true,false,null,-12,0]", "[true,false,null,-12,0]"), (#""a\"b\\c""#, #""a\"b\\c""#),
        (#""\/\u0041\b""#, "\"/A\u{8}\""), (#""line\nend\t""#, "\"line\nend\t\""),
        // In the order of code points, which is neither Swift's nor UTF-16's.
        (
            #"{"\ud83d\udd12":1,"\uff5e":2,"z":3,"é":4,"Z":5}"#,
            "{\"Z\":5,\"z\":3,\"é\":4,\"\u{ff5e}\":2,\"\u{1f512}\":1}"
        ),
    ]

    @Test(arguments: vectors.indices) func `is what others make of it`(_ number: Int) throws {
        let (document, canonical) = Self.vectors[number]
        let value = try JSONValue(Array(document.utf8))
        #expect(String(decoding: value.canonical, as: UTF8.self) == canonical)
        #expect(try JSONValue(value.document) == value)
    }

    @Test(arguments: [
        "", " ", "{", "[1", #"{"a":1,"a":2}"#, #"{"a":1,}"#, "[1,]", "1.0", "1e3", "-", "-0", "01", "00", "+1", "0x1",
        "9223372036854775808", "1 2", "nul", "tru", #""\x""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#,
        #""\u12""#,
        "\"a\nb\"", "\"", "{1:2}", #"{"a"}"#, "'a'", "NaN", "[1]]", "\u{feff}[]",
    ]) func `is not made of what readers might understand differently`(_ document: String) {
        #expect(throws: JSONFault.self) { try JSONValue(Array(document.utf8)) }
    }

    @Test func `is not made of broken UTF-8, or of endless nesting`() {
        #expect(throws: JSONFault.self) { try JSONValue([0x22, 0xc3, 0x28, 0x22]) }
        #expect(throws: JSONFault.self) { try JSONValue([0x22, 0xed, 0xa0, 0x80, 0x22]) }
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONFault.self) { try JSONValue(deep) }
    }
}

@Suite struct `A metadata document` {
    /// Content of a root with one field changed, signed so that only its form is wrong.
    private static func refusal(_ field: String, _ value: JSONValue?) throws -> MetadataRefusal? {
        let repository = try RepositoryBench()
        guard case .object(var signed) = repository.content(1).signed else { return nil }
        signed[field] = value
        let content = JSONValue.object(signed)
        let signatures = try repository.rootKeys.prefix(2).map { key in
            JSONValue.object([
                "keyid": .text(RepositoryBench.metadataKey(key).keyid),
                "sig": .text(Hex.encode(try key.signature(over: content.canonical))),
            ])
        }
        let document = JSONValue.object(["signatures": .list(signatures), "signed": content]).document
        return FoundationsTests.refusal { () throws(MetadataRefusal) in
            _ = try RootStep(trusted: document, at: now)
        }
    }

    static let faults: [(field: String, value: JSONValue?)] = [
        ("_type", nil), ("_type", .text("targets")), ("spec_version", nil), ("spec_version", .text("2.0.0")),
        ("spec_version", .text("1")), ("spec_version", .text("1.0.0.0")), ("spec_version", .text("1.x")),
        ("version", nil), ("version", .integer(0)), ("version", .integer(-1)), ("version", .integer(1 << 60)),
        ("version", .text("1")), ("expires", nil), ("expires", .text("2030-01-01T00:00:00")),
        ("expires", .text("2030-01-01T00:00:00+01:00")), ("expires", .text("2030-02-30T00:00:00Z")),
        ("expires", .text("2030-01-01T00:00:00.5Z")), ("expires", .integer(7)), ("consistent_snapshot", .text("yes")),
        ("keys", nil), ("keys", .list([])), ("roles", nil), ("roles", .object([:])),
    ]

    @Test(arguments: faults.indices) func `is refused without what the specification demands`(_ number: Int) throws {
        let (field, value) = Self.faults[number]
        let found = try Self.refusal(field, value)
        #expect(found?.rule.hasPrefix("4.") == true || found?.rule == "5.2", "\(field): \(String(describing: found))")
        #expect(found?.refusal.detail.isEmpty == false && found?.description.isEmpty == false)
    }

    @Test func `of another 1 point something is read, with fields that nobody knows`() throws {
        #expect(try Self.refusal("spec_version", .text("1.99")) == nil)
        #expect(try Self.refusal("x-tuf-note", .object(["a": .null])) == nil)
    }

    @Test func `says in its refusal which role, which rule and both versions`() {
        let refusal = MetadataRefusal("snapshot", "5.5.4", .otherVersion(expected: 4, offered: 3)).refusal
        #expect(refusal.rule == "TUF 1.0.34 §5.5.4" && refusal.code == .conflict)
        #expect(refusal.detail.contains("snapshot") && refusal.detail.contains("4") && refusal.detail.contains("3"))
    }

    @Test func `of a delegation is refused where two readers could differ`() throws {
        let signers = RepositoryBench.signers(RepositoryBench.keys(1), 1)
        func refused(_ name: String, _ change: (inout [String: JSONValue]) -> Void) throws -> MetadataRefusal? {
            let delegation = Delegation(
                name: name, signers: signers, paths: .patterns([PathPattern("*")]), isTerminating: false)
            let role = TargetsRole(
                version: 1, expires: now.adding(days: 1), targets: [], delegations: Delegations([delegation]))
            guard case .object(var content) = role.signed, case .object(var delegations) = content["delegations"],
                case .list(let roles) = delegations["roles"], case .object(var first) = roles.first
            else { return nil }
            change(&first)
            delegations["roles"] = .list([.object(first)] + (name == "twice" ? roles : []))
            content["delegations"] = .object(delegations)
            let document = JSONValue.object(["signatures": .list([]), "signed": .object(content)]).document
            return FoundationsTests.refusal { () throws(MetadataRefusal) in
                _ = try MetadataDraft(document: document, as: "targets").targets()
            }
        }
        #expect(try refused("a") { _ in } == nil)
        #expect(try refused("a") { $0["terminating"] = nil } == nil)
        #expect(try refused("a") { $0["paths"] = nil } == nil)
        for name in ["root", "timestamp", "snapshot", "targets", "", "a\nb", "twice"] {
            #expect(try refused(name) { _ in }?.place == "targets 4.2", "\(name)")
        }
        #expect(try refused("a") { $0["path_hash_prefixes"] = .list([]) } != nil)
        #expect(try refused("a") { $0["threshold"] = .integer(0) } != nil)
        #expect(
            try refused("a") {
                guard case .list(let ids) = $0["keyids"] else { return }
                $0["keyids"] = .list(ids + ids)
            } != nil)
    }
}
