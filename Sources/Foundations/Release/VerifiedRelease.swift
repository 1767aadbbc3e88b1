import Crypto
import Trust
import Wire

/// A release that a device may install: signed by a known release key, meant for this product and hardware, newer than
/// what runs (or the one that what runs may return to), and of bearable size. There is no other way to make one, and nothing is written before it is made.
package struct VerifiedRelease: Sendable, Equatable {
    package let manifest: ReleaseManifest
    /// SHA-256 of the payload bytes as they were signed: the release's name in receipts.
    package let digest: Wire.Digest
    package let seal: Seal

    /// A manifest is a few hundred bytes; what is larger is not one.
    package static let largestManifestBytes = 64 * 1024
    /// The default bound of an artifact: 4 GiB.
    package static let largestArtifactBytes = 4 << 30

    /// - Parameters:
    ///   - releaseKeys: SubjectPublicKeyInfos that may sign releases, from birth.
    ///   - fit: what the device is.
    ///   - runningSequence: of the release that runs now; 0 is the factory's.
    ///   - mayReturnTo: the one release below it that may be taken too: what the running one's own signed manifest names.
    ///   - largest: most bytes that the artifact may have here.
    package init(
        _ seal: Seal, releaseKeys: [[UInt8]], product: ProductID, fit: ReleaseFit, runningSequence: Int,
        mayReturnTo: Wire.Digest? = nil, largest: Int = largestArtifactBytes
    ) throws(Refusal) {
        let payload = try seal.verified(
            type: Seal.PayloadType.manifest, by: releaseKeys, limit: Self.largestManifestBytes)
        let manifest = try CanonicalJSON.decode(
            ReleaseManifest.self, from: payload, limit: Self.largestManifestBytes)
        try Self.checkForm(of: manifest)
        guard manifest.product == product else {
            throw Refusal(
                .forbidden, "The release is for the product \(manifest.product), and this is a \(product).",
                hint: "Offer a release of this device's product.", rule: "release: product")
        }
        let digest = Wire.Digest(SHA256.hash(data: payload))
        let isReturn = manifest.sequence <= runningSequence && digest == mayReturnTo
        if let misfit = fit.misfit(manifest, isReturn: isReturn) { throw misfit }
        guard manifest.sequence > runningSequence || isReturn else {
            throw Refusal(
                .conflict,
                "The release has sequence \(manifest.sequence), which is not above \(runningSequence), which runs.",
                hint: "Publish the software again with a higher sequence.", rule: "release: anti-rollback")
        }
        guard manifest.size <= largest else {
            throw Refusal(
                .tooLarge, "The artifact has \(manifest.size) bytes; \(largest) fit here.",
                hint: "Publish a smaller artifact.", rule: "release: size")
        }
        if let encrypted = manifest.encrypted { try Self.check(encrypted, of: manifest.size) }
        self.manifest = manifest
        self.digest = digest
        self.seal = seal
    }

    /// What the digest would be, of a seal that may have been refused; nil if its payload is not base64.
    package static func digest(ofUnverified seal: Seal) -> Wire.Digest? {
        guard seal.payload.utf8.count <= 2 * largestManifestBytes, let bytes = try? seal.payloadBytes() else {
            return nil
        }
        return Wire.Digest(SHA256.hash(data: bytes))
    }

    private static func checkForm(of manifest: ReleaseManifest) throws(Refusal) {
        let fault: String? =
            if manifest.sequence < 1 {
                "a sequence below 1"
            } else if manifest.size < 1 {
                "a size below 1"
            } else if manifest.sha256.bytes.count != 32 || manifest.mayReturnTo.map({ $0.bytes.count != 32 }) ?? false {
                "a digest that is no SHA-256"
            } else if !(1...64).contains(manifest.hardware.count) {
                "no hardware, or more than 64"
            } else if manifest.version.utf8.count > 64 || manifest.hardware.contains(where: { $0.utf8.count > 128 }) {
                "a name that is too long"
            } else if [manifest.from, manifest.bootloader, manifest.network].contains(where: { ($0?.count ?? 0) > 64 })
            {
                "a list of more than 64"
            } else if let root = manifest.metadata?.root, root.version < 1 || root.sha256.bytes.count != 32 {
                "a root of update metadata that is none"
            } else {
                nil
            }
        if let fault {
            throw Refusal(
                .malformed, "The release manifest has \(fault).", hint: "Write the manifest with: lifelong release",
                rule: "release: manifest")
        }
    }

    private static func check(_ encrypted: EncryptedForm, of size: Int) throws(Refusal) {
        guard encrypted.kind == EncryptedForm.Kind.chunks.rawValue else {
            throw Refusal(
                .unsupported,
                "The release is encrypted as \"\(encrypted.kind.prefix(32))\", which this agent does not open.",
                hint: "Publish the artifact itself with --encrypt.", rule: "release: encryption")
        }
        guard encrypted.size == EncryptedArtifact.size(of: size), encrypted.sha256.bytes.count == 32 else {
            throw Refusal(
                .malformed, "The release manifest's encrypted artifact is not one of \(size) bytes.",
                hint: "Write the manifest with: lifelong release", rule: "release: manifest")
        }
    }
}
