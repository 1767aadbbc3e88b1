import Foundation
import Passport
import Registry
import Trust
import Use
import Wire

extension HouseBench {
    /// Publishes a release of a few bytes.
    package func publishRelease(_ sequence: Int, from: [String]? = nil, mayReturn: Bool? = nil) async throws {
        let bytes = Array("release \(sequence)".utf8)
        let sha256 = LeafCertificate.sha256(bytes)
        try Data(bytes).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
        _ = try await house.perform(
            PublishRelease(
                product: Self.product, sequence: sequence, version: "\(sequence)", hardware: [Self.hardware],
                sha256: sha256, size: bytes.count, from: from, mayReturn: mayReturn), as: .system)
    }
}
