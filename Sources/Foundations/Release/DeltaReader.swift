import Wire

/// Makes the new image of the old one and a delta in VCDIFF (RFC 3284) while the delta arrives: one window in memory, the old
/// image read where the delta points. What comes out is nobody's word: whoever takes it compares the whole image's digest.
///
/// Of the format it takes what `xdelta3 -S none` writes: the default code table, no secondary compression, no copies from
/// earlier windows of the new image, windows of at most a mebibyte.
package struct DeltaReader {
    package static let largestWindow = 1 << 20
    /// Of a window's instructions, data and addresses together.
    static let largestBody = (1 << 20) + (256 << 10)
    private static let largestHeader = 64
    private static let largestNote = 4096
    /// Bytes of the old image that are read at once: few where the delta jumps about, more the longer it goes straight on.
    private static let ahead = (least: 4 << 10, most: 64 << 10)
    /// So often the old image may be read over by a delta; one that makes more of it is slower than the whole image.
    private static let mostReadings = 64

    /// At most so many bytes of the old image from an offset on.
    package typealias Old = (_ offset: Int, _ count: Int) throws -> [UInt8]

    private let oldSize: Int
    private var waiting: [UInt8] = []
    private var hasHeader = false
    private var block: (at: Int, bytes: [UInt8]) = (0, [])
    private var stride = Self.ahead.least
    private var readable: Int

    package init(oldSize: Int) {
        self.oldSize = oldSize
        readable = Self.mostReadings * (oldSize + Self.largestWindow)
    }

    /// - Parameter emit: gets the new image, in order, a window at a time.
    package mutating func take(_ bytes: some Collection<UInt8>, old: Old, emit: ([UInt8]) throws -> Void) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Never more than one window and what is read of the next one's beginning.
            let room = Self.largestBody + Self.largestHeader + Self.largestNote
            let piece = rest.prefix(max(1, room - waiting.count))
            waiting += piece
            rest = rest.dropFirst(piece.count)
            while let (end, window) = try next() {
                if let window { try emit(apply(window, old)) }
                waiting.removeFirst(end)
            }
            guard waiting.count < room else { throw Self.fault("a window that is too large") }
        }
    }

    /// Call it once, after the last byte.
    package func finish() throws(Refusal) {
        guard hasHeader, waiting.isEmpty else { throw Self.fault("no end") }
    }

    private static func fault(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The delta has \(what).", hint: "Fetch the whole image.", rule: "RFC 3284")
    }

    // MARK: - The parts

    private struct Window {
        var source: Range<Int>
        var size: Int
        var data: ArraySlice<UInt8>
        var instructions: ArraySlice<UInt8>
        var addresses: ArraySlice<UInt8>
    }

    /// The next part that is here as a whole: where it ends, and the window if it is one.
    private mutating func next() throws(Refusal) -> (Int, Window?)? {
        var reader = Reader(waiting[...])
        if !hasHeader {
            guard let end = try header(&reader) else { return nil }
            hasHeader = true
            return (end, nil)
        }
        return try window(&reader)
    }

    private func header(_ reader: inout Reader) throws(Refusal) -> Int? {
        guard let magic = reader.bytes(4), let flags = reader.byte() else { return nil }
        guard magic.elementsEqual([0xd6, 0xc3, 0xc4, 0]) else { throw Self.fault("no VCDIFF header") }
        guard flags & ~4 == 0 else { throw Self.fault("a compression or a code table of its own") }
        // A note of the program that wrote it, which says nothing here.
        if flags & 4 != 0 {
            guard let count = try reader.number() else { return nil }
            guard count <= Self.largestNote else { throw Self.fault("a note that is too long") }
            guard reader.bytes(count) != nil else { return nil }
        }
        return reader.at
    }

    private func window(_ reader: inout Reader) throws(Refusal) -> (Int, Window?)? {
        guard let flags = reader.byte() else { return nil }
        guard flags & ~5 == 0 else { throw Self.fault("a window of another kind") }
        var source = 0..<0
        if flags & 1 != 0 {
            guard let count = try reader.number(), let from = try reader.number() else { return nil }
            guard count <= oldSize, from <= oldSize - count else { throw Self.fault("a source behind the old image") }
            source = from..<from + count
        }
        guard let length = try reader.number() else { return nil }
        guard length <= Self.largestBody else { throw Self.fault("a window that is too large") }
        let start = reader.at
        guard let size = try reader.number(), let compression = reader.byte(), let data = try reader.number(),
            let instructions = try reader.number(), let addresses = try reader.number()
        else { return nil }
        guard size <= Self.largestWindow, compression == 0 else { throw Self.fault("a window of another kind") }
        // The checksum of a part proves less than the digest of the whole.
        if flags & 4 != 0, reader.bytes(4) == nil { return nil }
        guard reader.at - start + data + instructions + addresses == length else {
            throw Self.fault("a window whose lengths do not fit")
        }
        guard let first = reader.bytes(data), let second = reader.bytes(instructions),
            let third = reader.bytes(addresses)
        else { return nil }
        return (reader.at, Window(source: source, size: size, data: first, instructions: second, addresses: third))
    }

    // MARK: - A window

    private mutating func apply(_ window: Window, _ old: Old) throws -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(window.size)
        var (data, codes, addresses) = (
            Reader(window.data), Reader(window.instructions), Reader(window.addresses)
        )
        var cache = AddressCache()
        while let code = codes.byte() {
            for half in DeltaCodes.table[Int(code)] where half.kind != .nothing {
                var count = half.size
                if count == 0 {
                    guard let stated = try codes.number() else { throw Self.fault("an instruction without its size") }
                    count = stated
                }
                guard count <= window.size - out.count else { throw Self.fault("more than a window holds") }
                switch half.kind {
                case .nothing: break
                case .add:
                    guard let bytes = data.bytes(count) else { throw Self.fault("too few bytes to add") }
                    out += bytes
                case .run:
                    guard let byte = data.byte() else { throw Self.fault("too few bytes to add") }
                    out.append(contentsOf: repeatElement(byte, count: count))
                case .copy(let mode):
                    let here = window.source.count + out.count
                    let from = try cache.next(mode, here: here, &addresses)
                    try copy(from, count, window.source, old, &out)
                }
            }
        }
        guard out.count == window.size, data.isAtEnd, addresses.isAtEnd else {
            throw Self.fault("a window whose lengths do not fit")
        }
        return out
    }

    /// From the source, which stands before what is already made of the window.
    private mutating func copy(
        _ from: Int, _ count: Int, _ source: Range<Int>, _ old: Old, _ out: inout [UInt8]
    ) throws {
        var left = count
        if from < source.count {
            let part = min(left, source.count - from)
            out += try read(source.lowerBound + from, part, old)
            left -= part
        }
        var at = max(0, from - source.count)
        while left > 0 {
            // It may run into what it writes itself.
            let part = min(left, out.count - at)
            guard part > 0 else { throw Self.fault("a copy from nowhere") }
            out += out[at..<at + part]
            (at, left) = (at + part, left - part)
        }
    }

    private mutating func read(_ at: Int, _ count: Int, _ old: Old) throws -> ArraySlice<UInt8> {
        if at < block.at || at + count > block.at + block.bytes.count {
            let goesOn = (block.at...block.at + block.bytes.count + stride).contains(at)
            stride = goesOn ? min(stride * 2, Self.ahead.most) : Self.ahead.least
            let wanted = min(max(count, stride), oldSize - at)
            readable -= wanted
            guard readable >= 0 else { throw Self.fault("more jumps than the whole image is worth") }
            block = (at, try old(at, wanted))
            guard block.bytes.count >= count else { throw Self.fault("a source behind the old image") }
        }
        return block.bytes[(at - block.at)..<(at - block.at + count)]
    }

    // MARK: - Numbers

    /// Bytes in order; nil where they are not all there.
    struct Reader {
        private let bytes: ArraySlice<UInt8>
        private(set) var at: Int

        init(_ bytes: ArraySlice<UInt8>) {
            self.bytes = bytes
            at = bytes.startIndex
        }
        var isAtEnd: Bool { at == bytes.endIndex }

        mutating func byte() -> UInt8? {
            guard at < bytes.endIndex else { return nil }
            defer { at += 1 }
            return bytes[at]
        }

        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard count <= bytes.endIndex - at else { return nil }
            defer { at += count }
            return bytes[at..<at + count]
        }

        /// Seven bits a byte, the highest first (RFC 3284 §2); at most 49 bits.
        mutating func number() throws(Refusal) -> Int? {
            var value = 0
            for _ in 0..<7 {
                guard let next = byte() else { return nil }
                value = value << 7 | Int(next & 0x7f)
                if next & 0x80 == 0 { return value }
            }
            throw DeltaReader.fault("a number that is too large")
        }
    }

    /// Addresses near to and the same as those before (RFC 3284 §5.3).
    private struct AddressCache {
        private var near = [0, 0, 0, 0]
        private var same = [Int](repeating: 0, count: 3 * 256)
        private var slot = 0

        mutating func next(_ mode: Int, here: Int, _ addresses: inout Reader) throws(Refusal) -> Int {
            var address: Int
            if mode < 6 {
                guard let number = try addresses.number() else { throw DeltaReader.fault("a copy without its address") }
                address = mode == 0 ? number : mode == 1 ? here - number : near[mode - 2] + number
            } else {
                guard let byte = addresses.byte() else { throw DeltaReader.fault("a copy without its address") }
                address = same[(mode - 6) * 256 + Int(byte)]
            }
            guard (0..<here).contains(address) else { throw DeltaReader.fault("a copy from nowhere") }
            near[slot] = address
            slot = (slot + 1) % 4
            same[address % same.count] = address
            return address
        }
    }
}

/// What each of the 256 codes stands for (RFC 3284 §5.6).
private enum DeltaCodes {
    enum Kind: Equatable { case nothing, add, run, copy(Int) }
    struct Half {
        var kind = Kind.nothing
        /// 0 is stated behind the code.
        var size = 0
    }

    static let table: [[Half]] = {
        var table: [[Half]] = [[Half(kind: .run)]]
        for size in 0...17 { table.append([Half(kind: .add, size: size)]) }
        for mode in 0...8 {
            table.append([Half(kind: .copy(mode))])
            for size in 4...18 { table.append([Half(kind: .copy(mode), size: size)]) }
        }
        for mode in 0...8 {
            for added in 1...4 {
                for copied in 4...(mode < 6 ? 6 : 4) {
                    table.append([Half(kind: .add, size: added), Half(kind: .copy(mode), size: copied)])
                }
            }
        }
        for mode in 0...8 { table.append([Half(kind: .copy(mode), size: 4), Half(kind: .add, size: 1)]) }
        return table
    }()
}
