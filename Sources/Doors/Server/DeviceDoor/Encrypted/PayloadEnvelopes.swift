import Crypto
import Foundation
import Passport
import Registry
import Release
import Trust
import Use
import Wire

/// What an encrypted release becomes for one device: its payload, the same for everybody, and an end or a beginning that only the key
/// of the device's certificate opens.
///
/// Nothing is kept for a device. The same certificate gets the same end on every node and after every restart, because all that is
/// chosen is derived from the release's own data key; so sizes, hashes and a download that is resumed agree.
final class PayloadEnvelopes: Sendable {
    private let house: House
    private let archives = ArchiveSums()
    /// What links carry, so that each poll gives the same one while it is here, about 400 bytes each.
    private let made = Locked<[Wire.Digest: [UInt8]]>([:])
    private static let mostMade = 8192
    private let known = Locked<[Wire.Digest: Task<PayloadSums, any Error>]>([:])
    /// Payloads whose hash states are kept, about 400 bytes each.
    private static let most = 256

    init(house: House) { self.house = house }

    /// What a device gets of its own before the stored bytes, or behind them.
    struct Wrapping: Sendable {
        var head: [UInt8] = []
        var end: [UInt8] = []
    }

    /// What a stock client gets for the holder of the certificate.
    /// - Parameters:
    ///   - certificate: the operational one that was shown, already judged; nil if none was.
    ///   - link: the query by which its bytes are asked for; nil: its hashes are told, and that query.
    func personal(
        _ file: Deployment.ReleaseFile, of device: Device, for certificate: [UInt8]?, by link: Substring?
    ) async throws -> (file: Deployment.ReleaseFile, wrapping: Wrapping) {
        guard let kind = file.encryption, kind != .chunks else {
            throw Refusal(
                .forbidden, "This release is encrypted for Lifelong's own agent.",
                hint: "Publish a RAUC bundle of the format \"crypt\", or an archive of SWUpdate, for stock clients.",
                rule: "release: encryption")
        }
        guard let certificate else {
            throw Refusal(
                .forbidden, "An encrypted release goes to a certificate, and none was shown.",
                hint: "Connect with the device's operational certificate.", rule: "update: encrypted")
        }
        let recipient = try EnvelopeRecipient(certificate: certificate)
        let stored = try await house.read { rows in
            try Updates.demandKey(
                of: file.digest, for: Device.require(device.id.text, in: rows), showing: recipient.sha256, in: rows)
        }
        let opened = try await PayloadKeys.open(stored, in: house)
        // Also of what is wrapped at its beginning: it shows that the store has what was published.
        var sums = try await self.sums(of: file.stored)
        let seed = opened.seed(for: recipient.sha256)
        let carried = try self.carried(for: recipient, seed, link)
        let query = Self.query(carried)
        guard kind == .swupdate else {
            let end = RAUCBundle.end(
                try EnvelopedData.encode(opened.secret, for: recipient, seed: seed, carried: carried))
            sums.update(end)
            return (sums.file(file, query), Wrapping(end: end))
        }
        let description = try SWUpdateArchive.content(of: opened.secret)
        let head = try SWUpdateArchive.head(
            opened.secret,
            carrying: EnvelopedData.encode(description, for: recipient, seed: seed, carried: carried))
        var name = SHA256()
        name.update(data: file.stored.bytes)
        name.update(data: head)
        let tag = Wire.Digest(name.finalize())
        let path = house.settings.artifactFolder + "/\(file.stored)"
        let sha1 = link == nil ? try await archives.sha1(head, before: path, named: tag) : Wire.Digest([])
        let personal = file.personal(
            sha256: tag, size: head.count + sums.count,
            form: ArtifactForm(sha1: sha1, md5: Wire.Digest([]), suffix: file.form.suffix), query: query)
        return (personal, Wrapping(head: head))
    }

    // MARK: - RSA

    private static let carriedName = "carried"

    private static func query(_ carried: [UInt8]?) -> String {
        carried.map { "?\(carriedName)=\(Hex.encode($0))" } ?? ""
    }

