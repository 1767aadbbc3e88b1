import Agent
import Crypto
import Release
import TUF
import Testing
import Trust
import Wire

/// What update metadata has to say itself, because whoever holds a service and its release key would say it otherwise: that an
/// artifact is encrypted, and that there is a way back.
@Suite struct `A device that is proven a release` {
    private typealias Digest = Wire.Digest

    private func digest(_ manifest: ReleaseManifest) throws -> Digest {
        Digest(SHA256.hash(data: try CanonicalJSON.encode(manifest)))
    }

    private func form(_ manifest: ReleaseManifest, _ byte: UInt8 = 1) throws -> EncryptedForm {
        EncryptedForm(
            .chunks, sha256: Digest([UInt8](repeating: byte, count: 32)),
            size: try #require(EncryptedArtifact.size(of: manifest.size)))
    }

    /// Refused before anything of it was fetched, and told so.
    private func expectRefused(
        _ life: Life, _ repository: MirroredRepository, _ manifest: ReleaseManifest, running: Int, _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try life.offer(repository, manifest)
        life.minded.change { ($0.requests, $0.receipts) = ([], []) }
        try await life.once()
        #expect(life.receipts == [.refused], sourceLocation: sourceLocation)
        let (told, asked) = life.minded.look { ($0.receipts.last?.reason ?? "", $0.requests) }
        #expect(told.contains(reason), "\(told)", sourceLocation: sourceLocation)
        #expect(
            !asked.contains { $0.contains(DeviceAPI.artifacts) || $0.contains(DeviceAPI.envelopes) },
            sourceLocation: sourceLocation)
        #expect(try life.running() == running, sourceLocation: sourceLocation)
    }

    @Test func `asks for no key that metadata does not promise, and takes nothing plain that it calls encrypted`()
        async throws
    {
        try await Life.lead { life in
            var repository = try MirroredRepository()
            let plain = repository.manifest(1)
            try await life.enrol()
            var encrypted = plain
            encrypted.encrypted = try form(plain)
            var other = plain
            other.encrypted = try form(plain, 2)
            for (said, sealed) in [(plain, encrypted), (encrypted, plain), (encrypted, other)] {
                try repository.publish([try repository.listing(try MirroredRepository.target(said))])
                try await expectRefused(life, repository, sealed, running: 0, "something else of release 1")
            }
            // What it would decrypt to is the target's own hash.
            var swapped = encrypted
            swapped.sha256 = Digest(SHA256.hash(data: [1]))
            try repository.publish([try repository.listing(try MirroredRepository.target(encrypted))])
            try await expectRefused(life, repository, swapped, running: 0, "something else of release 1")
        }
    }

    @Test func `goes back where the signers said so, once, and nowhere on the release key's word alone`() async throws {
        try await Life.lead { life in
            var repository = try MirroredRepository()
            try await life.enrol()
            let first = try repository.release(1)
            try life.offer(repository, first)
            try await life.once()
            // The word stands in the manifest only: a thief of the release key wrote it.
            let silent = repository.manifest(2)
            var forged = silent
            forged.mayReturnTo = try digest(first)
            try repository.publish([try repository.listing(try MirroredRepository.target(silent))])
            try await expectRefused(life, repository, forged, running: 1, "something else of release 2")
            try life.offer(repository, silent)
            try await life.once()
            #expect(try life.running() == 2)
            try await expectRefused(life, repository, first, running: 2, "not above 2")
            // The word is signed for release 3, and names release 2.
            var third = repository.manifest(3)
            third.mayReturnTo = try digest(silent)
            try repository.publish([try repository.listing(try MirroredRepository.target(third))])
            try life.offer(repository, third)
            try await life.once()
            #expect(try life.running() == 3)
            try await expectRefused(life, repository, first, running: 3, "not above 3")
            // Listed still, and proven anew: the way back.
            try life.offer(repository, silent)
            try await life.once()
            #expect(try life.running() == 2)
            try await expectRefused(life, repository, first, running: 2, "not above 2")
            try life.offer(repository, third)
            try await life.once()
            #expect(try life.running() == 3)
        }
    }

    @Test func `does not go back to what was taken off meanwhile`() async throws {
        try await Life.lead { life in
            var repository = try MirroredRepository()
            try await life.enrol()
            let first = try repository.release(1)
            try life.offer(repository, first)
            try await life.once()
            var second = repository.manifest(2)
            second.mayReturnTo = try digest(first)
            let target = try MirroredRepository.target(second)
            try repository.publish([
                try repository.document(MirroredRepository.layerRole, [target], by: repository.layerKeys)
            ])
            try life.offer(repository, second)
            try await life.once()
            #expect(try life.running() == 2)
            try life.offer(repository, first)
            life.minded.change { $0.receipts = [] }
            try await life.once()
            #expect(try life.running() == 2 && life.receipts.isEmpty)
        }
    }
}
