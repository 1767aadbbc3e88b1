import Crypto
import Wire

/// A Mender artifact of format version 3, read and judged as it comes, in pieces of any size: order, list of files, every checksum,
/// and what it says of itself. Keeps the header, and of the payloads nothing.
///
/// Parts that nobody signs (`manifest-augment`, `header-augment`) are refused, and so is compression other than gzip's.
package struct ArtifactReader {
    /// What a whole, sound artifact says, and what its maker signed of it.
    package struct Found: Sendable, Equatable {
        package let artifact: MenderArtifact
        package let manifest: SignedManifest
    }

    /// Bytes that all payloads together may unpack to.
    package static let maximumPayloadBytes = 64 << 30
    /// What payloads of ordinary files stay below: images that are mostly empty, and of the rest times as many as the artifact has.
    private static let ordinaryPayloadBytes = 1 << 30
    private static let ordinaryRatio = 200
    private static let maximumSmallBytes = 64 * 1024
    private static let maximumHeaderBytes = 8 << 20

    private enum Place: Equatable {
        case version, manifest, signature
        case header(packed: Bool)
        case payload(Int, packed: Bool)

        /// In which order the parts come.
        var rank: Int {
            switch self {
            case .version: 0
            case .manifest: 1
            case .signature: 2
            case .header: 3
            case .payload(let number, _): 4 + number
            }
        }
    }

    private struct PayloadFile {
        var name: String
        var hash = SHA256()
    }

    private var tar = TarStream()
    private var place: Place?
    /// The rank of the part before.
    private var last = -1
    private var name = ""
    private var held: [UInt8] = []
    private var gunzip: Gunzip?
    private var manifest: ArtifactManifest?
    private var signed: [UInt8] = []
    private var signature: [UInt8]?
    private var version: [UInt8] = []
    private var artifact: MenderArtifact?
    private var payload = TarStream()
    private var file: PayloadFile?
    /// Bytes that packed payloads may unpack to yet.
    private var left: Int

    /// - Parameter limit: bytes that all packed payloads together may unpack to.
    package init(limit: Int = maximumPayloadBytes) { left = limit }

    /// How far the payloads of an artifact of so many bytes may unpack.
    package static func limit(ofArtifact size: Int) -> Int {
        max(ordinaryPayloadBytes, min(size, maximumPayloadBytes / ordinaryRatio) * ordinaryRatio)
    }

    /// Whether a file that begins so claims to be such an artifact: a tar archive, in whatever form, whose first file is called "version"
    /// and names the format. Whether it is one, the reader says, and why not.
    /// - Parameter head: as much as there is at once; at least what stands before the end of the first file.
    package static func isClaimed(by head: [UInt8]) -> Bool {
        guard let file = TarStream.firstFile(in: head),
            ["version", "./version"].contains(where: { file.name.elementsEqual($0.utf8) })
        else { return false }
        let (needle, text) = (Array("\"mender\"".utf8), file.content.prefix(maximumSmallBytes))
        return text.indices.contains { text[$0...].starts(with: needle) }
    }

    package mutating func take(_ bytes: [UInt8]) throws(Refusal) {
        var rest = bytes[...]
        while let part = try tar.next(&rest) {
            switch part {
            case .file(let name, let size): try begin(name, size)
            case .bytes(let piece): try take(piece)
            case .endOfFile: try end()
            }
        }
    }

    /// Call it once, after the last byte.
    package mutating func finish() throws(Refusal) -> Found {
        guard tar.isOver, let artifact, last == Place.payload(artifact.payloads.count - 1, packed: false).rank else {
            throw Self.bad("ends too early.", "end")
        }
        try manifest?.finish()
        return Found(artifact: artifact, manifest: SignedManifest(bytes: signed, signature: signature))
    }

    // MARK: - The parts

    private mutating func begin(_ name: String, _ size: Int) throws(Refusal) {
        let next = try Self.place(of: name)
        let isNext =
            switch next {
            case .version: last == -1
            case .manifest: last == 0
            case .signature: last == 1
            case .header: last == 1 || last == 2
            case .payload(let number, _): last == 3 + number && number < artifact?.payloads.count ?? 0
            }
        guard isNext else { throw Self.bad("has \(name.prefix(80)) where it does not belong.", "order") }
        switch next {
        case .version, .signature: try Self.demand(size, atMost: Self.maximumSmallBytes)
        case .manifest: try Self.demand(size, atMost: ArtifactManifest.maximumBytes)
        case .header: try Self.demand(size, atMost: Self.maximumHeaderBytes)
        case .payload(_, let isPacked):
            payload = TarStream()
            gunzip = isPacked ? try Gunzip(limit: left) : nil
        }
        (place, last, held, self.name) = (next, next.rank, [], name)
    }

    private mutating func take(_ piece: ArraySlice<UInt8>) throws(Refusal) {
        guard case .payload = place else {
            held += piece
            return
        }
        guard let gunzip else { return try unpacked(piece) }
        try gunzip.take(piece) { (piece: ArraySlice<UInt8>) throws(Refusal) in
            left -= piece.count
            try unpacked(piece)
        }
    }

    private mutating func end() throws(Refusal) {
        switch place {
        case .version: try readVersion()
        case .manifest:
            signed = held
            manifest = try ArtifactManifest(held)
            try manifest?.check("version", Self.digest(version))
        case .signature:
            guard let decoded = Base64.decode(held) else {
                throw Self.bad("has a signature that is not Base64.", "sig")
            }
            signature = decoded
        case .header(let isPacked): try readHeader(isPacked)
        case .payload:
            try gunzip?.finish()
            guard payload.isOver else { throw Self.bad("has a payload that ends too early.", "end") }
        case nil: break
        }
        (place, held) = (nil, [])
    }

    private mutating func readVersion() throws(Refusal) {
        struct Version: Decodable {
            var format: String
            var version: Int
        }
        let read = try CanonicalJSON.decode(Version.self, from: held)
        guard read.format == "mender", read.version == 3 else {
            throw Self.bad("has the format \(read.format.prefix(20)) \(read.version).", "version")
        }
        version = held
    }

    private mutating func readHeader(_ isPacked: Bool) throws(Refusal) {
        try manifest?.check(name, Self.digest(held))
        var header = ArtifactHeader()
        if isPacked {
            let gunzip = try Gunzip(limit: ArtifactHeader.maximumBytes)
            try gunzip.take(held[...]) { (piece: ArraySlice<UInt8>) throws(Refusal) in try header.take(piece) }
            try gunzip.finish()
        } else {
            try header.take(held[...])
        }
        artifact = try header.finish()
    }

    /// Bytes of a payload's own archive.
    private mutating func unpacked(_ piece: ArraySlice<UInt8>) throws(Refusal) {
        guard case .payload(let number, _) = place else { return }
        var rest = piece
        while let part = try payload.next(&rest) {
            switch part {
            case .file(let name, _):
                let digits = "000\(number)".suffix(4)
                file = PayloadFile(name: "data/\(digits)/\(name)")
            case .bytes(let piece): piece.withUnsafeBytes { file?.hash.update(bufferPointer: $0) }
            case .endOfFile:
                if let file { try manifest?.check(file.name, Wire.Digest(file.hash.finalize())) }
                file = nil
            }
        }
    }

    // MARK: - Names

    private static func place(of name: String) throws(Refusal) -> Place {
        switch name {
        case "version": return .version
        case "manifest": return .manifest
        case "manifest.sig": return .signature
        case "header.tar": return .header(packed: false)
        case "header.tar.gz": return .header(packed: true)
        default: break
        }
        let rest = name.dropFirst("data/".count)
        if name.hasPrefix("data/"), let number = ArtifactHeader.number(rest.prefix(4)) {
            switch rest.dropFirst(4) {
            case ".tar": return .payload(number, packed: false)
            case ".tar.gz": return .payload(number, packed: true)
            default: break
            }
        }
        guard !name.contains("augment") else {
            throw bad("has parts that nobody signs: \(name.prefix(80))", "augment")
        }
        guard !name.hasSuffix(".xz"), !name.hasSuffix(".zst") else {
            throw Refusal(
                .unsupported, "The artifact is packed with something else than gzip.",
                hint: "Write it with --compression gzip, or none.", rule: "mender: compression")
        }
        throw bad("has a part that is not known: \(name.prefix(80))", "part")
    }

    private static func demand(_ size: Int, atMost limit: Int) throws(Refusal) {
        guard size <= limit else { throw bad("has a part of \(size) bytes; \(limit) are allowed.", "size") }
    }

    private static func digest(_ bytes: [UInt8]) -> Wire.Digest { Wire.Digest(SHA256.hash(data: bytes)) }

    private static func bad(_ what: String, _ rule: String) -> Refusal {
        Refusal(
            .malformed, "The artifact \(what)", hint: "Write the artifact with mender-artifact.",
            rule: "mender: \(rule)")
    }
}
