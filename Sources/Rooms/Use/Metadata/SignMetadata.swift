import Registry
import Wire

/// Somebody who looked at a draft signed it: a signature over exactly the bytes that the draft is named by.
package struct SignMetadata: Action {
    package static let name = "use/sign-metadata"
    package static let permission = Permission.publish

    /// SHA-256 of what was signed.
    package var draft: Digest
    /// The key's name in update metadata.
    package var key: Digest
    /// Base64.
    package var signature: String

    package init(draft: Digest, key: Digest, signature: String) {
        self.draft = draft
        self.key = key
        self.signature = signature
    }

    package func perform(in change: Change) throws -> Done {
        guard key.bytes.count == 32, signature.utf8.count <= 4096, let bytes = Base64.decode(signature) else {
            throw Refusal(
                .malformed, "The key is no name, or the signature is not Base64.",
                hint: "Send the key's SHA-256 as update metadata has it, and the signature as Base64.")
        }
        try UpdateDraft.sign(draft, key, bytes, in: change)
        return Done()
    }
}
