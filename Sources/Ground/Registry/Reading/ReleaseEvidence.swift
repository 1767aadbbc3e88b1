import Foundation
import Release
import Wire

/// What is attached to a release, read from the store and judged once more.
struct ReleaseEvidence {
    let checks: [ReleaseDetail.Check]
    let bill: BillOfMaterials?
    let provenance: Provenance?
    private let manifest: ReleaseManifest
    private let house: House

    init(_ manifest: ReleaseManifest, _ rules: AdmissionRules, in house: House) {
        self.manifest = manifest
        self.house = house
        var checks = [
            Self.check("admission: sbom demanded") {
                try rules.demand(sbom: manifest.sbom != nil, provenance: true)
                return Self.attached(manifest.sbom, rules.sbom, "bill of materials")
            }
        ]
        var (bill, provenance): (BillOfMaterials?, Provenance?) = (nil, nil)
        if let sbom = manifest.sbom {
            let found = Self.check("admission: sbom") {
                let read = try BillOfMaterials(EvidenceFile.read(sbom, limit: BillOfMaterials.Bound.bytes, in: house))
                bill = read
                try read.demand(
                    manifest.product, layer: ReleaseShelf.layer(of: manifest), version: manifest.version,
                    sha256: manifest.sha256)
                return "It is \(read.format.rawValue) \(read.specification), about \(read.subject.name) "
                    + "\(read.subject.version ?? "") and this artifact."
            }
            checks.append(found)
        }
        let demanded = Self.check("admission: provenance demanded") {
            try rules.demand(sbom: true, provenance: manifest.provenance != nil)
            return Self.attached(manifest.provenance, rules.provenance, "provenance")
        }
        checks.append(demanded)
        if let sha256 = manifest.provenance {
            let found = Self.check("admission: provenance") {
                let bytes = try EvidenceFile.read(sha256, limit: Provenance.Bound.bytes, in: house)
                let read = try Provenance(bytes, builders: rules.builderKeys())
                provenance = read
                try read.demand(manifest.sha256)
                return "A builder that the product trusts signed it: \(read.builder)."
            }
            checks.append(found)
        }
        (self.checks, self.bill, self.provenance) = (checks, bill, provenance)
    }

    private static func check(_ rule: String, _ body: () throws -> String) -> ReleaseDetail.Check {
        do {
            return .init(rule: rule, isPassed: true, detail: try body())
        } catch {
            let refusal = error as? Refusal
            return .init(rule: refusal?.rule ?? rule, isPassed: false, detail: refusal?.detail ?? "It cannot be read.")
        }
    }

    private static func attached(_ file: Digest?, _ isDemanded: Bool, _ what: String) -> String {
        switch (file != nil, isDemanded) {
        case (true, true): "The product demands a \(what), and one is attached."
        case (true, false): "The product demands no \(what); one is attached all the same."
        case (false, _): "The product demands no \(what)."
        }
    }

    /// Nil if it is no more in the store, or was changed there.
    static func bill(_ sha256: Digest, in house: House) -> BillOfMaterials? {
        guard let bytes = try? EvidenceFile.read(sha256, limit: BillOfMaterials.Bound.bytes, in: house) else {
            return nil
        }
        return try? BillOfMaterials(bytes)
    }

    func artifacts(of release: ReleaseView) -> [ReleaseDetail.Artifact] {
        func stored(_ sha256: Digest, _ size: Int?) -> Bool {
            let found =
                try? FileManager.default.attributesOfItem(
                    atPath: house.settings.artifactFolder + "/\(sha256)")[.size] as? Int
            return found.map { size == nil || size == $0 } ?? false
        }
        var all = [
            ReleaseDetail.Artifact(
                what: "artifact", sha256: release.sha256, size: release.size,
                isStored: stored(release.sha256, release.size))
        ]
        if manifest.encrypted != nil {
            all.append(.init(what: "as installed", sha256: manifest.sha256, size: manifest.size, isStored: false))
        }
        for (what, file) in [("sbom", manifest.sbom), ("provenance", manifest.provenance)] {
            if let file { all.append(.init(what: what, sha256: file, size: nil, isStored: stored(file, nil))) }
        }
        return all
    }
}
