import Trust
import Wire

/// Who signs for a role, and how many of them must.
package struct Signers: Sendable, Equatable {
    /// Each name once, in the order in which they are listed.
    package let keyids: [String]
    package let threshold: Int
    /// Those of them whose keys are there.
    let keys: [String: MetadataKey]

    /// - Parameter threshold: at least 1; more than there are keys is a role that nobody can sign for.
    package init(_ keys: [MetadataKey], threshold: Int) {
        keyids = keys.map(\.keyid)
        self.threshold = threshold
        self.keys = Dictionary(keys.map { ($0.keyid, $0) }) { first, _ in first }
    }

    package func key(_ keyid: String) -> MetadataKey? { keys[keyid] }

    /// The same keys, of which so many must sign; nil leaves it as it is.
    package func with(threshold: Int?) -> Signers {
        Signers(keyids: keyids, threshold: threshold ?? self.threshold, keys: keys)
    }

    private init(keyids: [String], threshold: Int, keys: [String: MetadataKey]) {
        self.keyids = keyids
        self.threshold = threshold
        self.keys = keys
    }

    init(_ fields: Fields, keys: [String: MetadataKey]) throws(MetadataRefusal) {
        let names = try fields.texts("keyids", limit: UpdateLimits.keyids, bytes: 64)
        guard Set(names).count == names.count else { throw fields.fault("keyids", "names a key twice") }
        keyids = names
        threshold = try fields.integer("threshold", 1...UpdateLimits.keyids)
        self.keys = Dictionary(uniqueKeysWithValues: names.compactMap { name in keys[name].map { (name, $0) } })
    }

    var fields: [String: JSONValue] {
        ["keyids": .list(keyids.map { .text($0) }), "threshold": .integer(Int64(threshold))]
    }

    /// The different keys that signed, each counted once under whatever names it is listed (§5.3.4).
    func count(_ envelope: Envelope) -> Int {
        var proven: Set<[UInt8]> = []
        for signature in envelope.signatures {
            guard let key = keys[signature.keyid]?.opened(), !proven.contains(key.spki),
                let bytes = Hex.decode(signature.value), !bytes.isEmpty,
                key.key.verifies(bytes, over: envelope.signedBytes)
            else { continue }
            proven.insert(key.spki)
        }
        return proven.count
    }

    /// - Parameter name: whose list of keys this is, for the refusal: "root 4".
    func demand(_ envelope: Envelope, of role: String, by name: String, _ rule: String) throws(MetadataRefusal) {
        let valid = count(envelope)
        guard valid >= threshold else {
            throw MetadataRefusal(role, rule, .tooFewSignatures(valid: valid, threshold: threshold, by: name))
        }
    }
}
