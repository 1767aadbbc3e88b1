import Foundation
import Keys
import KeysFile
import KeysPKCS11
import Synchronization
import Testing
import Trust
import Wire
import Workbench

/// A place for keys, for a test.
enum KeyPlace: String, CaseIterable, CustomTestStringConvertible {
    case files, softHSM
    var testDescription: String { rawValue }

    static var here: [KeyPlace] { TokenBench.isInstalled() ? allCases : [.files] }

    /// The store; keep what comes with it.
    func open() async throws -> (store: any KeyStore, second: any KeyStore, bench: AnyObject?) {
        switch self {
        case .files:
            let folder = NSTemporaryDirectory() + "/lifelong-keys-\(UUID().uuidString)"
            return (try FileKeyStore(folder: folder), try FileKeyStore(folder: folder), nil)
        case .softHSM:
            let bench = try await TokenBench()
            return (try await bench.open(), try await bench.open(), bench)
        }
    }
}

/// What every engine of `KeyStore` promises.
@Suite struct `A key store` {
    private let message = Array("to whom it may concern".utf8)

    @Test(arguments: KeyPlace.here) func `makes a key once, finds it again and forgets it for ever`(
        _ place: KeyPlace
    ) async throws {
        let (keys, other, bench) = try await place.open()
        defer { withExtendedLifetime(bench) {} }
        for algorithm in KeyAlgorithm.allCases {
            let label = KeyLabel(trusted: "key-\(algorithm.rawValue)")
            #expect(try keys.find(label) == nil)
            let key = try keys.make(label, algorithm: algorithm)
            #expect(key.algorithm == algorithm)
            #expect(throws: Refusal.self) { try keys.make(label, algorithm: algorithm) }
            #expect { try other.make(label, algorithm: algorithm) } throws: { ($0 as? Refusal)?.code == .conflict }
            // Another process finds the same key, and either's signature verifies under it.
            let again = try #require(try other.find(label))
            #expect(again.publicKeyDER == key.publicKeyDER && again.algorithm == algorithm)
            for signer in [key, again] {
                let signature = try signer.signature(over: message)
                #expect(PublicKeys.verify(signature: signature, over: message, spki: key.publicKeyDER))
                #expect(!PublicKeys.verify(signature: signature, over: message + [0], spki: key.publicKeyDER))
            }
        }
        #expect(try other.labels().map(\.text) == ["key-ed25519", "key-p256", "key-p384"])
        let gone = KeyLabel(trusted: "key-p384")
        try keys.destroy(gone)
        try keys.destroy(gone)
        #expect(try keys.find(gone) == nil && other.find(gone) == nil)
        #expect(try keys.labels().map(\.text) == ["key-ed25519", "key-p256"])
    }

