import Wire

/// The parts of an artifact's header, as they stand in its JSON. What is not named here is ignored.
struct ArtifactHeader {
    private struct Info: Decodable {
        struct Payload: Decodable { var type: String? }
        struct Provides: Decodable {
            var artifact_name: String
            var artifact_group: String?
        }
        var payloads: [Payload]
        var artifact_provides: Provides
        var artifact_depends: [String: Values]
    }

    private struct TypeInfo: Decodable {
        var type: String?
        var artifact_provides: [String: String]?
        var artifact_depends: [String: Values]?
    }

    /// One, or several of which one must be.
    private struct Values: Decodable {
        var all: [String]
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                all = [one]
            } else {
                all = try container.decode([String].self)
            }
        }
    }

    /// Bytes of the whole header, unpacked: scripts count.
    static let maximumBytes = 16 << 20
    private static let maximumPayloads = 64
    private static let maximumValues = 256
    private static let maximumTextBytes = 256

    private var info: Info?
    private var types: [Int: TypeInfo] = [:]
    private var tar = TarStream()
    private var file: (name: String, bytes: [UInt8])?

    /// The header's archive, whole or in pieces.
    mutating func take(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        var rest = bytes
        while let part = try tar.next(&rest) {
            switch part {
            case .file(let name, let size):
                guard size <= Self.maximumBytes else { throw Self.bad("is too large.", "size") }
                guard info != nil || name == "header-info" else {
                    throw Self.bad("does not begin with header-info.", "order")
                }
                file = (name, [])
            case .bytes(let piece): file?.bytes += piece
            case .endOfFile:
                if let file { try read(file.name, file.bytes) }
                file = nil
            }
        }
    }

    private mutating func read(_ name: String, _ bytes: [UInt8]) throws(Refusal) {
        if name == "header-info" {
            guard info == nil else { throw Self.bad("has header-info twice.", "order") }
            let read = try CanonicalJSON.decode(Info.self, from: bytes)
            guard (1...Self.maximumPayloads).contains(read.payloads.count) else {
                throw Self.bad("has no payload, or too many.", "payloads")
            }
            info = read
            return
        }
        let parts = name.split(separator: "/")
        if parts.count == 2, parts[0] == "scripts" { return }
        guard parts.count == 3, parts[0] == "headers", let number = Self.number(parts[1]),
            number < info?.payloads.count ?? 0
        else { throw Self.bad("has a file that does not belong there: \(name.prefix(80))", "file") }
        switch parts[2] {
        case "type-info":
            guard types.updateValue(try CanonicalJSON.decode(TypeInfo.self, from: bytes), forKey: number) == nil else {
                throw Self.bad("has a type-info twice.", "order")
            }
        case "meta-data", "files": break
        default: throw Self.bad("has a file that does not belong there: \(name.prefix(80))", "file")
        }
    }

    /// "0007": four digits.
    static func number(_ text: Substring) -> Int? {
        guard text.utf8.count == 4, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    /// What it all says, after its last byte.
    func finish() throws(Refusal) -> MenderArtifact {
        guard tar.isOver, let info else { throw Self.bad("ends too early.", "end") }
        var needs = info.artifact_depends.mapValues(\.all)
        var provides: [String: String] = [:]
        if let group = info.artifact_provides.artifact_group { provides["artifact_group"] = group }
        for (number, payload) in info.payloads.enumerated() {
            guard let type = types[number], type.type == payload.type, let kind = payload.type else {
                throw Self.bad("has no type-info of the type of payload \(number).", "type-info")
            }
            try Self.check([kind])
            needs.merge((type.artifact_depends ?? [:]).mapValues(\.all)) { $1 }
            provides.merge(type.artifact_provides ?? [:]) { $1 }
        }
        let devices = needs.removeValue(forKey: MenderArtifact.deviceType) ?? []
        guard !devices.isEmpty else { throw Self.bad("names no kind of device.", "device_type") }
        var texts = [info.artifact_provides.artifact_name]
        texts += devices
        texts += needs.keys
        texts += needs.values.joined()
        texts += provides.keys
        texts += provides.values
        try Self.check(texts)
        return MenderArtifact(
            name: info.artifact_provides.artifact_name, deviceTypes: devices, needs: needs, provides: provides,
            payloads: info.payloads.compactMap(\.type))
    }

    private static func check(_ texts: [String]) throws(Refusal) {
        let isSound = texts.allSatisfy { text in
            (1...maximumTextBytes).contains(text.utf8.count)
                && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }
        guard isSound, texts.count <= maximumValues else {
            throw bad(
                "has a name or value that is empty, longer than \(maximumTextBytes) bytes or not printable, or too many.",
                "text")
        }
    }

    static func bad(_ what: String, _ rule: String) -> Refusal {
        Refusal(
            .malformed, "The artifact's header \(what)", hint: "Write the artifact with mender-artifact.",
            rule: "mender: header \(rule)")
    }
}
