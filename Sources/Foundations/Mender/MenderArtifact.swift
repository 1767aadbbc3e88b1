import Wire

/// What a Mender artifact (format version 3) says of itself: who it is for, and what it makes of a device.
package struct MenderArtifact: Codable, Sendable, Equatable {
    /// "artifact_name": what a device calls the release that it runs.
    package var name: String
    /// Kinds of device that may take it.
    package var deviceTypes: [String]
    /// What the device must say of itself, beside its type: one of the values of each name.
    package var needs: [String: [String]]
    /// What the device says of itself afterwards.
    package var provides: [String: String]
    /// Kinds of payload, in order: each is installed by the update module of that name.
    package var payloads: [String]

    package init(
        name: String, deviceTypes: [String], needs: [String: [String]], provides: [String: String], payloads: [String]
    ) {
        self.name = name
        self.deviceTypes = deviceTypes
        self.needs = needs
        self.provides = provides
        self.payloads = payloads
    }

    package static let deviceType = "device_type"

    /// Why a device that says this of itself cannot take the artifact; nil if it can.
    /// - Parameter isWhole: it has said everything; what it left out it has not.
    package func misfit(_ said: [String: String], isWhole: Bool) -> String? {
        let all = needs.merging([Self.deviceType: deviceTypes]) { $1 }
        for (name, values) in all.sorted(by: { $0.key < $1.key }) {
            guard let value = said[name] else {
                if isWhole || name == Self.deviceType { return "The artifact needs \(name), which the device has not." }
                continue
            }
            if !values.contains(value) {
                return "The artifact needs \(name) \(values.joined(separator: " or ")), and the device has \(value)."
            }
        }
        return nil
    }
}

/// The list of an artifact's files and their SHA-256, as it was signed.
package struct SignedManifest: Sendable, Equatable {
    /// Exactly what is signed.
    package let bytes: [UInt8]
    /// As it stands in the artifact, before Base64 was taken off; nil for one that is not signed.
    package let signature: [UInt8]?

    package init(bytes: [UInt8], signature: [UInt8]?) {
        self.bytes = bytes
        self.signature = signature
    }

    /// Refuses a manifest that none of these keys signed.
    /// - Parameter keys: DER SubjectPublicKeyInfo of each.
    package func demand(signedByOneOf keys: [[UInt8]]) throws(Refusal) {
        guard let signature else {
            throw Refusal(
                .forbidden, "The artifact is not signed, and its product has keys for that.",
                hint: "Sign it: mender-artifact sign -k KEY.", rule: "mender: manifest.sig")
        }
        guard keys.contains(where: { ManifestSignature.verifies(signature, over: bytes, spki: $0) }) else {
            throw Refusal(
                .forbidden, "The artifact's signature is by none of its product's keys on P-256, RSA or Ed25519.",
                hint:
                    "Name the key that signs artifacts: lifelong product publish --artifact-key. Else its signers' count.",
                rule: "mender: manifest.sig")
        }
    }
}
