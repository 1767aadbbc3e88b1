import Crypto
import Foundation
import Keys
import Trust
import Wire

/// Keys as files: THE DEVELOPMENT DEFAULT. Whoever reads the folder has the keys; production uses a PKCS#11 token.
///
/// A folder (0700) with a PKCS#8 PEM file (0600) a key pair and 32 raw bytes (0600) a wrapping key.
package final class FileKeyStore: KeyStore {
    package let kind = "files (development default)"
    private let folder: String
    /// Serialises changes within this process; `FolderLock` serialises them with other processes of the same folder.
    private let exclusive = Locked(())

    package init(folder: String) throws {
        self.folder = folder
        try DurableFile.makeFolder(folder)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder)
        if let mode = attributes[.posixPermissions] as? Int, mode & 0o077 != 0 {
            throw Refusal(
                .unavailable, "The key folder \(folder) can be read by others (mode \(String(mode, radix: 8))).",
                hint: "Run: chmod 700 \(folder)")
        }
        sweep()
        let notice = folder + "/README"
        if !FileManager.default.fileExists(atPath: notice) {
            // Another server of the same keys may write it at this moment; whoever comes second has nothing to add.
            try? DurableFile.write(
                Array(
                    "Private keys as files: the development default of Lifelong. Whoever reads this folder has the keys.\n"
                        .utf8),
                to: notice)
        }
    }

    /// Removes what a process left behind that was killed while it wrote: half a key is of no use to anybody but a thief.
    ///
    /// Never waits and never fails: while another process writes, and on a medium that cannot be written, the next open does it.
    private func sweep() {
        guard let lock = FolderLock(folder, waits: false) else { return }
        defer { lock.release() }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let left = names.filter { $0.hasSuffix(".key.pem.new") || $0.hasSuffix(".wrap.new") }
        for name in left { try? FileManager.default.removeItem(atPath: folder + "/" + name) }
        if !left.isEmpty { try? DurableFile.syncFolder(of: folder + "/README") }
    }

    /// One change of the folder, with no other beside it.
    private func alone<T>(_ body: () throws -> T) throws -> T {
        try exclusive.withLock { _ in
            // A file system without such locks (some of a network) is as safe as one process alone.
            let lock = FolderLock(folder, waits: true)
            defer { lock?.release() }
            return try body()
        }
    }

    package func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        try alone {
            guard try find(label) == nil else {
                throw Refusal(.conflict, "The key \"\(label)\" exists.", hint: "Choose another label.")
            }
            let key = try FileKey.make(algorithm)
            guard try DurableFile.create(Array(key.pem.utf8), at: path(label)) else {
                throw Refusal(.conflict, "The key \"\(label)\" exists.", hint: "Choose another label.")
            }
            return key
        }
    }

    package func find(_ label: KeyLabel) throws -> (any SigningKey)? {
        guard let bytes = try DurableFile.read(path(label), limit: 16_384) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw broken(label) }
        do { return try FileKey(pem: text) } catch { throw broken(label) }
    }

    package func labels() throws -> [KeyLabel] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".key.pem") }
            .map { try KeyLabel(String($0.dropLast(8))) }.sorted()
    }

    package func holdsWrapping(_ label: KeyLabel) throws -> Bool {
        try DurableFile.exists(wrappingPath(label))
    }

    package func destroy(_ label: KeyLabel) throws {
        try alone {
            for file in [path(label), wrappingPath(label)] where try DurableFile.exists(file) {
                // Overwritten first; on flash and copy-on-write file systems that promises nothing, hence "development".
                try DurableFile.write([UInt8](repeating: 0, count: 4096), to: file)
                try FileManager.default.removeItem(atPath: file)
                try DurableFile.syncFolder(of: file)
            }
        }
    }

    package func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        let sealed = try AES.GCM.seal(secret, using: wrappingKey(label), authenticating: context)
        guard let combined = sealed.combined else { throw broken(label) }
        return Array(combined)
    }

    package func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8] {
        do {
            let box = try AES.GCM.SealedBox(combined: wrapped)
            return Array(try AES.GCM.open(box, using: wrappingKey(label), authenticating: context))
        } catch is CryptoKitError {
            throw Refusal(
                .internal, "A wrapped secret does not open under \"\(label)\".",
                hint: "Restore keys and database from the same backup.")
        }
    }

    package func makeWrapping(_ label: KeyLabel) throws {
        try alone {
            guard try DurableFile.read(wrappingPath(label), limit: 32) == nil else { return }
            let key = SymmetricKey(size: .bits256)
            _ = try DurableFile.create(key.withUnsafeBytes { Array($0) }, at: wrappingPath(label))
        }
    }

    private func wrappingKey(_ label: KeyLabel) throws -> SymmetricKey {
        guard let bytes = try DurableFile.read(wrappingPath(label), limit: 32) else { throw Refusal.missingKey(label) }
        guard bytes.count == 32 else { throw broken(label) }
        return SymmetricKey(data: bytes)
    }

    private func wrappingPath(_ label: KeyLabel) -> String { folder + "/\(label).wrap" }

    private func path(_ label: KeyLabel) -> String { folder + "/\(label).key.pem" }

    private func broken(_ label: KeyLabel) -> Refusal {
        Refusal(.unavailable, "The key file of \"\(label)\" is broken.", hint: "Restore it from the backup.")
    }
}

