import Foundation
import Passport
import Registry
import Release
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

/// An artifact in chunks, as its maker encrypts it.
package struct BenchChunks: Sendable {
    package let plain: [UInt8]
    package let key: [UInt8]
    package let stored: [UInt8]
    package var sha256: Digest { LeafCertificate.sha256(stored) }
    package var secret: PayloadSecret {
        PayloadSecret(kind: .chunks, secret: key, sha256: LeafCertificate.sha256(plain), size: plain.count)
    }

    package init(_ plain: [UInt8], key: [UInt8] = BenchClock.random(EncryptedArtifact.keyBytes)) throws {
        var sealer = try ChunkSealer(key: key, size: plain.count)
        var (stored, rest): ([UInt8], ArraySlice<UInt8>) = ([], plain[...])
        while sealer.next > 0 {
            let next = sealer.next
            stored += try sealer.seal(Array(rest.prefix(next)))
            rest = rest.dropFirst(next)
        }
        (self.plain, self.key, self.stored) = (plain, key, stored)
    }

    package func upload(to house: House) throws {
        try Data(stored).write(to: URL(filePath: house.settings.artifactFolder + "/\(sha256)"))
    }
}

extension HouseBench {
    /// Publishes a release in chunks. Returns its name.
    package func publishEncrypted(_ sequence: Int, _ chunks: BenchChunks) async throws -> Digest {
        try chunks.upload(to: house)
        return try await house.perform(
            PublishRelease(
                product: Self.product, sequence: sequence, version: "\(sequence)", hardware: [Self.hardware],
                sha256: chunks.sha256, size: chunks.stored.count, encryption: chunks.secret), as: .system
        ).release
    }
}
