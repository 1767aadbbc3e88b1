import Crypto
import Wire

/// The hashes of a file by their algorithms. At least one kind must be known here, and every known one must be right.
package struct FileHashes: Sendable, Equatable {
    package enum Algorithm: String, Sendable, CaseIterable { case sha256, sha384, sha512 }

    /// All that are stated, known or not: lower-case hexadecimal by name.
    package let values: [String: String]

    package init(_ values: [Algorithm: Wire.Digest]) {
        self.init(named: Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) }))
    }

    package init(named values: [String: Wire.Digest]) { self.values = values.mapValues(\.description) }

    init(_ fields: Fields) throws(MetadataRefusal) {
        guard (1...8).contains(fields.values.count) else { throw fields.fault("hashes", "has none, or more than 8") }
        var values: [String: String] = [:]
        for name in fields.values.keys {
            let text = try fields.text(name)
            guard Hex.decode(text) != nil, !text.isEmpty else { throw fields.fault(name, "is not hexadecimal") }
            values[name] = text.lowercased()
        }
        self.values = values
    }

    var form: JSONValue { .object(values.mapValues { .text($0) }) }

    /// Those that can be checked here, strongest last.
    var known: [(algorithm: Algorithm, value: String)] {
        Algorithm.allCases.compactMap { algorithm in values[algorithm.rawValue].map { (algorithm, $0) } }
    }

    static func hash(_ algorithm: Algorithm, _ bytes: [UInt8]) -> String {
        switch algorithm {
        case .sha256: Hex.encode(SHA256.hash(data: bytes))
        case .sha384: Hex.encode(SHA384.hash(data: bytes))
        case .sha512: Hex.encode(SHA512.hash(data: bytes))
        }
    }
}

/// What timestamp and snapshot say of a metadata file (METAFILES, §4.4).
package struct ListedFile: Sendable, Equatable {
    package let version: Int
    /// Bytes; nil where it is not stated.
    package let length: Int?
    package let hashes: FileHashes?

    package init(version: Int, length: Int? = nil, hashes: FileHashes? = nil) {
        self.version = version
        self.length = length
        self.hashes = hashes
    }

    init(_ fields: Fields) throws(MetadataRefusal) {
        version = try fields.integer("version", UpdateLimits.version)
        length = fields.values["length"] == nil ? nil : try fields.integer("length", UpdateLimits.length)
        hashes = fields.values["hashes"] == nil ? nil : try FileHashes(try fields.object("hashes"))
    }

    var form: JSONValue {
        var form: [String: JSONValue] = ["version": .integer(Int64(version))]
        if let length { form["length"] = .integer(Int64(length)) }
        if let hashes { form["hashes"] = hashes.form }
        return .object(form)
    }

    static func table(_ fields: Fields) throws(MetadataRefusal) -> [String: ListedFile] {
        var table: [String: ListedFile] = [:]
        for (name, value) in fields.values {
            guard name.hasSuffix(".json"), name.utf8.count <= UpdateLimits.nameBytes + 5 else {
                throw fields.fault(name, "is no metadata file's name")
            }
            table[name] = try ListedFile(Fields(value, as: name, of: fields.role))
        }
        return table
    }

    /// Length and hashes, before anything of the document is looked at (§5.5.2, §5.6.2).
    func demand(_ bytes: [UInt8], of role: String, _ rule: String) throws(MetadataRefusal) {
        if let length, length != bytes.count {
            throw MetadataRefusal(role, rule, .otherLength(expected: length, found: bytes.count))
        }
        guard let hashes else { return }
        guard !hashes.known.isEmpty else { throw MetadataRefusal(role, rule, .unknownHashes) }
        for (algorithm, value) in hashes.known where FileHashes.hash(algorithm, bytes) != value {
            throw MetadataRefusal(role, rule, .otherHash(algorithm: algorithm.rawValue))
        }
    }

    /// How many bytes to read of it.
    func limit(_ largest: Int, of role: String, _ rule: String) throws(MetadataRefusal) -> Int {
        guard let length else { return largest }
        guard length <= largest else { throw MetadataRefusal(role, rule, .tooLarge(bytes: length, limit: largest)) }
        return length
    }
}
