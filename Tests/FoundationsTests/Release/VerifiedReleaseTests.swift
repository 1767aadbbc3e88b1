import Crypto
import Release
import Testing
import Trust
import Wire

private let releaseKey = EphemeralKey(.p256)
private let product = ProductID(trusted: "thermostat-2")
private let artifact = [UInt8](repeating: 7, count: 1000)

private func manifest(_ change: (inout ReleaseManifest) -> Void = { _ in }) -> ReleaseManifest {
    var manifest = ReleaseManifest(
        product: product, sequence: 5, version: "1.4.2", hardware: ["board-b", "board-c"],
        sha256: Wire.Digest(SHA256.hash(data: artifact)), size: artifact.count,
        created: Timestamp(seconds: 1_790_000_000))
    change(&manifest)
    return manifest
}

private func seal(_ manifest: ReleaseManifest = manifest(), with key: any SigningKey = releaseKey) throws -> Seal {
    try Seal.sign(type: Seal.PayloadType.manifest, payload: try CanonicalJSON.encode(manifest), with: key)
}

private func verify(
    _ seal: Seal, hardware: String = "board-c", running: Int = 4, mayReturnTo: Wire.Digest? = nil,
    largest: Int = 1 << 20
) throws(Refusal) -> VerifiedRelease {
    try VerifiedRelease(
        seal, releaseKeys: [EphemeralKey().publicKeyDER, releaseKey.publicKeyDER], product: product,
        fit: ReleaseFit(hardware: hardware), runningSequence: running,
        mayReturnTo: mayReturnTo, largest: largest)
}

@Suite struct `A sealed release` {
    @Test func `is believed if a known key signed it for this product and hardware and it is newer`() throws {
        let sealed = try seal()
        let release = try verify(sealed)
        #expect(release.manifest == manifest())
        #expect(release.digest == VerifiedRelease.digest(ofUnverified: sealed))
    }

    @Test func `below what runs is believed only if what runs names exactly that one`() throws {
        let sealed = try seal()
        let digest = try #require(VerifiedRelease.digest(ofUnverified: sealed))
        #expect(try verify(sealed, running: 9, mayReturnTo: digest).digest == digest)
        // Another release of the same number, and one whose manifest was changed by a hair.
        for other in try [seal(manifest { $0.version = "1.4.3" }), seal(manifest { $0.sequence = 3 })] {
            #expect { try verify(other, running: 9, mayReturnTo: digest) } throws: {
                ($0 as? Refusal)?.rule == "release: anti-rollback"
            }
        }
        #expect { try verify(sealed, running: 9) } throws: { ($0 as? Refusal)?.rule == "release: anti-rollback" }
        // It never said that it may follow the one that is left.
        let first = try seal(manifest { $0.from = ["1.3"] })
        #expect(throws: Refusal.self) { try verify(first) }
        _ = try verify(first, running: 9, mayReturnTo: VerifiedRelease.digest(ofUnverified: first))
        // A named one still has to be signed, and made for this device.
        #expect(throws: Refusal.self) { try verify(sealed, hardware: "board-x", running: 9, mayReturnTo: digest) }
        let forged = try seal(with: EphemeralKey())
        #expect(throws: Refusal.self) {
            try verify(forged, running: 9, mayReturnTo: VerifiedRelease.digest(ofUnverified: forged))
        }
    }

    @Test func `is refused if another key signed it`() throws {
        #expect { try verify(seal(with: EphemeralKey())) } throws: { ($0 as? Refusal)?.code == .unauthenticated }
    }

    @Test func `is refused if its payload was changed`() throws {
        var tampered = try seal()
        tampered.payload = Base64.encode(try CanonicalJSON.encode(manifest { $0.sequence = 6 }))
        #expect { try verify(tampered) } throws: { ($0 as? Refusal)?.code == .unauthenticated }
    }

    @Test func `is refused if it is sealed as something else`() throws {
        let receipt = try Seal.sign(
            type: Seal.PayloadType.receipt, payload: try CanonicalJSON.encode(manifest()), with: releaseKey)
        #expect { try verify(receipt) } throws: { ($0 as? Refusal)?.code == .malformed }
    }

    @Test func `is refused for another product`() throws {
        let other = try seal(manifest { $0.product = ProductID(trusted: "kettle-1") })
        #expect { try verify(other) } throws: { ($0 as? Refusal)?.rule == "release: product" }
    }

    @Test(arguments: ["board-a", "board", "BOARD-C", ""])
    func `is refused for hardware that it does not name exactly`(hardware: String) throws {
        #expect { try verify(seal(), hardware: hardware) } throws: { ($0 as? Refusal)?.rule == "release: hardware" }
    }

    @Test(arguments: [5, 6, 1_000_000])
    func `is refused if what runs is as new or newer`(running: Int) throws {
        #expect { try verify(seal(), running: running) } throws: { ($0 as? Refusal)?.rule == "release: anti-rollback" }
    }

    @Test func `is refused if the artifact is too large for the device`() throws {
        #expect { try verify(seal(), largest: 999) } throws: { ($0 as? Refusal)?.code == .tooLarge }
        #expect(throws: Never.self) { try verify(seal(), largest: 1000) }
    }

    @Test func `is refused if its manifest makes no sense`() throws {
        let senseless: [(inout ReleaseManifest) -> Void] = [
            { $0.sequence = 0 }, { $0.size = 0 }, { $0.size = -1 }, { $0.sha256 = Wire.Digest([1, 2, 3]) },
            { $0.hardware = [] }, { $0.hardware = Array(repeating: "board-c", count: 65) },
            { $0.version = String(repeating: "1", count: 65) },
        ]
        for change in senseless {
            #expect { try verify(seal(manifest(change)), running: -5) } throws: {
                ($0 as? Refusal)?.rule == "release: manifest"
            }
        }
    }

    @Test func `is refused if it is enormous`() throws {
        let large = try seal(manifest { $0.version = String(repeating: "x", count: 70_000) })
        #expect { try verify(large) } throws: { ($0 as? Refusal)?.code == .tooLarge }
        #expect(
            VerifiedRelease.digest(
                ofUnverified: Seal(payloadType: "", payload: [UInt8](repeating: 0, count: 200_000), signatures: []))
                == nil)
    }
}

@Suite struct `An arriving artifact` {
    @Test func `is whole when every byte came and the digest is right`() throws {
        var check = ArtifactCheck(manifest())
        for start in stride(from: 0, to: artifact.count, by: 300) {
            try check.take(artifact[start..<min(start + 300, 1000)])
        }
        #expect(check.isComplete)
        try check.finish()
    }

    @Test func `is refused at the first byte too many`() throws {
        var check = ArtifactCheck(manifest())
        try check.take(artifact)
        #expect { try check.take([7]) } throws: { ($0 as? Refusal)?.code == .tooLarge }
    }

    @Test func `is refused if it ends early or is another one`() throws {
        var short = ArtifactCheck(manifest())
        try short.take(artifact.dropLast())
        #expect { try short.finish() } throws: { ($0 as? Refusal)?.rule == "release: size" }
        var other = ArtifactCheck(manifest())
        try other.take([UInt8](repeating: 8, count: 1000))
        #expect { try other.finish() } throws: { ($0 as? Refusal)?.rule == "release: digest" }
    }
}
