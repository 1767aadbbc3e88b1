import Crypto
import Trust
import Wire

/// A public key as metadata lists it (§4.2.2). Its name is the SHA-256 of its canonical form, which is always computed here and
/// never taken from anybody.
package struct MetadataKey: Sendable, Equatable {
    /// Lower-case hexadecimal.
    package let keyid: String
    /// With all its fields, also unknown ones: they belong to what the name is the hash of.
    let form: JSONValue

    /// As somebody else lists it.
    package init(form: JSONValue) {
        self.form = form
        keyid = Hex.encode(SHA256.hash(data: form.canonical))
    }

    /// As `document` gave it.
    package init(document: [UInt8]) throws(JSONFault) { self.init(form: try JSONValue(document)) }

    /// To be kept: ordinary JSON, because canonical JSON leaves the line ends of a PEM as they are.
    package var document: [UInt8] { form.document }

    /// A key of ours.
    package init(spki: [UInt8]) throws(Refusal) {
        guard let algorithm = try PublicKeys.algorithm(spki) else {
            throw Refusal(
                .malformed, "Update metadata is signed with Ed25519 or ECDSA on P-256 or P-384 here.",
                hint: "Make a key of one of these kinds.", rule: "TUF §4.2.2")
        }
        let (type, text) =
            switch algorithm {
            case .ed25519: ("ed25519", Hex.encode(spki.dropFirst(PublicKeys.ed25519Prefix.count)))
            case .p256, .p384: ("ecdsa", PEM.encode(spki, label: "PUBLIC KEY"))
            }
        self.init(
            form: .object([
                "keytype": .text(type), "scheme": .text(VerifyingKey.scheme(of: algorithm).rawValue),
                "keyval": .object(["public": .text(text)]),
            ]))
    }

    /// For checking a signature: the key itself, and its SubjectPublicKeyInfo, which is the same under whatever name it is listed. Nil
    /// for a kind that is not known here: such a key is no fault of the document, it only proves nothing.
    func opened() -> (key: VerifyingKey, spki: [UInt8])? {
        guard let fields = try? Fields(form, as: "key", of: ""), let type = try? fields.text("keytype"),
            let name = try? fields.text("scheme"), let scheme = VerifyingKey.Scheme(rawValue: name),
            let values = try? fields.object("keyval"),
            let text = try? values.text("public", limit: UpdateLimits.publicKeyBytes),
            let spki = Self.spki(type, scheme, text), let key = try? VerifyingKey(spki: spki, scheme: scheme)
        else { return nil }
        return (key, spki)
    }

    private static func spki(_ type: String, _ scheme: VerifyingKey.Scheme, _ text: String) -> [UInt8]? {
        switch (type, scheme) {
        case ("ed25519", .ed25519):
            guard let raw = Hex.decode(text), raw.count == 32 else { return nil }
            return PublicKeys.ed25519Prefix + raw
        case ("ecdsa", .ecdsaP256), ("ecdsa", .ecdsaP384), ("rsa", .rsaPSS):
            guard let blocks = try? PEM.decode(text), blocks.count == 1, blocks[0].label == "PUBLIC KEY" else {
                return nil
            }
            return blocks[0].der
        default: return nil
        }
    }

    /// The keys of a document by their names. "Clients MUST calculate each KEYID to verify this is correct" (§4.3): a key under a
    /// name that is not its hash is refused.
    static func table(_ fields: Fields) throws(MetadataRefusal) -> [String: MetadataKey] {
        guard fields.values.count <= UpdateLimits.keys else {
            throw MetadataRefusal(fields.role, "4.3", .malformed("more than \(UpdateLimits.keys) keys are listed."))
        }
        var table: [String: MetadataKey] = [:]
        for (keyid, form) in fields.values {
            let key = MetadataKey(form: form)
            guard key.keyid == keyid else {
                throw MetadataRefusal(
                    fields.role, "4.3", .malformed("a key is called \(keyid.prefix(64)), and its hash is \(key.keyid).")
                )
            }
            table[keyid] = key
        }
        return table
    }
}
