import Foundation
import Wire

/// An artifact that was uploaded: a file in the store, under its SHA-256.
enum StoredArtifact {
    static func demand(_ sha256: Digest, _ size: Int, in folder: String) throws(Refusal) {
        let found = try? FileManager.default.attributesOfItem(atPath: folder + "/\(sha256)")[.size] as? Int
        guard sha256.bytes.count == 32, found == size else {
            throw Refusal(
                .conflict, "The artifact \(sha256) of \(size) bytes is not in the store.",
                hint: "Upload it first: PUT /api/v1/artifacts/\(sha256)")
        }
    }
}
