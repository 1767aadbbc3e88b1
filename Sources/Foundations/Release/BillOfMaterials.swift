import Wire

/// What a release is made of: a software bill of materials as JSON, CycloneDX 1.4 to 1.6 or SPDX 2.3, as far as admission and people
/// look at it. What it says beyond that is kept in the file, and nobody here asks for it.
package struct BillOfMaterials: Sendable, Equatable {
    package enum Format: String, Codable, Sendable { case cycloneDX = "CycloneDX", spdx = "SPDX" }

    package struct Component: Sendable, Hashable {
        package let name: String
        package let version: String?
        /// Lower-case hexadecimal, where it is stated.
        package let sha256: String?

        package init(name: String, version: String?, sha256: String? = nil) {
            self.name = name
            self.version = version
            self.sha256 = sha256
        }
    }

    package enum Bound {
        package static let bytes = 8 << 20
        package static let components = 50_000
        /// Of a name or a version.
        package static let textBytes = 512
        /// Components within each other.
        package static let depth = 16
    }

    package let format: Format
    /// Of the format: "1.6", "2.3".
    package let specification: String
    /// What the document is about.
    package let subject: Component
    package let components: [Component]

    package init(_ bytes: [UInt8]) throws(Refusal) {
        let document = try CanonicalJSON.decode(MaterialsDocument.self, from: bytes, limit: Bound.bytes)
        switch (document.bomFormat, document.specVersion, document.spdxVersion) {
        case ("CycloneDX"?, let version?, nil) where ["1.4", "1.5", "1.6"].contains(version):
            (format, specification) = (.cycloneDX, version)
            guard let subject = document.metadata?.component else {
                throw Self.fault("does not say what it is about (metadata.component)", "component")
            }
            self.subject = try Self.checked(subject.plain)
            var found: [Component] = []
            try Self.collect(document.components ?? [], into: &found, depth: 1)
            try Self.collect(subject.components ?? [], into: &found, depth: 1)
            components = found
        case (nil, _, "SPDX-2.3"?):
            (format, specification) = (.spdx, "2.3")
            let packages = document.packages ?? []
            guard packages.count <= Bound.components else { throw Self.tooMany }
            let described = document.described
            let subjects = packages.filter { described.contains($0.identifier) }
            guard subjects.count == 1 else {
                throw Self.fault("describes \(subjects.count) packages, and one is the release", "component")
            }
            subject = try Self.checked(subjects[0].plain)
            var found: [Component] = []
            for item in packages where !described.contains(item.identifier) {
                found.append(try Self.checked(item.plain))
            }
            components = found
        default: throw Self.fault("is neither CycloneDX 1.4 to 1.6 nor SPDX 2.3 as JSON", "format")
        }
    }

    private static func collect(
        _ given: [MaterialsDocument.Part], into found: inout [Component], depth: Int
    ) throws(Refusal) {
        guard depth <= Bound.depth, given.count <= Bound.components - found.count else { throw tooMany }
        for part in given {
            found.append(try checked(part.plain))
            try collect(part.components ?? [], into: &found, depth: depth + 1)
        }
        guard found.count <= Bound.components else { throw tooMany }
    }

    private static func checked(_ component: Component) throws(Refusal) -> Component {
        let isPlain = [component.name, component.version ?? ""].allSatisfy { text in
            text.utf8.count <= Bound.textBytes
                && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        }
        guard isPlain, !component.name.isEmpty else {
            throw fault("has a component whose name or version is empty, too long or not printable", "component")
        }
        return component
    }

    private static func fault(_ what: String, _ rule: String) -> Refusal {
        Refusal(
            .malformed, "The bill of materials \(what).",
            hint: "Write it for this very artifact, as CycloneDX 1.6 or SPDX 2.3.", rule: "admission: sbom \(rule)")
    }

    private static var tooMany: Refusal {
        Refusal(
            .tooLarge, "The bill of materials has more than \(Bound.components) components, or nests them too deeply.",
            hint: "Write one of what is in the artifact, without its files.", rule: "admission: sbom format")
    }

    // MARK: - Admission

    /// Refuses a document that is not about this release: its subject is called like the product or like PRODUCT-LAYER, with the
    /// release's version, and where it states a SHA-256, that is the artifact's.
    package func demand(
        _ product: ProductID, layer: String?, version: String, sha256: Digest
    ) throws(Refusal) {
        let names = [product.text] + (layer.map { ["\(product.text)-\($0)", "\(product.text)/\($0)"] } ?? [])
        guard names.contains(subject.name) else {
            throw Self.fault(
                "is about \"\(subject.name.prefix(80))\", and the release is of \(names.joined(separator: " or "))",
                "component")
        }
        guard subject.version == version else {
            throw Self.fault(
                "is about version \"\((subject.version ?? "").prefix(80))\", and the release is \"\(version)\"",
                "version")
        }
        if let stated = subject.sha256, stated != sha256.description {
            throw Self.fault("is about another artifact: it states another SHA-256", "artifact")
        }
    }

    // MARK: - Difference

    package struct Difference: Sendable, Equatable, Codable {
        package struct Change: Sendable, Equatable, Codable {
            package var name: String
            package var before: String?
            package var after: String?

            package init(name: String, before: String?, after: String?) {
                self.name = name
                self.before = before
                self.after = after
            }
        }
        /// By name; `before` is nil of what was added, `after` of what was removed.
        package var changes: [Change]

        package init(changes: [Change]) { self.changes = changes }
    }

    /// What is in this one and was not in the one before, or in another version; by names in the order of their letters.
    package func difference(from before: BillOfMaterials?) -> Difference {
        func table(_ components: [Component]) -> [String: Set<String>] {
            components.reduce(into: [:]) { $0[$1.name, default: []].insert($1.version ?? "") }
        }
        let (old, new) = (table(before?.components ?? []), table(components))
        var changes: [Difference.Change] = []
        for name in Set(old.keys).union(new.keys).sorted() {
            var gone = (old[name] ?? []).subtracting(new[name] ?? []).sorted()[...]
            var come = (new[name] ?? []).subtracting(old[name] ?? []).sorted()[...]
            while !gone.isEmpty || !come.isEmpty {
                changes.append(.init(name: name, before: gone.popFirst(), after: come.popFirst()))
            }
        }
        return Difference(changes: changes)
    }
}

