import Crypto
import Wire

/// The public key of a log as people hand it on (C2SP signed-note, Verifier keys): "name+hex(key ID)+base64(type ‖
/// key)". Only Ed25519 over the note's text (type 0x01), the one that a log's own signature has here.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    /// By convention the log's origin: a URL without scheme.
    package let name: String
    /// The 32 bytes of RFC 8032.
    package let publicKey: [UInt8]
    /// SHA-256(name ‖ 0x0A ‖ type ‖ key)[:4]: which key a signature line means. Too short to prove anything.
    package let keyID: [UInt8]

    static let ed25519: UInt8 = 0x01

    package init(name: String, ed25519 publicKey: [UInt8]) throws(Refusal) {
        guard Self.isName(name) else { throw Self.refuse("its name is empty or holds a space or a plus sign") }
        guard publicKey.count == 32, (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) != nil else {
            throw Self.refuse("an Ed25519 key has 32 bytes")
        }
        self.name = name
        self.publicKey = publicKey
        self.keyID = Self.keyID(name: name, type: Self.ed25519, publicKey: publicKey)
    }

    /// Reads a vkey; refuses an unknown type and a key ID that is not the key's.
    package init(_ vkey: String) throws(Refusal) {
        let parts = vkey.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard vkey.utf8.count <= 1024, parts.count == 3, parts[1].count == 8,
            let keyID = Hex.decode(String(Substring(parts[1])))
        else { throw Self.refuse("it is not name+key ID+key") }
        guard let material = strictBase64(parts[2]), let type = material.first else {
            throw Self.refuse("its key is not base64")
        }
        guard type == Self.ed25519 else { throw Self.refuse("type \(type) is not Ed25519 (1)") }
        try self.init(name: String(Substring(parts[0])), ed25519: Array(material.dropFirst()))
        guard keyID == self.keyID else { throw Self.refuse("its key ID belongs to another name or key") }
    }

    package var description: String {
        "\(name)+\(Hex.encode(keyID))+\(Base64.encode([Self.ed25519] + publicKey))"
    }

    package static func == (a: VerifierKey, b: VerifierKey) -> Bool {
        a.name.utf8.elementsEqual(b.name.utf8) && a.publicKey == b.publicKey
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(publicKey) }

    /// Whether a signature line means this key. By bytes: equal-looking Unicode is not equal.
    func isMeant(by signature: Note.Signature) -> Bool {
        signature.keyID == keyID && signature.name.utf8.elementsEqual(name.utf8)
    }

    func verifies(_ signature: [UInt8], over text: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: text)
    }

    /// Non-empty, without Unicode spaces, plus signs and control characters.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 }
    }

    static func keyID(name: String, type: UInt8, publicKey: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: Array(name.utf8) + [0x0A, type] + publicKey).prefix(4))
    }

    private static func refuse(_ why: String) -> Refusal {
        Refusal(
            .malformed, "The verifier key is not usable: \(why).",
            hint: "Copy the vkey whole, as the log's operator published it.", rule: "C2SP signed-note, Verifier keys")
    }
}

/// RFC 4648 §4 base64 in its one canonical spelling, without white space.
func strictBase64(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard let bytes = Base64.decode(text), Base64.encode(bytes).utf8.elementsEqual(text) else { return nil }
    return bytes
}
