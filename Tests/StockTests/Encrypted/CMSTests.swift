import Foundation
import Testing
import Trust
import Wire
import Workbench

/// A folder with keys and certificates that openssl made, with and without a key identifier.
private struct Recipients {
    let folder: String

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "lifelong-cms-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func openssl(_ arguments: [String]) async throws -> OutsideProgram.Outcome {
        try await OutsideProgram.run("openssl", arguments, in: folder)
    }

    /// A key and a certificate of it, as NAME.key and NAME.pem.
    func make(_ name: String, _ key: [String], named: Bool) async throws -> [UInt8] {
        let identifier = named ? "subjectKeyIdentifier=hash" : "subjectKeyIdentifier=none"
        let made = try await openssl(
            ["req", "-x509", "-newkey"] + key + [
                "-nodes", "-days", "30", "-keyout", "\(name).key", "-out", "\(name).pem", "-subj",
                "/O=Example/CN=\(name)", "-addext", identifier,
            ])
        guard made.status == 0 else { throw Refusal(.conflict, made.errors, hint: "Read it.") }
        let pem = try String(contentsOfFile: "\(folder)/\(name).pem", encoding: .utf8)
        return try #require(try PEM.decode(pem).first).der
    }

    /// What `openssl cms -decrypt` makes of it with that key; nil if nothing.
    func decrypt(_ envelope: [UInt8], as name: String) async throws -> [UInt8]? {
        try Data(envelope).write(to: URL(filePath: "\(folder)/envelope.der"))
        let opened = try await openssl(
            [
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "envelope.der", "-recip", "\(name).pem",
                "-inkey",
                "\(name).key", "-out", "opened",
            ])
        guard opened.status == 0 else { return nil }
        return Array(try Data(contentsOf: URL(filePath: "\(folder)/opened")))
    }
}

@Suite(.enabled(if: OutsideProgram.findOrSay("openssl", package: "openssl"))) struct `A CMS envelope` {
    static let keys: [(String, [String])] = [
        ("p256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("rsa", ["rsa:2048"]),
    ]
    private let seed = [UInt8](repeating: 7, count: 32)

    @Test(arguments: keys, [true, false])
    func `is opened by OpenSSL with its recipient's key, and with no other`(
        _ kind: (String, [String]), _ named: Bool
    ) async throws {
        let folder = try await Recipients()
        defer { folder.remove() }
        let ours = try await folder.make("ours", kind.1, named: named)
        _ = try await folder.make("other", kind.1, named: named)
        for count in [0, 1, 16, 1723, 70_000] {
            let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
            let envelope = try EnvelopedData.encode(content, for: EnvelopeRecipient(certificate: ours), seed: seed)
            #expect(envelope.count < count + 700)
            #expect(try await folder.decrypt(envelope, as: "ours") == content, "\(kind.0) \(count)")
            guard count == 1723 else { continue }
            // OpenSSL hides a wrong RSA key behind random bytes (RFC 3218 §2.3): never the content.
            #expect(try await folder.decrypt(envelope, as: "other") != content)
            let printed = try await folder.openssl([
                "cms", "-cmsout", "-print", "-inform", "DER", "-in", "envelope.der",
            ])
            #expect(
                printed.status == 0 && printed.text.contains(named ? "keyIdentifier" : "issuerAndSerialNumber") == true
                    || printed.text.contains("subjectKeyIdentifier"), "\(printed.text.prefix(1500))")
        }
    }

    @Test func `is the same for the same seed, and another one for every other recipient and seed`() async throws {
        let folder = try await Recipients()
        defer { folder.remove() }
        let content = [UInt8](repeating: 1, count: 1000)
        for (name, key) in Self.keys.prefix(2) {
            let one = try EnvelopeRecipient(certificate: await folder.make(name, key, named: true))
            let two = try EnvelopeRecipient(certificate: await folder.make("\(name)-2", key, named: true))
            #expect(one.isRepeatable && one.sha256 != two.sha256)
            let envelope = try EnvelopedData.encode(content, for: one, seed: seed)
            #expect(try EnvelopedData.encode(content, for: one, seed: seed) == envelope)
            #expect(try EnvelopedData.encode(content, for: two, seed: seed) != envelope)
            #expect(try EnvelopedData.encode(content, for: one, seed: [UInt8](repeating: 8, count: 32)) != envelope)
        }
        let rsa = try EnvelopeRecipient(certificate: await folder.make("rsa", Self.keys[2].1, named: true))
        #expect(!rsa.isRepeatable)
        // With what a link carries it is the same, too, and opens; with another key's it does not.
        let carried = try #require(try EnvelopedData.carried(for: rsa, seed: seed))
        let envelope = try EnvelopedData.encode(content, for: rsa, seed: seed, carried: carried)
        #expect(try EnvelopedData.encode(content, for: rsa, seed: seed, carried: carried) == envelope)
        #expect(try await folder.decrypt(envelope, as: "rsa") == content)
        #expect(throws: Refusal.self) {
            try EnvelopedData.encode(content, for: rsa, seed: seed, carried: Array(carried.dropLast()))
        }
        let made = try EnvelopedData.encode(
            content, for: rsa, seed: seed, carried: [UInt8](repeating: 1, count: carried.count))
        #expect(try await folder.decrypt(made, as: "rsa") != content)
    }

    @Test func `is not made for keys that nothing can be encrypted to, or of too much`() async throws {
        let folder = try await Recipients()
        defer { folder.remove() }
        let signs = try await folder.make("ed", ["ed25519"], named: true)
        #expect { try EnvelopeRecipient(certificate: signs) } throws: { ($0 as? Refusal)?.code == .unsupported }
        for bad in [[], [0x30, 0x80], Array(signs.dropLast())] {
            #expect(throws: Refusal.self) { try EnvelopeRecipient(certificate: bad) }
        }
        let ours = try EnvelopeRecipient(certificate: await folder.make("ours", Self.keys[0].1, named: true))
        let large = [UInt8](repeating: 0, count: EnvelopedData.largestContent + 1)
        #expect(throws: Refusal.self) { try EnvelopedData.encode(large, for: ours, seed: seed) }
        #expect(throws: Refusal.self) { try EnvelopedData.encode([1], for: ours, seed: [1, 2, 3]) }
    }
}