/// Both formats' fields, as far as they are read. Whatever else a document has is passed over.
private struct MaterialsDocument: Decodable {
    // CycloneDX.
    var bomFormat: String?
    var specVersion: String?
    var metadata: Metadata?
    var components: [Part]?
    // SPDX.
    var spdxVersion: String?
    var documentDescribes: [String]?
    var packages: [Package]?
    var relationships: [Relationship]?

    struct Metadata: Decodable { var component: Part? }

    struct Part: Decodable {
        struct Hash: Decodable {
            var alg: String
            var content: String
        }
        var name: String
        var version: String?
        var hashes: [Hash]?
        var components: [Part]?

        var plain: BillOfMaterials.Component {
            .init(
                name: name, version: version,
                sha256: hashes?.first { $0.alg == "SHA-256" }?.content.lowercased())
        }
    }

    struct Package: Decodable {
        struct Checksum: Decodable {
            var algorithm: String
            var checksumValue: String
        }
        var identifier: String
        var name: String
        var versionInfo: String?
        var checksums: [Checksum]?

        private enum CodingKeys: String, CodingKey {
            case identifier = "SPDXID"
            case name, versionInfo, checksums
        }

        var plain: BillOfMaterials.Component {
            .init(
                name: name, version: versionInfo,
                sha256: checksums?.first { $0.algorithm == "SHA256" }?.checksumValue.lowercased())
        }
    }

    struct Relationship: Decodable {
        var spdxElementId: String
        var relationshipType: String
        var relatedSpdxElement: String
    }

    /// SPDX 2.3 §6 and §11: what the document describes.
    var described: Set<String> {
        let document = "SPDXRef-DOCUMENT"
        let related = (relationships ?? []).compactMap { relationship -> String? in
            switch (relationship.relationshipType, relationship.spdxElementId, relationship.relatedSpdxElement) {
            case ("DESCRIBES", document, let element), ("DESCRIBED_BY", let element, document): element
            default: nil
            }
        }
        return Set(related).union(documentDescribes ?? [])
    }
}
