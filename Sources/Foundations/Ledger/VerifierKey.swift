import Crypto
import Wire

/// The public key of a log as people hand it on (C2SP signed-note, Verifier keys): "name+hex(key ID)+base64(type ‖
/// key)". Only Ed25519 over the note's text (type 0x01), the one that a log's own signature has here.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    private let key: NoteKey

    /// By convention the log's origin: a URL without scheme.
    package var name: String { key.name }
    /// The 32 bytes of RFC 8032.
    package var publicKey: [UInt8] { key.publicKey }
    /// Which key a signature line means. Too short to prove anything.
    package var keyID: [UInt8] { key.keyID }

    package init(name: String, ed25519 publicKey: [UInt8]) throws(Refusal) {
        key = try NoteKey(name: name, type: .log, publicKey: publicKey)
    }

    /// Reads a vkey; refuses an unknown type and a key ID that is not the key's.
    package init(_ vkey: String) throws(Refusal) { key = try NoteKey(vkey, type: .log) }

    package var description: String { key.description }

    /// Whether a signature line means this key.
    func isMeant(by signature: Note.Signature) -> Bool { key.isMeant(by: signature) }

    func verifies(_ signature: [UInt8], over text: [UInt8]) -> Bool { key.verifies(signature, over: text) }

    static func isName(_ name: String) -> Bool { NoteKey.isName(name) }
}

/// The public key of a witness (C2SP tlog-cosignature, Format): a vkey of type 0x04. A type of its own, so that a
/// witness's key never stands for a log's, nor the reverse.
package struct WitnessKey: Hashable, Sendable, CustomStringConvertible {
    private let key: NoteKey

    /// By convention a URL without scheme.
    package var name: String { key.name }
    /// The 32 bytes of RFC 8032.
    package var publicKey: [UInt8] { key.publicKey }
    package var keyID: [UInt8] { key.keyID }

    package init(name: String, ed25519 publicKey: [UInt8]) throws(Refusal) {
        key = try NoteKey(name: name, type: .witness, publicKey: publicKey)
    }

    /// Reads a vkey; refuses a log's key, an unknown type and a key ID that is not the key's.
    package init(_ vkey: String) throws(Refusal) { key = try NoteKey(vkey, type: .witness) }

    package var description: String { key.description }

    func isMeant(by signature: Note.Signature) -> Bool { key.isMeant(by: signature) }

    func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool { key.verifies(signature, over: message) }
}

/// A name, an Ed25519 key, and what the key signs: what both kinds of vkey are made of.
private struct NoteKey: Hashable, Sendable {
    enum Kind: UInt8 {
        case log = 0x01
        case witness = 0x04

        var words: String { self == .log ? "a log's key has type 1" : "a witness's key has type 4" }
    }

    let name: String
    let type: Kind
    let publicKey: [UInt8]
    /// SHA-256(name ‖ 0x0A ‖ type ‖ key)[:4].
    let keyID: [UInt8]

    init(name: String, type: Kind, publicKey: [UInt8]) throws(Refusal) {
        guard Self.isName(name) else { throw Self.refuse("its name is empty or holds a space or a plus sign") }
        guard publicKey.count == 32, (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) != nil else {
            throw Self.refuse("an Ed25519 key has 32 bytes")
        }
        self.name = name
        self.type = type
        self.publicKey = publicKey
        self.keyID = Array(SHA256.hash(data: Array(name.utf8) + [0x0A, type.rawValue] + publicKey).prefix(4))
    }

    init(_ vkey: String, type: Kind) throws(Refusal) {
        let parts = vkey.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard vkey.utf8.count <= 1024, parts.count == 3, parts[1].count == 8,
            let keyID = Hex.decode(String(Substring(parts[1])))
        else { throw Self.refuse("it is not name+key ID+key") }
        guard let material = strictBase64(parts[2]), let stated = material.first else {
            throw Self.refuse("its key is not base64")
        }
        guard stated == type.rawValue else { throw Self.refuse("its type is \(stated), and \(type.words)") }
        try self.init(name: String(Substring(parts[0])), type: type, publicKey: Array(material.dropFirst()))
        guard keyID == self.keyID else { throw Self.refuse("its key ID belongs to another name or key") }
    }

    var description: String { "\(name)+\(Hex.encode(keyID))+\(Base64.encode([type.rawValue] + publicKey))" }

    static func == (a: NoteKey, b: NoteKey) -> Bool {
        a.name.utf8.elementsEqual(b.name.utf8) && a.type == b.type && a.publicKey == b.publicKey
    }

    func hash(into hasher: inout Hasher) { hasher.combine(publicKey) }

    /// By bytes: equal-looking Unicode is not equal.
    func isMeant(by signature: Note.Signature) -> Bool {
        signature.keyID == keyID && signature.name.utf8.elementsEqual(name.utf8)
    }

    func verifies(_ signature: [UInt8], over message: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: message)
    }

    /// Non-empty, without Unicode spaces, plus signs and control characters.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 }
    }

    private static func refuse(_ why: String) -> Refusal {
        Refusal(
            .malformed, "The verifier key is not usable: \(why).",
            hint: "Copy the vkey whole, as its operator published it.", rule: "C2SP signed-note, Verifier keys")
    }
}

/// RFC 4648 §4 base64 in its one canonical spelling, without white space.
func strictBase64(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard let bytes = Base64.decode(text), Base64.encode(bytes).utf8.elementsEqual(text) else { return nil }
    return bytes
}
