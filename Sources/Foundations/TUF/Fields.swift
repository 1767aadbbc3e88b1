import Wire

/// The fields of one object, each read with its bounds. What is not asked for is not looked at, as §4.1 wants it.
struct Fields {
    let role: String
    let name: String
    let values: [String: JSONValue]

    init(_ value: JSONValue?, as name: String, of role: String) throws(MetadataRefusal) {
        guard case .object(let values) = value else {
            throw MetadataRefusal(role, "4.2.1", .malformed("\"\(name.prefix(128))\" is not an object."))
        }
        (self.role, self.name, self.values) = (role, name, values)
    }

    func fault(_ field: String, _ what: String) -> MetadataRefusal {
        MetadataRefusal(role, "4.2", .malformed("\"\(field.prefix(128))\" in \"\(name.prefix(128))\" \(what)."))
    }

    func text(_ field: String, limit: Int = 256) throws(MetadataRefusal) -> String {
        guard case .text(let text) = values[field], text.utf8.count <= limit else {
            throw fault(field, "is not a text of at most \(limit) bytes")
        }
        return text
    }

    func integer(_ field: String, _ range: ClosedRange<Int>) throws(MetadataRefusal) -> Int {
        guard case .integer(let number) = values[field], let value = Int(exactly: number), range.contains(value) else {
            throw fault(field, "is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func sha256(_ field: String) throws(MetadataRefusal) -> Digest {
        guard let digest = Digest(hex: try text(field, limit: 64)), digest.bytes.count == 32 else {
            throw fault(field, "is not a SHA-256")
        }
        return digest
    }

    /// Nil where the field is not there.
    func flag(_ field: String) throws(MetadataRefusal) -> Bool? {
        guard let value = values[field] else { return nil }
        guard case .flag(let flag) = value else { throw fault(field, "is neither true nor false") }
        return flag
    }

    func object(_ field: String) throws(MetadataRefusal) -> Fields {
        try Fields(values[field], as: field, of: role)
    }

    func list(_ field: String, limit: Int) throws(MetadataRefusal) -> [JSONValue] {
        guard case .list(let values) = values[field], values.count <= limit else {
            throw fault(field, "is not a list of at most \(limit)")
        }
        return values
    }

    func texts(_ field: String, limit: Int, bytes: Int) throws(MetadataRefusal) -> [String] {
        var texts: [String] = []
        for value in try list(field, limit: limit) {
            guard case .text(let text) = value, text.utf8.count <= bytes else {
                throw fault(field, "has an entry that is not a text of at most \(bytes) bytes")
            }
            texts.append(text)
        }
        return texts
    }

    /// "YYYY-MM-DDTHH:MM:SSZ" and nothing else (§4.2.3).
    func instant(_ field: String) throws(MetadataRefusal) -> Timestamp {
        let text = try text(field)
        guard text.utf8.count == 20, let instant = Timestamp(text) else {
            throw fault(field, "is not an instant like 1985-10-21T01:21:00Z")
        }
        return instant
    }
}

extension Timestamp {
    /// As metadata writes it, cut to whole seconds.
    var inMetadata: JSONValue { .text(String(description.prefix(19)) + "Z") }
}
