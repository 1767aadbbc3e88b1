import Wire

/// What a release's target says to the device that considers it (`custom`, §4.5): its place in the order of releases, and where it
/// may be installed. A list that is empty allows everything, except hardware, which is always named.
package struct ReleaseTerms: Sendable, Equatable {
    /// Grows with every release of a layer; a device goes to no lower one.
    package let sequence: Int
    /// What people call it: "1.4.2".
    package let version: String
    /// Names of the hardware that it runs on.
    package let hardware: [String]
    /// Versions that it may follow.
    package let from: [String]
    /// Versions of the bootloader that it starts under.
    package let bootloader: [String]
    /// Versions of the network module that it speaks with.
    package let network: [String]
    /// SHA-256 of its bill of materials and of its provenance, as they were admitted; nil where none was attached.
    package let sbom: Digest?
    package let provenance: Digest?
    /// What lies in the store, where that is not the target itself: length and hashes of the target are of what is installed.
    package let encrypted: EncryptedForm?
    /// The manifest of the release that a device which runs this one may go back to.
    package private(set) var mayReturnTo: Digest?

    package enum Bound {
        /// Entries of a list, and bytes of each and of the version.
        package static let entries = 64
        package static let bytes = 64
        package static let sequence = 1...(Int(1) << 53 - 1)
    }

    package init(
        sequence: Int, version: String, hardware: [String], from: [String] = [], bootloader: [String] = [],
        network: [String] = [], sbom: Digest? = nil, provenance: Digest? = nil, encrypted: EncryptedForm? = nil,
        mayReturnTo: Digest? = nil
    ) throws(Refusal) {
        let lists = [hardware, from, bootloader, network]
        let isPlain = (lists.flatMap { $0 } + [version, encrypted?.kind].compactMap { $0 }).allSatisfy { text in
            (1...Bound.bytes).contains(text.utf8.count)
                && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
        }
        guard Bound.sequence.contains(sequence), isPlain, !hardware.isEmpty,
            lists.allSatisfy({ $0.count <= Bound.entries }),
            [sbom, provenance, encrypted?.sha256, mayReturnTo].allSatisfy({ $0.map { $0.bytes.count == 32 } ?? true }),
            encrypted.map({ Bound.sequence.contains($0.size) }) ?? true
        else {
            throw Refusal(
                .malformed, "A field of the release is out of range.",
                hint:
                    "Use a sequence above 0, a hardware name, and printable texts and lists of at most \(Bound.entries)."
            )
        }
        self.sequence = sequence
        self.version = version
        self.hardware = hardware
        self.from = from
        self.bootloader = bootloader
        self.network = network
        self.sbom = sbom
        self.provenance = provenance
        self.encrypted = encrypted
        self.mayReturnTo = mayReturnTo
    }

    /// The same with a way back.
    package func returning(to release: Digest) -> ReleaseTerms {
        var terms = self
        terms.mayReturnTo = release
        return terms
    }

    /// As a target carries it. Fields that nobody here knows are passed over.
    package init(_ target: TargetFile, of role: String) throws(MetadataRefusal) {
        let fields = try Fields(target.custom, as: "custom", of: role)
        func texts(_ name: String) throws(MetadataRefusal) -> [String] {
            guard fields.values[name] != nil else { return [] }
            return try fields.texts(name, limit: Bound.entries, bytes: Bound.bytes)
        }
        func digest(_ name: String) throws(MetadataRefusal) -> Digest? {
            fields.values[name] == nil ? nil : try fields.sha256(name)
        }
        let sequence = try fields.integer("sequence", Bound.sequence)
        let version = try fields.text("version", limit: Bound.bytes)
        let lists = (try texts("hardware"), try texts("from"), try texts("bootloader"), try texts("network"))
        let digests = (try digest("sbom"), try digest("provenance"), try digest("mayReturnTo"))
        let encrypted = fields.values["encrypted"] == nil ? nil : try Self.form(try fields.object("encrypted"))
        do throws(Refusal) {
            self = try ReleaseTerms(
                sequence: sequence, version: version, hardware: lists.0, from: lists.1, bootloader: lists.2,
                network: lists.3, sbom: digests.0, provenance: digests.1, encrypted: encrypted, mayReturnTo: digests.2)
        } catch { throw fields.fault("custom", "does not say where the release may be installed") }
    }

    private static func form(_ fields: Fields) throws(MetadataRefusal) -> EncryptedForm {
        EncryptedForm(
            kind: try fields.text("kind", limit: Bound.bytes), sha256: try fields.sha256("sha256"),
            size: try fields.integer("length", Bound.sequence))
    }

    package var custom: JSONValue {
        let lists = [("hardware", hardware), ("from", from), ("bootloader", bootloader), ("network", network)]
        let filled = lists.filter { !$0.1.isEmpty }.map { ($0.0, JSONValue.list($0.1.map { .text($0) })) }
        var custom = Dictionary(uniqueKeysWithValues: filled)
        custom["sequence"] = .integer(Int64(sequence))
        custom["version"] = .text(version)
        if let sbom { custom["sbom"] = .text(sbom.description) }
        if let provenance { custom["provenance"] = .text(provenance.description) }
        if let mayReturnTo { custom["mayReturnTo"] = .text(mayReturnTo.description) }
        if let encrypted {
            custom["encrypted"] = .object([
                "kind": .text(encrypted.kind), "length": .integer(Int64(encrypted.size)),
                "sha256": .text(encrypted.sha256.description),
            ])
        }
        return .object(custom)
    }
}
