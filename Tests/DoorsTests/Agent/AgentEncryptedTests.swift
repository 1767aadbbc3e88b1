import Agent
import Crypto
import Release
import Testing
import Trust
import Wire

/// A service that has one encrypted artifact, and a device that fetches it.
private struct EncryptedFetch: Sendable {
    static let plain = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
    static let key = [UInt8](repeating: 3, count: 32)
    let disk = MemoryDisk()

    static var manifest: ReleaseManifest {
        ReleaseManifest(
            product: AgentBench.product, sequence: 1, version: "1", hardware: [AgentBench.hardware],
            sha256: Wire.Digest(SHA256.hash(data: plain)), size: plain.count, created: AgentBench.now,
            encrypted: EncryptedForm(
                .chunks, sha256: Wire.Digest([UInt8](repeating: 1, count: 32)),
                size: EncryptedArtifact.size(of: plain.count) ?? 0))
    }

    static func stored() throws -> [UInt8] {
        var sealer = try ChunkSealer(key: key, size: plain.count)
        var (stored, rest): ([UInt8], ArraySlice<UInt8>) = ([], plain[...])
        while sealer.next > 0 {
            let next = sealer.next
            stored += try sealer.seal(Array(rest.prefix(next)))
            rest = rest.dropFirst(next)
        }
        return stored
    }

    var download: Download { Download(on: disk, folder: "/download", of: Self.manifest) }

    /// Bytes that lie on the disk.
    func kept() throws -> [UInt8] { try disk.readWhole(download.path) ?? [] }

    /// - Parameters:
    ///   - stored: what the service has.
    ///   - cut: the connection breaks after so many bytes.
    ///   - forgets: it always begins at the beginning.
    /// - Returns: where it was asked to begin.
    @discardableResult
    func run(_ stored: [UInt8], cut: Int? = nil, forgets: Bool = false) async throws -> Int {
        struct Broken: Error {}
        let asked = Locked(-1)
        let source = Download.opened(
            { offset, _, begin, take in
                asked.withLock { $0 = offset }
                let from = forgets ? 0 : offset
                try begin(from, "\"v\"")
                let end = min(stored.count, cut.map { from + $0 } ?? .max)
                for start in stride(from: from, to: end, by: 9_999) {
                    do {
                        try take(Array(stored[start..<min(start + 9_999, end)]))
                    } catch {
                        // As a client of HTTP does.
                        throw Broken()
                    }
                }
                if end < stored.count { throw Broken() }
            }, key: Self.key, size: Self.manifest.size)
        try await download.fetch(from: source)
        return asked.withLock { $0 }
    }
}

@Suite struct `An encrypted download` {
    @Test func `arrives plain and whole`() async throws {
        let fetch = EncryptedFetch()
        #expect(try await fetch.run(EncryptedFetch.stored()) == 0)
        #expect(try fetch.kept() == EncryptedFetch.plain)
    }

    @Test func `goes on with the chunk in which it was cut off`() async throws {
        let (fetch, stored) = (EncryptedFetch(), try EncryptedFetch.stored())
        await #expect(throws: (any Error).self) { try await fetch.run(stored, cut: 100_000) }
        // Nothing of the chunk that was not whole.
        #expect(try fetch.kept() == Array(EncryptedFetch.plain.prefix(65_536)))
        #expect(try await fetch.run(stored) == 8 + 65_552)
        #expect(try fetch.kept() == EncryptedFetch.plain)
    }

    @Test func `goes on within a chunk after a power cut, and begins anew where the service does`() async throws {
        for forgets in [false, true] {
            let (fetch, stored) = (EncryptedFetch(), try EncryptedFetch.stored())
            await #expect(throws: (any Error).self) { try await fetch.run(stored, cut: 140_000) }
            #expect(try fetch.kept().count == 131_072)
            // The medium kept less than was written.
            try fetch.disk.write(Array(EncryptedFetch.plain.prefix(70_001)), to: fetch.download.path)
            #expect(try await fetch.run(stored, forgets: forgets) == 8 + 65_552)
            #expect(try fetch.kept() == EncryptedFetch.plain)
        }
    }

    @Test func `puts no byte on the disk that was changed, moved or left out`() async throws {
        let stored = try EncryptedFetch.stored()
        let one = 65_552
        let chunks = [stored[8..<(8 + one)], stored[(8 + one)..<(8 + 2 * one)], stored[(8 + 2 * one)...]].map {
            Array($0)
        }
        let mark = Array(stored.prefix(8))
        var flipped = stored
        flipped[80_000] ^= 1
        let cases: [(String, [UInt8], Int, String)] = [
            ("changed", flipped, 65_536, "release: chunk"),
            ("swapped", mark + chunks[1] + chunks[0] + chunks[2], 0, "release: chunk"),
            ("left out", mark + chunks[0] + chunks[2] + chunks[2] + chunks[2] + chunks[2], 65_536, "release: chunk"),
            ("repeated", mark + chunks[0] + chunks[0] + chunks[2], 65_536, "release: chunk"),
            ("plain", EncryptedFetch.plain, 0, "release: chunk"),
            ("longer", stored + [1], 150_000, "release: size"),
        ]
        for (name, bytes, kept, rule) in cases {
            let fetch = EncryptedFetch()
            await #expect { try await fetch.run(bytes) } throws: { ($0 as? Refusal)?.rule == rule }
            let left = try fetch.kept()
            #expect(left == Array(EncryptedFetch.plain.prefix(kept)) || (left.isEmpty && name == "longer"), "\(name)")
        }
    }

    @Test func `is not begun without a key, and not of a kind that nobody here knows`() async throws {
        let signer = EphemeralKey()
        func verify(_ change: (inout ReleaseManifest) -> Void) throws -> VerifiedRelease {
            var manifest = EncryptedFetch.manifest
            change(&manifest)
            let seal = try Seal.sign(
                type: Seal.PayloadType.manifest, payload: CanonicalJSON.encode(manifest), with: signer)
            return try VerifiedRelease(
                seal, releaseKeys: [signer.publicKeyDER], product: AgentBench.product,
                fit: ReleaseFit(hardware: AgentBench.hardware),
                runningSequence: 0)
        }
        #expect(try verify { _ in }.manifest.encrypted != nil)
        for kind in ["rauc", "rot13", ""] {
            #expect { try verify { $0.encrypted?.kind = kind } } throws: {
                ($0 as? Refusal)?.rule == "release: encryption"
            }
        }
        #expect { try verify { $0.encrypted?.size += 1 } } throws: { ($0 as? Refusal)?.rule == "release: manifest" }
        #expect { try verify { $0.encrypted?.sha256 = Wire.Digest([1]) } } throws: {
            ($0 as? Refusal)?.rule == "release: manifest"
        }
    }
}
