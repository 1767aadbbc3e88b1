/// What an archive claims to be, read as leniently as tar's own tools read it; whether it may be used, the stream itself says.
extension TarStream {
    /// The first file of an archive that begins so, where tools that take more than this reader would find it: behind extended headers
    /// of all kinds, long names and folders. Its name, and as much of it as is there; nil if there is none.
    static func firstFile(in head: [UInt8]) -> (name: [UInt8], content: ArraySlice<UInt8>)? {
        var place = 0
        var long: [UInt8]?
        while head.count - place >= block {
            let header = Array(head[place..<place + block])
            guard header[257..<262].elementsEqual("ustar".utf8), let size = try? number(header[124..<136]) else {
                return nil
            }
            place += block
            let content = head[place...].prefix(size)
            switch header[156] {
            case UInt8(ascii: "x"): long = longName(in: content) ?? long
            case UInt8(ascii: "L"): long = Array(content.prefix { $0 != 0 })
            case UInt8(ascii: "g"), UInt8(ascii: "K"): break
            case UInt8(ascii: "5"): long = nil
            default: return (long ?? Array(header[0..<100].prefix { $0 != 0 }), content)
            }
            place += size + padding(size)
        }
        return nil
    }

    /// "LENGTH path=VALUE\n": the last one counts.
    private static func longName(in records: ArraySlice<UInt8>) -> [UInt8]? {
        records.split(separator: UInt8(ascii: "\n")).compactMap { record -> [UInt8]? in
            let pair = record.drop { (48...57).contains($0) }
            let key = Array(" path=".utf8)
            return pair.starts(with: key) ? Array(pair.dropFirst(key.count)) : nil
        }.last
    }
}
