import Wire

/// One tile of hashes (C2SP tlog-tiles, Merkle Tree): at level l, its n-th run of 256 hashes of subtrees of 256^l
/// leaves.
package struct TileID: Hashable, Sendable, Codable {
    /// Hashes of a full tile, and entries of a full bundle.
    package static let fullWidth = 256

    package let level: Int
    package let index: Int64

    package init(level: Int, index: Int64) {
        self.level = level
        self.index = index
    }

    /// Relative to the log's prefix: "tile/0/x001/x234/067", with ".p/5" behind it for a partial tile of 5 hashes.
    package func path(width: Int = fullWidth) -> String {
        TilePath(kind: .hashes(level: level), index: index, width: width).text
    }

    /// How many hashes this tile has in a tree of `size` leaves: 0 if it does not exist there.
    package func width(inTreeOf size: Int64) -> Int {
        let (full, rest) = (size >> Int64(8 * level)).quotientAndRemainder(dividingBy: Int64(Self.fullWidth))
        return index < full ? Self.fullWidth : index == full ? Int(rest) : 0
    }
}

/// A path of tlog-tiles, as the public door serves it and a mirror stores it. Paths that are not written exactly as the
/// text demands (leading zeros, missing "x") are not paths, so that each resource has one address.
package struct TilePath: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case hashes(level: Int)
        case entries
    }

    package let kind: Kind
    package let index: Int64
    /// 1 to 256; 256 is the full tile.
    package let width: Int

    package init(kind: Kind, index: Int64, width: Int = TileID.fullWidth) {
        precondition(index >= 0 && (1...TileID.fullWidth).contains(width), "a tile has 1 to 256 hashes")
        self.kind = kind
        self.index = index
        self.width = width
    }

    package static func entries(_ index: Int64, width: Int = TileID.fullWidth) -> TilePath {
        TilePath(kind: .entries, index: index, width: width)
    }

    /// The hash tile that the path names; nil for an entry bundle.
    package var tile: TileID? {
        guard case .hashes(let level) = kind else { return nil }
        return TileID(level: level, index: index)
    }

    package var text: String {
        let room: String
        switch kind {
        case .hashes(let level): room = "tile/\(level)/"
        case .entries: room = "tile/entries/"
        }
        return room + Self.elements(index) + (width == TileID.fullWidth ? "" : ".p/\(width)")
    }

    /// Reads a path without a leading slash; nil for anything that is not the one spelling of a tile's path.
    package init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "tile" else { return nil }
        let kind: Kind
        if parts[1] == "entries" {
            kind = .entries
        } else {
            guard let level = Self.number(parts[1]), level <= 63 else { return nil }
            kind = .hashes(level: Int(level))
        }
        var width = TileID.fullWidth
        if parts[parts.count - 2].hasSuffix(".p") {
            guard let partial = Self.number(parts.removeLast()), (1..<Int64(TileID.fullWidth)).contains(partial) else {
                return nil
            }
            width = Int(partial)
            parts[parts.count - 1].removeLast(2)
        }
        guard let index = Self.index(parts.dropFirst(2)) else { return nil }
        self.init(kind: kind, index: index, width: width)
        guard self.text.utf8.elementsEqual(text.utf8) else { return nil }
    }

    /// Groups of three digits, all but the last behind an "x": 1234067 is "x001/x234/067".
    private static func elements(_ index: Int64) -> String {
        var (rest, groups) = (index, [String]())
        repeat {
            let digits = String(rest % 1000)
            groups.append(String(repeating: "0", count: 3 - digits.utf8.count) + digits)
            rest /= 1000
        } while rest > 0
        return groups.reversed().enumerated()
            .map { $0.offset < groups.count - 1 ? "x" + $0.element : $0.element }.joined(separator: "/")
    }

    private static func index(_ elements: ArraySlice<Substring>) -> Int64? {
        // Six groups: more than that, and 2^63 leaves could not fill them.
        guard (1...6).contains(elements.count) else { return nil }
        var index: Int64 = 0
        for element in elements {
            let digits = element.utf8.drop { $0 == UInt8(ascii: "x") }
            guard digits.count == 3, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
            index = digits.reduce(index) { $0 * 10 + Int64($1 - 48) }
        }
        // What follows it, in leaves, must still be a number: strangers choose this one.
        return index < Int64.max / Int64(TileID.fullWidth) ? index : nil
    }

    private static func number(_ text: Substring) -> Int64? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
