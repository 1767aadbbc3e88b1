import Wire

/// The keys that one believes for a kind of document, and how they change: by a statement under one of them, never back.
package struct BelievedKeys: Sendable, Equatable {
    package let role: KeySuccession.Role
    /// SubjectPublicKeyInfos.
    package private(set) var keys: [[UInt8]]
    /// Of the statement that named them; 0 if they were given by hand or at birth.
    package private(set) var number: Int

    package init(_ role: KeySuccession.Role, keys: [[UInt8]], number: Int) {
        self.role = role
        self.keys = keys
        self.number = number
    }

    /// Whether the statement says nothing that is not known already.
    package func knows(_ seal: Seal) -> Bool {
        guard seal.payload.utf8.count <= 2 * KeySuccession.maximumBytes, let bytes = try? seal.payloadBytes(),
            let statement = try? CanonicalJSON.decode(
                KeySuccession.self, from: bytes, limit: KeySuccession.maximumBytes)
        else { return false }
        return statement.role == role && statement.number <= number
    }

    /// Takes what the statement says, or refuses and stays as it was.
    ///
    /// It has to be signed by a key that is believed now, and by each one that it names: nobody is made to believe a key
    /// that nobody holds.
    package mutating func follow(_ seal: Seal) throws(Refusal) {
        let bytes = try seal.verified(
            type: Seal.PayloadType.succession, by: keys, limit: KeySuccession.maximumBytes)
        let statement = try CanonicalJSON.decode(KeySuccession.self, from: bytes, limit: KeySuccession.maximumBytes)
        guard statement.role == role else {
            throw Self.refuse(
                .forbidden, "The succession is of the \(statement.role.rawValue) key, not of the \(role.rawValue) key.",
                "role")
        }
        guard statement.number > number else {
            throw Self.refuse(
                .conflict,
                "The succession has number \(statement.number), which is not above \(number), which is known.",
                "anti-rollback")
        }
        var named: [[UInt8]] = []
        guard (1...KeySuccession.maximumKeys).contains(statement.keys.count) else {
            throw Self.refuse(
                .malformed,
                "The succession names \(statement.keys.count) keys; 1 to \(KeySuccession.maximumKeys) are allowed.",
                "keys")
        }
        for text in statement.keys {
            guard text.utf8.count <= 1024, let spki = Base64.decode(text), !named.contains(spki) else {
                throw Self.refuse(.malformed, "The succession names a key twice, or one that is none.", "keys")
            }
            _ = try PublicKeys.algorithm(spki)
            _ = try seal.verified(type: Seal.PayloadType.succession, by: [spki], limit: KeySuccession.maximumBytes)
            named.append(spki)
        }
        keys = named
        number = statement.number
    }

    private static func refuse(_ code: Refusal.Code, _ detail: String, _ rule: String) -> Refusal {
        Refusal(
            code, detail, hint: "Take the statements of the service as they were signed, the oldest first.",
            rule: "succession: \(rule)")
    }
}