    /// What a link carries for an RSA key, so that whoever serves it makes the same envelope; nil for a key on a curve. What is in a link
    /// that somebody made up opens nothing, for nobody but the device that asks with it.
    private func carried(
        for recipient: EnvelopeRecipient, _ seed: [UInt8], _ link: Substring?
    ) throws -> [UInt8]? {
        guard !recipient.isRepeatable else { return nil }
        if let link {
            let value = link.split(separator: "&", maxSplits: 16).first { $0.hasPrefix(Self.carriedName + "=") }
            guard let value, let bytes = Hex.decode(String(value.dropFirst(Self.carriedName.count + 1))) else {
                throw Refusal(
                    .forbidden, "The address lacks what the deployment's link carries.",
                    hint: "Poll, and take what the answer links to.", rule: "update: link")
            }
            return bytes
        }
        let name = Wire.Digest(SHA256.hash(data: seed))
        if let made = made.withLock({ $0[name] }) { return made }
        let fresh = try EnvelopedData.carried(for: recipient, seed: seed)
        return made.withLock { made in
            if let other = made[name] { return other }
            if made.count >= Self.mostMade { made.removeAll() }
            made[name] = fresh
            return fresh
        }
    }

    // MARK: - Our agent

    /// The payload key for our agent.
    func envelope(
        of release: Wire.Digest, for device: DeviceID, shown: VerifiedCertificate
    ) async throws -> PayloadEnvelope {
        let stored = try await house.read { rows in
            try Updates.demandKey(
                of: release, for: Device.require(device.text, in: rows), showing: shown.reference.sha256, in: rows)
        }
        let opened = try await PayloadKeys.open(stored, in: house)
        guard opened.secret.count == EncryptedArtifact.keyBytes else {
            throw Refusal(
                .forbidden, "This release is encrypted for stock clients.", hint: "Publish the artifact itself.",
                rule: "release: encryption")
        }
        let sealed = try KeyEnvelope.seal(opened.secret, to: shown.spki, context: release.bytes)
        return PayloadEnvelope(
            encapsulated: Base64.encode(sealed.encapsulated), ciphertext: Base64.encode(sealed.ciphertext))
    }

    /// Hash states after the payload: read once by each node, by whoever comes first, while the others wait for the same.
    private func sums(of payload: Wire.Digest) async throws -> PayloadSums {
        let path = house.settings.artifactFolder + "/\(payload)"
        let task = known.withLock { known in
            if let task = known[payload] { return task }
            if known.count >= Self.most { known.removeAll() }
            let task = Task { try await PayloadSums.read(path, named: payload) }
            known[payload] = task
            return task
        }
        do {
            return try await task.value
        } catch {
            // What went wrong may be put right.
            known.withLock { known in if known[payload] == task { known[payload] = nil } }
            throw error
        }
    }
}

/// The three hashes that clients ask for, after the part of a file that all of them get.
private struct PayloadSums: Sendable {
    private var sha256 = SHA256()
    private var sha1 = Insecure.SHA1()
    private var md5 = Insecure.MD5()
    private(set) var count = 0
    private static let pieceBytes = 256 * 1024

    mutating func update(_ bytes: some DataProtocol) {
        sha256.update(data: bytes)
        sha1.update(data: bytes)
        md5.update(data: bytes)
        count += bytes.count
    }

    func file(_ file: Deployment.ReleaseFile, _ query: String) -> Deployment.ReleaseFile {
        file.personal(
            sha256: Wire.Digest(sha256.finalize()), size: count,
            form: ArtifactForm(
                sha1: Wire.Digest(sha1.finalize()), md5: Wire.Digest(md5.finalize()), suffix: file.form.suffix),
            query: query)
    }

    /// Refuses a file that is not the one that was published: somebody wrote into the store.
    static func read(_ path: String, named name: Wire.Digest) async throws -> PayloadSums {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw Refusal(.unavailable, "The artifact cannot be read.", hint: "Upload it again.", retryAfterSeconds: 10)
        }
        defer { try? file.close() }
        var sums = PayloadSums()
        while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty {
            sums.update(piece)
            await Task.yield()
        }
        guard Wire.Digest(sums.sha256.finalize()) == name else {
            throw Refusal(
                .unavailable, "The artifact \(name) in the store is not the one that was published.",
                hint: "Find out who writes there, and upload it again.", rule: "artifact: named by its hash")
        }
        return sums
    }
}
