import Foundation
import Keys
import KeysPKCS11
import Synchronization
import Testing
import Trust
import Wire
import Workbench

@Suite(.enabled(if: TokenBench.isInstalled()), .serialized) struct `A PKCS#11 token` {
    @Test func `keeps private keys that cannot be read out, and openssl verifies what they sign`() async throws {
        let bench = try await TokenBench()
        let keys = try await bench.open()
        let message = Array("signed inside".utf8)
        for (algorithm, digest) in [(KeyAlgorithm.p256, "-sha256"), (.p384, "-sha384")] {
            let key = try keys.make(KeyLabel(trusted: "openssl-\(algorithm.rawValue)"), algorithm: algorithm)
            try Data(message).write(to: URL(filePath: bench.folder + "/message"))
            try Data(try key.signature(over: message)).write(to: URL(filePath: bench.folder + "/signature"))
            try Data(PEM.encode(key.publicKeyDER, label: "PUBLIC KEY").utf8).write(
                to: URL(filePath: bench.folder + "/key.pem"))
            let verified = try await OutsideProgram.run(
                "openssl", ["dgst", digest, "-verify", "key.pem", "-signature", "signature", "message"],
                in: bench.folder)
            #expect(verified.text.contains("Verified OK"), "\(verified.text)\(verified.errors)")
        }
        let ledger = try keys.make(KeyLabel(trusted: "openssl-ed25519"), algorithm: .ed25519)
        try Data(try ledger.signature(over: message)).write(to: URL(filePath: bench.folder + "/signature"))
        try Data(PEM.encode(ledger.publicKeyDER, label: "PUBLIC KEY").utf8).write(
            to: URL(filePath: bench.folder + "/key.pem"))
        let verified = try await OutsideProgram.run(
            "openssl",
            ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-sigfile", "signature", "-in", "message"],
            in: bench.folder)
        #expect(verified.text.contains("Verified Successfully"), "\(verified.text)\(verified.errors)")
        let list = try await bench.pkcs11Tool(["--list-objects", "--type", "privkey"])
        #expect(
            list.text.components(separatedBy: "sensitive, always sensitive, never extractable, local").count == 4,
            "\(list.text)")
    }

    @Test func `uses a key that was made by hand, and refuses one of a kind that is not used here`() async throws {
        let bench = try await TokenBench()
        for (label, kind) in [("by-hand", "EC:prime256v1"), ("too-old", "rsa:2048")] {
            let made = try await bench.pkcs11Tool([
                "--keypairgen", "--key-type", kind, "--label", label, "--id", "0\(kind.count % 9)",
            ])
            #expect(made.status == 0, "\(made.errors)")
        }
        let keys = try await bench.open()
        let key = try #require(try keys.find(KeyLabel(trusted: "by-hand")))
        #expect(PublicKeys.verify(signature: try key.signature(over: [1]), over: [1], spki: key.publicKeyDER))
        #expect { try keys.find(KeyLabel(trusted: "too-old")) } throws: { ($0 as? Refusal)?.code == .unsupported }
    }

    @Test func `is shared by two houses that have a prefix each`() async throws {
        let bench = try await TokenBench()
        let one = try await bench.open { $0.prefix = "one." }
        let two = try await bench.open { $0.prefix = "two." }
        let label = KeyLabel(trusted: "release-1")
        let first = try one.make(label, algorithm: .p256)
        let second = try two.make(label, algorithm: .p256)
        #expect(first.publicKeyDER != second.publicKeyDER)
        #expect(try one.labels() == [label] && two.labels() == [label])
        try two.destroy(label)
        #expect(try one.find(label)?.publicKeyDER == first.publicKeyDER)
    }

    @Test func `never tries a PIN again that was refused, and takes the right one without a restart`() async throws {
        let bench = try await TokenBench()
        // Login is the process's: the wrong one has to come before anybody is in.
        try bench.writePIN("000000")
        await #expect { try await bench.open() } throws: { error in
            let refusal = error as? Refusal
            return refusal?.code == .unavailable && refusal?.detail.contains("refused the PIN from the file") == true
                && refusal?.detail.contains("000000") == false
        }
        try bench.writePIN(TokenBench.pin)
        let keys = try await bench.open()
        let key = try keys.make(KeyLabel(trusted: "guarded"), algorithm: .p256)
        try bench.writePIN("000000")
        // A store that is open goes on, loses its sessions, and then has only the wrong PIN: tried once, and no more.
        try bench.pull()
        #expect(throws: Refusal.self) { try key.signature(over: [1]) }
        try bench.putBack()
        var refusals: [Refusal] = []
        for _ in 0..<30 {
            do { _ = try key.signature(over: [1]) } catch let refusal as Refusal { refusals.append(refusal) }
            if refusals.last?.detail.contains("refused the PIN") == true { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(refusals.last?.detail.contains("refused the PIN") == true, "\(refusals)")
        try bench.writePIN(TokenBench.pin)
        let signature = try key.signature(over: [1])
        #expect(PublicKeys.verify(signature: signature, over: [1], spki: key.publicKeyDER))
    }

    @Test func `takes its PIN from a file that only its owner reads, and from a variable that is wiped`() async throws {
        let bench = try await TokenBench()
        _ = try await bench.open()
        try bench.writePIN(TokenBench.pin, mode: 0o640)
        #expect { try TokenKeyStore(bench.settings) } throws: { error in
            let refusal = error as? Refusal
            return refusal?.detail.contains("mode 0640") == true && refusal?.hint.contains("chmod 600") == true
        }
        try FileManager.default.removeItem(atPath: bench.pinFile)
        #expect(throws: Refusal.self) { try TokenKeyStore(bench.settings) }
        for pin in ["", String(repeating: "9", count: 300)] {
            try bench.writePIN(pin)
            #expect(throws: Refusal.self) { try TokenKeyStore(bench.settings) }
        }
        setenv("LIFELONG_BENCH_PIN", TokenBench.pin, 1)
        var settings = bench.settings
        settings.pin = try .environment("LIFELONG_BENCH_PIN")
        #expect(getenv("LIFELONG_BENCH_PIN") == nil)
        let keys = try TokenKeyStore(settings)
        _ = try keys.make(KeyLabel(trusted: "by-variable"), algorithm: .p256)
        #expect(throws: Refusal.self) { try PINSource.environment("LIFELONG_BENCH_PIN") }
    }

    @Test func `is refused by a sentence when the module or the token is not there, or two fit`() async throws {
        let bench = try await TokenBench()
        _ = try await bench.open()
        func refusal(_ change: (inout TokenSettings) -> Void) -> Refusal? {
            var settings = bench.settings
            change(&settings)
            do {
                _ = try TokenKeyStore(settings)
                return nil
            } catch { return error as? Refusal }
        }
        #expect(refusal { $0.module = "/nowhere/module.so" }?.detail.contains("no PKCS#11 module at") == true)
        #expect(refusal { $0.module = "/bin/ls" }?.detail.contains("is not a PKCS#11 module") == true)
        #expect(refusal { $0.module = "libsofthsm2.so" }?.hint.contains("absolute path") == true)
        #expect(refusal { $0.token = .label("elsewhere") }?.detail.contains("is not attached") == true)
        let second = try await TokenBench()
        _ = try await second.open()
        #expect(refusal { $0.token = .only }?.detail.contains("tokens fit the description") == true)
        withExtendedLifetime(bench) {}
    }

    @Test func `that is pulled refuses, and works again when it is back`() async throws {
        let bench = try await TokenBench()
        let keys = try await bench.open()
        let label = KeyLabel(trusted: "steady")
        let key = try keys.make(label, algorithm: .p256)
        try keys.makeWrapping(KeyLabel(trusted: "wrapping"))
        let wrapped = try keys.wrap([7], under: KeyLabel(trusted: "wrapping"), context: [])
        for _ in 0..<2 {
            try bench.pull()
            for attempt in [
                { _ = try key.signature(over: [1]) }, { _ = try keys.find(label) }, { _ = try keys.labels() },
                { _ = try keys.make(KeyLabel(trusted: "new"), algorithm: .p256) },
                { _ = try keys.unwrap(wrapped, under: KeyLabel(trusted: "wrapping"), context: []) },
            ] as [() throws -> Void] {
                #expect { try attempt() } throws: { error in
                    (error as? Refusal)?.code == .unavailable && (error as? Refusal)?.retryAfterSeconds != nil
                }
            }
            try bench.putBack()
            var signature: [UInt8]?
            for _ in 0..<40 where signature == nil {
                signature = try? key.signature(over: [1])
                if signature == nil { try await Task.sleep(for: .milliseconds(50)) }
            }
            #expect(PublicKeys.verify(signature: try #require(signature), over: [1], spki: key.publicKeyDER))
            #expect(try keys.find(label)?.publicKeyDER == key.publicKeyDER)
            #expect(try keys.unwrap(wrapped, under: KeyLabel(trusted: "wrapping"), context: []) == [7])
            #expect(try keys.find(KeyLabel(trusted: "new")) == nil)
        }
    }
}
