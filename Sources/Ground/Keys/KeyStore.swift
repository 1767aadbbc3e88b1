import Dispatch
import Trust
import Wire

/// Where private keys live: made, found, used and destroyed here, and never read out.
///
/// Two engines: `KeysFile` (the labelled development default) and a PKCS#11 token. Implementations may be called from
/// any thread. What `make` returns is durable: a key that signed anything is there after a power cut.
package protocol KeyStore: Sendable {
    /// What a person reads: "files (development default)".
    var kind: String { get }

    /// Whether a call may take its time or hang, as a token's may: then it belongs off the event loops (`apart`).
    var mayBlock: Bool { get }

    /// A new key pair under `label`. Refuses with `conflict` if the label is taken: a key is never overwritten.
    func make(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey

    /// The key under `label`, or nil.
    func find(_ label: KeyLabel) throws -> (any SigningKey)?

    func labels() throws -> [KeyLabel]

    /// What a person reads of where that key lives, or nil if it is not here.
    func place(of label: KeyLabel) throws -> String?

    /// Whether there is a symmetric key under the label already.
    func holdsWrapping(_ label: KeyLabel) throws -> Bool

    /// Removes the key for ever. No error if there is none.
    func destroy(_ label: KeyLabel) throws

    /// Makes a symmetric key under the label, unless there is one: whatever it wrapped is lost with it, so no other call
    /// makes one, and none is ever replaced.
    func makeWrapping(_ label: KeyLabel) throws

    /// Encrypts under a symmetric key of the store that never leaves it: AES-256, authenticated, in a form of the store's
    /// own. `context` is authenticated with it and must be the same at `unwrap`. Both refuse where there is no such key.
    func wrap(_ secret: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8]
    func unwrap(_ wrapped: [UInt8], under label: KeyLabel, context: [UInt8]) throws -> [UInt8]
}

package enum KeyLabelKind {}
/// A key's name within its store ("operational-issuing-1").
package typealias KeyLabel = Identifier<KeyLabelKind>

extension KeyStore {
    package var mayBlock: Bool { false }

    package func place(of label: KeyLabel) throws -> String? {
        try find(label) != nil || holdsWrapping(label) ? kind : nil
    }

    /// Runs what uses keys, on a thread where it may wait: those of tasks and event loops are few, and others need them.
    package func apart<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        guard mayBlock else { return try body() }
        return try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async { done.resume(with: Result { try body() }) }
        }
    }

    package func findOrMake(_ label: KeyLabel, algorithm: KeyAlgorithm) throws -> any SigningKey {
        try find(label) ?? make(label, algorithm: algorithm)
    }

    /// The key, or a refusal that says what to do.
    package func require(_ label: KeyLabel) throws -> any SigningKey {
        guard let key = try find(label) else { throw Refusal.missingKey(label) }
        return key
    }
}

extension Refusal {
    package static func missingKey(_ label: some CustomStringConvertible) -> Refusal {
        Refusal(
            .unavailable, "The key \"\(label)\" is not in the key store.",
            hint: "Restore the key store from its backup, or attach the token that holds it.")
    }
}
