import Foundation
import Release
import Store
import Trust
import Wire

/// What a product asks of its releases, as it was published.
package enum ProductAdmission {
    /// None if the product asks for nothing.
    package static func rules(of product: ProductID, in rows: any Rows) throws -> AdmissionRules {
        let row = try rows.first("SELECT admission FROM product WHERE id = $1", [Value(product)])
        guard let text = row?.optionalText("admission") else { return .anything }
        return try CanonicalJSON.decode(AdmissionRules.self, from: Array(text.utf8))
    }
}

/// A document that was uploaded like an artifact: a bill of materials, a provenance.
package enum EvidenceFile {
    /// Its bytes, if they are those of that name; whoever can write into the store cannot change what was judged.
    package static func read(_ sha256: Digest, limit: Int, in house: House) throws(Refusal) -> [UInt8] {
        guard sha256.bytes.count == 32,
            let file = FileHandle(forReadingAtPath: house.settings.artifactFolder + "/\(sha256)")
        else {
            throw Refusal(
                .conflict, "The document \(sha256) is not in the store.",
                hint: "Upload it first: PUT /api/v1/artifacts/\(sha256)")
        }
        defer { try? file.close() }
        let bytes = ((try? file.read(upToCount: limit + 1)) ?? nil).map { Array($0) } ?? []
        guard bytes.count <= limit else {
            throw Refusal(
                .tooLarge, "The document \(sha256) has more than \(limit) bytes.", hint: "Attach a smaller one.")
        }
        guard LeafCertificate.sha256(bytes) == sha256 else {
            throw Refusal(
                .conflict, "The document \(sha256) is not what was uploaded under that name.",
                hint: "Find out who writes into the store, and upload it again.", rule: "artifact: SHA-256")
        }
        return bytes
    }
}
