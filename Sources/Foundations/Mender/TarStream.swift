import Wire

/// A tar archive (POSIX.1-1988 ustar, with the path and size records of pax) as it arrives, in order, in pieces of any size.
/// Holds one header at most, and takes regular files and folders only: nothing else is in an artifact.
package struct TarStream: Sendable {
    package enum Part: Equatable, Sendable {
        /// A file begins. Its name is relative, and leads nowhere else.
        case file(name: String, size: Int)
        case bytes(ArraySlice<UInt8>)
        case endOfFile
    }

    private enum State: Equatable {
        case header
        case content(left: Int, padding: Int)
        case pax(left: Int, padding: Int)
        case padding(left: Int)
        /// After the block of zeros that ends an archive: nothing but zeros.
        case over
    }

    static let block = 512
    private static let longestPax = 64 * 1024
    private static let longestName = 1024
    /// Keys of extended headers that nobody here asks for. Any other could make another file of the same bytes for whoever reads the
    /// archive next (GNU.sparse, hdrcharset, SCHILY.realsize).
    private static let passedOver = ["mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"]

    private var state = State.header
    /// Bytes of a header or record that has not come whole.
    private var held: [UInt8] = []
    private var path: String?
    private var size: Int?

    package init() {}

    /// Whether the archive came to its end.
    package var isOver: Bool { state == .over }

    /// The next part that `bytes` hold, which it takes from them; nil if they are used up.
    package mutating func next(_ bytes: inout ArraySlice<UInt8>) throws(Refusal) -> Part? {
        while true {
            switch state {
            case .header:
                guard let header = collect(Self.block, from: &bytes) else { return nil }
                if let file = try begin(header) { return file }
            case .content(0, let padding):
                state = .padding(left: padding)
                return .endOfFile
            case .content(let left, let padding):
                guard !bytes.isEmpty else { return nil }
                let piece = bytes.prefix(left)
                bytes = bytes.dropFirst(piece.count)
                state = .content(left: left - piece.count, padding: padding)
                return .bytes(piece)
            case .pax(let left, let padding):
                guard let records = collect(left, from: &bytes) else { return nil }
                try read(records)
                state = .padding(left: padding)
            case .padding(let left):
                let taken = min(left, bytes.count)
                bytes = bytes.dropFirst(taken)
                state = taken < left ? .padding(left: left - taken) : .header
                guard taken == left else { return nil }
            case .over:
                guard bytes.allSatisfy({ $0 == 0 }) else { throw Self.bad("goes on after its end.", "end") }
                bytes = []
                return nil
            }
        }
    }

    /// So many bytes, if they are there; else all that are, for the next time.
    private mutating func collect(_ count: Int, from bytes: inout ArraySlice<UInt8>) -> [UInt8]? {
        let piece = bytes.prefix(count - held.count)
        held += piece
        bytes = bytes.dropFirst(piece.count)
        guard held.count == count else { return nil }
        defer { held = [] }
        return held
    }

    // MARK: - A header

    private mutating func begin(_ header: [UInt8]) throws(Refusal) -> Part? {
        if header.allSatisfy({ $0 == 0 }) {
            guard path == nil, size == nil else { throw Self.bad("ends where a file should begin.", "end") }
            state = .over
            return nil
        }
        try Self.check(header)
        let stated = try Self.number(header[124..<136])
        let kind = header[156]
        guard kind != UInt8(ascii: "x") else {
            guard path == nil, size == nil, (1...Self.longestPax).contains(stated) else {
                throw Self.bad("has an extended header of \(stated) bytes, or two of them.", "pax")
            }
            state = .pax(left: stated, padding: Self.padding(stated))
            return nil
        }
        var name = path ?? ""
        if path == nil { name = try Self.name(header) }
        let count = size ?? stated
        (path, size) = (nil, nil)
        switch kind {
        case 0, UInt8(ascii: "0"):
            try Self.check(name: name)
            state = .content(left: count, padding: Self.padding(count))
            return .file(name: name, size: count)
        case UInt8(ascii: "5") where count == 0:
            return nil
        default:
            throw Self.bad("has an entry that is neither a file nor a folder.", "type")
        }
    }

    /// POSIX's form, or GNU's older one as long as nothing stands where the two differ; and the sum of all bytes, those of the sum
    /// itself taken as spaces.
    private static func check(_ header: [UInt8]) throws(Refusal) {
        let isPOSIX = header[257..<263].elementsEqual("ustar\0".utf8)
        let isGNU = header[257..<263].elementsEqual("ustar ".utf8)
        guard isPOSIX || isGNU else { throw bad("is no tar archive.", "ustar") }
        // Times and maps of holes in GNU's form (345), times in that of star (476, which says so at 508): elsewhere a part of the name.
        guard header[(isPOSIX ? 500 : 345)...].allSatisfy({ $0 == 0 }) else {
            throw bad("has a header with fields of GNU tar or star.", "ustar")
        }
        var sum = 0
        for (place, byte) in header.enumerated() { sum += (148..<156).contains(place) ? 32 : Int(byte) }
        guard try number(header[148..<156]) == sum else { throw bad("has a header with a wrong sum.", "checksum") }
    }

    /// Octal digits between spaces, ended by a space or zero.
    static func number(_ field: ArraySlice<UInt8>) throws(Refusal) -> Int {
        let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
        guard digits.count <= 12, digits.allSatisfy({ (48...55).contains($0) }) else {
            throw bad("has a header with a number that is not octal.", "number")
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 48) }
    }

    private static func name(_ header: [UInt8]) throws(Refusal) -> String {
        let parts = [header[345..<500], header[0..<100]].map { $0.prefix { $0 != 0 } }.filter { !$0.isEmpty }
        return try text(Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }

    private static func text(_ bytes: some Collection<UInt8>) throws(Refusal) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw bad("has a name that is not UTF-8.", "name")
        }
        return text
    }

    private static func check(name: String) throws(Refusal) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard isPlain, name.utf8.count <= longestName, parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
            throw bad("has a file whose name is empty, absolute, too long, or leads elsewhere.", "name")
        }
    }

    static func padding(_ size: Int) -> Int { (block - size % block) % block }

    // MARK: - Extended headers

    /// "LENGTH KEY=VALUE\n", the length counting itself.
    private mutating func read(_ records: [UInt8]) throws(Refusal) {
        var rest = records[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (48...57).contains($0) }
            guard (1...6).contains(digits.count), let length = Int(String(decoding: digits, as: UTF8.self)),
                length > digits.count + 2, length <= rest.count
            else { throw Self.bad("has an extended header that cannot be read.", "pax") }
            let record = rest.prefix(length)
            rest = rest.dropFirst(length)
            let pair = record.dropFirst(digits.count)
            guard pair.first == 32, pair.last == 10, let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
                throw Self.bad("has an extended header that cannot be read.", "pax")
            }
            let (key, value) = (pair[pair.startIndex + 1..<equals], pair[equals + 1..<pair.endIndex - 1])
            func isKey(_ name: String) -> Bool { key.elementsEqual(name.utf8) }
            if isKey("path") {
                path = try Self.text(value)
            } else if isKey("size") {
                guard (1...15).contains(value.count), value.allSatisfy({ (48...57).contains($0) }) else {
                    throw Self.bad("has an extended header with a size that is no number.", "pax")
                }
                size = value.reduce(0) { $0 * 10 + Int($1 - 48) }
            } else if !Self.passedOver.contains(where: isKey) {
                throw Self.bad("has an extended header with more than is allowed.", "pax")
            }
        }
    }

    private static func bad(_ what: String, _ rule: String) -> Refusal {
        Refusal(
            .malformed, "A tar archive in the artifact \(what)", hint: "Write the artifact with mender-artifact.",
            rule: "tar: \(rule)")
    }
}
