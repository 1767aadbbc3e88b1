import Crypto
import Foundation
import Release
import Testing
import Trust
import Wire

private let artifact = Wire.Digest(SHA256.hash(data: Array("image".utf8)))
private let product = ProductID(trusted: "thermostat-2")

private func cycloneDX(
    _ version: String = "1.6", name: String = "thermostat-2", of release: String = "1.4.2", sha256: String? = nil,
    parts: String = #"{"name":"zlib","version":"1.3.1"}"#
) -> [UInt8] {
    let hashes =
        sha256.map { #","hashes":[{"alg":"SHA-1","content":"00"},{"alg":"SHA-256","content":"\#($0)"}]"# } ?? ""
    return Array(
        """
        {"bomFormat":"CycloneDX","specVersion":"\(version)","version":1,"metadata":{"timestamp":"2026-11-21T00:00:00Z",
        "component":{"type":"firmware","name":"\(name)","version":"\(release)"\(hashes)}},"components":[\(parts)],
        "vulnerabilities":[{"ratings":[{"score":7.5}]}]}
        """.utf8)
}

private func spdx(
    _ version: String = "SPDX-2.3", described: String = #"["SPDXRef-image"]"#, checksum: String? = nil
) -> [UInt8] {
    let checksums = checksum.map { #","checksums":[{"algorithm":"SHA256","checksumValue":"\#($0)"}]"# } ?? ""
    return Array(
        """
        {"spdxVersion":"\(version)","SPDXID":"SPDXRef-DOCUMENT","name":"image","documentDescribes":\(described),"packages":[
        {"SPDXID":"SPDXRef-image","name":"thermostat-2-os","versionInfo":"1.4.2"\(checksums)},
        {"SPDXID":"SPDXRef-zlib","name":"zlib","versionInfo":"1.3.1"}],"relationships":[{"spdxElementId":"SPDXRef-image",
        "relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-zlib"}]}
        """.utf8)
}

private func rule(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch { return (error as? Refusal).map { $0.rule ?? $0.code.rawValue } }
}

@Suite struct `A bill of materials` {
    @Test(arguments: ["1.4", "1.5", "1.6"]) func `is read in CycloneDX, with parts of parts`(version: String) throws {
        let nested =
            #"{"name":"busybox","version":"1.36","components":[{"name":"ash"}]},{"name":"zlib","version":"1.3.1"}"#
        let materials = try BillOfMaterials(cycloneDX(version, sha256: artifact.description, parts: nested))
        #expect(materials.format == .cycloneDX && materials.specification == version)
        #expect(materials.subject.name == "thermostat-2" && materials.subject.version == "1.4.2")
        #expect(materials.components.map(\.name) == ["busybox", "ash", "zlib"])
        try materials.demand(product, layer: "os", version: "1.4.2", sha256: artifact)
        try materials.demand(product, layer: nil, version: "1.4.2", sha256: artifact)
    }

    @Test func `is read in SPDX, whichever way it says what it describes`() throws {
        let materials = try BillOfMaterials(spdx(checksum: artifact.description.uppercased()))
        #expect(materials.format == .spdx && materials.components == [.init(name: "zlib", version: "1.3.1")])
        try materials.demand(product, layer: "os", version: "1.4.2", sha256: artifact)
        let related = String(decoding: spdx(described: "[]"), as: UTF8.self).replacing(
            "CONTAINS", with: "DESCRIBED_BY"
        ).replacing(#""relatedSpdxElement":"SPDXRef-zlib""#, with: #""relatedSpdxElement":"SPDXRef-DOCUMENT""#)
        #expect(try BillOfMaterials(Array(related.utf8)).subject.name == "thermostat-2-os")
    }

    @Test func `is refused if it is about something else, by the rule that says what`() throws {
        func refused(_ bytes: [UInt8], layer: String? = "os") -> String? {
            rule { try BillOfMaterials(bytes).demand(product, layer: layer, version: "1.4.2", sha256: artifact) }
        }
        #expect(refused(cycloneDX()) == nil)
        #expect(refused(cycloneDX(name: "thermostat-3")) == "admission: sbom component")
        #expect(refused(cycloneDX(name: "thermostat-2-network")) == "admission: sbom component")
        #expect(refused(spdx(), layer: nil) == "admission: sbom component")
        #expect(refused(cycloneDX(of: "1.4.1")) == "admission: sbom version")
        #expect(refused(cycloneDX(sha256: String(repeating: "0", count: 64))) == "admission: sbom artifact")
        #expect(refused(spdx(checksum: "00")) == "admission: sbom artifact")
    }

    @Test func `is refused if it is none, unclear or without bound`() throws {
        func refused(_ text: String) -> String? { rule { _ = try BillOfMaterials(Array(text.utf8)) } }
        #expect(rule { _ = try BillOfMaterials(cycloneDX("1.3")) } == "admission: sbom format")
        #expect(rule { _ = try BillOfMaterials(cycloneDX("1.7")) } == "admission: sbom format")
        #expect(rule { _ = try BillOfMaterials(spdx("SPDX-2.2")) } == "admission: sbom format")
        #expect(rule { _ = try BillOfMaterials(spdx(described: "[]")) } == "admission: sbom component")
        let both = #"["SPDXRef-image","SPDXRef-zlib"]"#
        #expect(rule { _ = try BillOfMaterials(spdx(described: both)) } == "admission: sbom component")
        #expect(refused("{}") == "admission: sbom format")
        #expect(refused("[1]") == "malformed" && refused("") == "malformed")
        #expect(refused(#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#) == "admission: sbom component")
        for name in ["", "a\\nb", String(repeating: "x", count: 513)] {
            #expect(rule { _ = try BillOfMaterials(cycloneDX(name: name)) } == "admission: sbom component")
        }
        let deep = String(repeating: #"{"name":"a","components":["#, count: 20) + String(repeating: "]}", count: 20)
        #expect(rule { _ = try BillOfMaterials(cycloneDX(parts: deep)) } == "admission: sbom format")
        let deeper = String(repeating: "[", count: 100_000)
        #expect(refused(#"{"components":"# + deeper) == "malformed")
        let many = Array(repeating: #"{"name":"a"}"#, count: BillOfMaterials.Bound.components + 1)
        #expect(
            rule { _ = try BillOfMaterials(cycloneDX(parts: many.joined(separator: ","))) } == "admission: sbom format")
        let large = Array(repeating: UInt8(ascii: " "), count: BillOfMaterials.Bound.bytes + 1)
        #expect(rule { _ = try BillOfMaterials(large) } == "tooLarge")
    }

    @Test func `says what came, went and changed since the one before`() throws {
        func made(_ parts: String) throws -> BillOfMaterials { try BillOfMaterials(cycloneDX(parts: parts)) }
        let before = try made(
            #"{"name":"a","version":"1"},{"name":"b","version":"1"},{"name":"c","version":"1"},{"name":"c","version":"2"}"#
        )
        let after = try made(#"{"name":"b","version":"2"},{"name":"c","version":"2"},{"name":"d"}"#)
        #expect(
            after.difference(from: before).changes == [
                .init(name: "a", before: "1", after: nil), .init(name: "b", before: "1", after: "2"),
                .init(name: "c", before: "1", after: nil), .init(name: "d", before: nil, after: ""),
            ])
        #expect(after.difference(from: after).changes.isEmpty)
        #expect(after.difference(from: nil).changes.count == 3)
    }
}

@Suite struct `A provenance` {
    private let builder = EphemeralKey()

    private func statement(
        _ subject: String = artifact.description, type: String = "https://in-toto.io/Statement/v1",
        predicate: String = "https://slsa.dev/provenance/v1", builder: String = "https://example.com/builder"
    ) -> [UInt8] {
        Array(
            """
            {"_type":"\(type)","subject":[{"name":"other","digest":{"sha512":"00"}},{"name":"image","digest":{"sha256":"\(subject)"}}],
            "predicateType":"\(predicate)","predicate":{"buildDefinition":{"buildType":"https://example.com/v1",
            "externalParameters":{"ref":"main"}},"runDetails":{"builder":{"id":"\(builder)"},"metadata":{}}}}
            """.utf8)
    }

    private func envelope(
        _ payload: [UInt8], by key: (any SigningKey)? = nil, type: String = Provenance.payloadType
    ) throws -> [UInt8] {
        try CanonicalJSON.encode(try Seal.sign(type: type, payload: payload, with: key ?? builder))
    }

    private func refused(_ bytes: [UInt8], builders: [[UInt8]]? = nil) -> String? {
        rule { try Provenance(bytes, builders: builders ?? [builder.publicKeyDER]).demand(artifact) }
    }

    @Test func `is believed under a key that the product trusts, for the artifact that it names`() throws {
        let bytes = try envelope(statement(artifact.description.uppercased()))
        let provenance = try Provenance(bytes, builders: [EphemeralKey().publicKeyDER, builder.publicKeyDER])
        #expect(provenance.builder == "https://example.com/builder" && provenance.buildType == "https://example.com/v1")
        try provenance.demand(artifact)
        // As other tools write it: without a name of the key.
        let bare = String(decoding: bytes, as: UTF8.self).replacing(/"keyid":"[0-9a-f]+",/, with: "")
        #expect(!bare.contains("keyid") && refused(Array(bare.utf8)) == nil)
    }

    @Test func `is refused by the rule that it breaks`() throws {
        #expect(refused(try envelope(statement(), by: EphemeralKey())) == "admission: provenance signature")
        #expect(refused(try envelope(statement()), builders: []) == "admission: provenance signature")
        #expect(
            refused(try envelope(statement(String(repeating: "0", count: 64)))) == "admission: provenance subject")
        #expect(
            refused(try envelope(statement(type: "https://in-toto.io/Statement/v0.1"))) == "admission: provenance form")
        #expect(
            refused(try envelope(statement(predicate: "https://slsa.dev/provenance/v0.2")))
                == "admission: provenance form")
        #expect(refused(try envelope(statement(builder: ""))) == "admission: provenance form")
        #expect(refused(try envelope(statement(), type: "text/plain")) == "DSSE protocol")
        // Changed after it was signed.
        var seal = try CanonicalJSON.decode(Seal.self, from: try envelope(statement()))
        seal.payload = Base64.encode(statement(String(repeating: "1", count: 64)))
        #expect(refused(try CanonicalJSON.encode(seal)) == "admission: provenance signature")
        #expect(refused(Array("{}".utf8)) == "malformed" && refused([]) == "malformed")
        #expect(refused(Array(repeating: 32, count: Provenance.Bound.bytes + 1)) == "tooLarge")
    }
}