/// One key pair in memory, read from its file.
private struct FileKey: OpeningKey {
    private enum Pair: Sendable {
        case p256(P256.Signing.PrivateKey), p384(P384.Signing.PrivateKey), ed25519(Curve25519.Signing.PrivateKey)
    }
    private let pair: Pair
    let algorithm: KeyAlgorithm
    let publicKeyDER: [UInt8]
    var signsAtOnce: Bool { true }

    private init(_ pair: Pair) {
        self.pair = pair
        switch pair {
        case .p256(let key): (algorithm, publicKeyDER) = (.p256, Array(key.publicKey.derRepresentation))
        case .p384(let key): (algorithm, publicKeyDER) = (.p384, Array(key.publicKey.derRepresentation))
        case .ed25519(let key):
            (algorithm, publicKeyDER) = (.ed25519, PublicKeys.ed25519Prefix + Array(key.publicKey.rawRepresentation))
        }
    }

    static func make(_ algorithm: KeyAlgorithm) throws -> FileKey {
        switch algorithm {
        case .p256: FileKey(.p256(P256.Signing.PrivateKey()))
        case .p384: FileKey(.p384(P384.Signing.PrivateKey()))
        case .ed25519: FileKey(.ed25519(Curve25519.Signing.PrivateKey()))
        }
    }

    /// RFC 8410 §7: PrivateKeyInfo around the 32 raw bytes.
    private static let ed25519PrivatePrefix: [UInt8] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    var pem: String {
        switch pair {
        case .p256(let key): key.pemRepresentation
        case .p384(let key): key.pemRepresentation
        case .ed25519(let key):
            PEM.encode(Self.ed25519PrivatePrefix + Array(key.rawRepresentation), label: "PRIVATE KEY")
        }
    }

    init(pem: String) throws {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self.init(.p256(key))
        } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) {
            self.init(.p384(key))
        } else {
            let blocks = try PEM.decode(pem)
            guard let der = blocks.first?.der, der.count == 48, der.starts(with: Self.ed25519PrivatePrefix) else {
                throw Refusal(.malformed, "The key is of no known kind.", hint: "Use P-256, P-384 or Ed25519.")
            }
            self.init(.ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: der.suffix(32))))
        }
    }

    func signature(over message: [UInt8]) throws -> [UInt8] {
        switch pair {
        case .p256(let key): Array(try key.signature(for: message).derRepresentation)
        case .p384(let key): Array(try key.signature(for: message).derRepresentation)
        case .ed25519(let key): Array(try key.signature(for: message))
        }
    }

    func open(_ envelope: KeyEnvelope, context: [UInt8]) throws -> [UInt8] {
        guard case .p256(let key) = pair else { throw Refusal.opensNothing }
        return try envelope.open(with: key, context: context)
    }
}
