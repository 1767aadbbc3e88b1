import Wire

/// Up to 256 entries of the log in one resource (C2SP tlog-tiles, Log entries): each behind its length as 16 bits,
/// big-endian.
package enum EntryBundle {
    /// Bound of one entry, in bytes: its length has 16 bits.
    package static let maximumEntryBytes = 65_535
    /// Bound of a bundle, in bytes.
    package static let maximumBytes = TileID.fullWidth * (2 + maximumEntryBytes)

    package static func encode(_ entries: [[UInt8]]) throws(Refusal) -> [UInt8] {
        guard entries.count <= TileID.fullWidth else {
            throw refuse("\(entries.count) entries; 256 are allowed")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.reduce(0) { $0 + $1.count + 2 })
        for entry in entries {
            guard entry.count <= maximumEntryBytes else {
                throw refuse("an entry of \(entry.count) bytes; 65535 are allowed")
            }
            bytes.append(UInt8(entry.count >> 8))
            bytes.append(UInt8(entry.count & 0xff))
            bytes += entry
        }
        return bytes
    }

    /// The entries of a bundle of exactly `count`; refuses one that is cut, or has bytes behind its end.
    package static func decode(_ bytes: [UInt8], count: Int) throws(Refusal) -> [[UInt8]] {
        let entries = try decode(prefix: count, of: bytes)
        guard entries.end == bytes.count else { throw refuse("bytes behind the last of its \(count) entries") }
        return entries.entries
    }

    /// The first `count` entries: a full bundle may stand in for a partial one that was deleted.
    package static func decode(
        prefix count: Int, of bytes: [UInt8]
    ) throws(Refusal) -> (entries: [[UInt8]], end: Int) {
        var entries: [[UInt8]] = []
        var at = 0
        for _ in 0..<min(count, TileID.fullWidth) {
            guard at + 2 <= bytes.count else { throw refuse("\(entries.count) entries where \(count) belong") }
            let end = at + 2 + Int(bytes[at]) << 8 + Int(bytes[at + 1])
            guard end <= bytes.count else { throw refuse("a cut entry") }
            entries.append(Array(bytes[(at + 2)..<end]))
            at = end
        }
        return (entries, at)
    }

    private static func refuse(_ what: String) -> Refusal {
        Refusal(
            .malformed, "The entry bundle has \(what).",
            hint: "Fetch the bundle again, from a mirror if that persists.",
            rule: "C2SP tlog-tiles, Log entries")
    }
}
