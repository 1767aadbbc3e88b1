import Release
import Trust
import Wire

/// Small documents of each kind, the provenance signed by a fixed builder.
private enum AdmissionSeeds {
    static let builder = SeededKey(21)
    static let artifact = Digest(Array(repeating: 7, count: 32))

    static let materials = [
        #"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"firmware","name":"thermostat-2","version":"1.4.2","hashes":[{"alg":"SHA-256","content":"07"}]}},"components":[{"name":"zlib","version":"1.3","components":[{"name":"inner"}]}]}"#,
        #"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","documentDescribes":["SPDXRef-a"],"packages":[{"SPDXID":"SPDXRef-a","name":"thermostat-2","versionInfo":"1.4.2","checksums":[{"algorithm":"SHA256","checksumValue":"07"}]},{"SPDXID":"SPDXRef-b","name":"zlib","versionInfo":"1.3"}],"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-a"}]}"#,
    ].map { Array($0.utf8) }

    static func provenance() throws -> [UInt8] {
        let statement =
            #"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"image","digest":{"sha256":"\#(artifact)"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":{"buildType":"https://example.com/build/v1"},"runDetails":{"builder":{"id":"https://example.com/builder"}}}}"#
        return try CanonicalJSON.encode(
            Seal.sign(type: Provenance.payloadType, payload: Array(statement.utf8), with: builder))
    }
}

extension FuzzTarget {
    static let releases = [
        FuzzTarget("bill-of-materials", share: 50) { _ in
            AdmissionSeeds.materials
        } run: { bytes in
            guard let materials = try? BillOfMaterials(bytes) else { return }
            promise(
                materials.components.count <= BillOfMaterials.Bound.components, "bill-of-materials: without bound")
            promise(materials.difference(from: materials).changes.isEmpty, "bill-of-materials: differs from itself")
            let all = materials.components + [materials.subject]
            promise(
                all.allSatisfy { !$0.name.isEmpty && $0.name.utf8.count <= BillOfMaterials.Bound.textBytes },
                "bill-of-materials: a name out of bounds")
        },
        FuzzTarget("provenance", share: 50) { _ in
            [try AdmissionSeeds.provenance()]
        } run: { bytes in
            let keys = [AdmissionSeeds.builder.publicKeyDER]
            guard let provenance = try? Provenance(bytes, builders: keys) else { return }
            promise(
                provenance.subjects == [AdmissionSeeds.artifact.description]
                    && provenance.builder == "https://example.com/builder", "provenance: one that nobody signed")
        },
    ]
}