    @Test(arguments: KeyPlace.here) func `opens what it wrapped in the same context only, and nothing that was changed`(
        _ place: KeyPlace
    ) async throws {
        let (keys, other, bench) = try await place.open()
        defer { withExtendedLifetime(bench) {} }
        let label = KeyLabel(trusted: "wrapping")
        let secret = (0..<32).map { UInt8($0) }
        // Nothing that wraps or opens makes a key in passing.
        #expect { try keys.wrap(secret, under: label, context: []) } throws: { ($0 as? Refusal)?.code == .unavailable }
        #expect(try !keys.holdsWrapping(label))
        try keys.makeWrapping(label)
        let wrapped = try keys.wrap(secret, under: label, context: [1, 2, 3])
        try other.makeWrapping(label)
        #expect(try other.unwrap(wrapped, under: label, context: [1, 2, 3]) == secret)
        #expect(try other.wrap(secret, under: label, context: [1, 2, 3]) != wrapped)
        #expect(throws: Refusal.self) { try keys.unwrap(wrapped, under: label, context: [1, 2, 4]) }
        #expect(throws: Refusal.self) {
            try keys.unwrap(wrapped, under: KeyLabel(trusted: "another"), context: [1, 2, 3])
        }
        for index in [0, 1, 12, wrapped.count - 17, wrapped.count - 1] {
            var changed = wrapped
            changed[index] ^= 1
            #expect(throws: Refusal.self, "byte \(index)") {
                try keys.unwrap(changed, under: label, context: [1, 2, 3])
            }
        }
        for length in [0, 1, 27, 28, wrapped.count - 1] {
            #expect(throws: Refusal.self, "length \(length)") {
                try keys.unwrap(Array(wrapped.prefix(length)), under: label, context: [1, 2, 3])
            }
        }
        // After all that was refused it still works.
        #expect(try keys.unwrap(wrapped, under: label, context: [1, 2, 3]) == secret)
    }

    @Test(arguments: KeyPlace.here) func `signs for many callers at once`(_ place: KeyPlace) async throws {
        let (keys, _, bench) = try await place.open()
        defer { withExtendedLifetime(bench) {} }
        let key = try keys.make(KeyLabel(trusted: "busy"), algorithm: .p256)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let message = Array("message \(index)".utf8)
                    let signature = try await keys.apart { try key.signature(over: message) }
                    return PublicKeys.verify(signature: signature, over: message, spki: key.publicKeyDER)
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func `lets one of many who make the same key have it, in a token too`() async throws {
        guard TokenBench.isInstalled() else { return }
        let bench = try await TokenBench()
        // Stores of their own share no lock, as processes do not.
        var stores: [TokenKeyStore] = []
        for _ in 0..<4 { stores.append(try await bench.open { $0.sessions = 2 }) }
        for round in 0..<5 {
            let label = KeyLabel(trusted: "contested-\(round)")
            let outcomes = await withTaskGroup(of: Result<[UInt8], any Error>.self) { group in
                for keys in stores {
                    group.addTask {
                        do {
                            return .success(
                                try await keys.apart { try keys.make(label, algorithm: .p256).publicKeyDER })
                        } catch {
                            return .failure(error)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let made = outcomes.compactMap { try? $0.get() }
            #expect(made.count == 1, "\(outcomes)")
            for case .failure(let error) in outcomes { #expect((error as? Refusal)?.code == .conflict, "\(error)") }
            for keys in stores { #expect(try keys.find(label)?.publicKeyDER == made.first) }
        }
        // What the token really holds, asked with another program: one private key under each label, and nothing that
        // anybody could take for one.
        let list = try await bench.pkcs11Tool(["--list-objects"])
        #expect(!list.text.contains("?"), "a provisional key stayed: \(list.text)")
        let held = Self.privateKeys(list.text)
        #expect(held.compactMap(\.label).sorted() == (0..<5).map { "contested-\($0)" }, "\(list.text)")
        // SoftHSM 2.6 writes an object's file after it was destroyed, if another session reads it at that moment: a husk
        // without a label and without an identity, which no search of a store can find.
        #expect(held.allSatisfy { $0.label != nil || !$0.hasIdentity }, "\(list.text)")
        for keys in stores { #expect(try keys.labels().map(\.text) == (0..<5).map { "contested-\($0)" }) }
    }

    /// The private keys of pkcs11-tool's list, with what it says of each.
    private static func privateKeys(_ list: String) -> [(label: String?, hasIdentity: Bool)] {
        var keys: [(label: String?, hasIdentity: Bool)] = []
        var isPrivate = false
        for line in list.split(separator: "\n") {
            guard line.first == " " else {
                isPrivate = line.hasPrefix("Private Key Object")
                if isPrivate { keys.append((nil, false)) }
                continue
            }
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard isPrivate, parts.count == 2, !parts[1].isEmpty else { continue }
            if parts[0] == "label" { keys[keys.count - 1].label = parts[1] }
            if parts[0] == "ID" { keys[keys.count - 1].hasIdentity = true }
        }
        return keys
    }
}
