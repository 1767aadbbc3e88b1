import Wire

import struct Crypto.SHA256

/// RFC 9162 §2.1 word for word, by recursion over leaf data: slow, obvious, and without a line of the code under test.
struct NaiveTree {
    let leaves: [[UInt8]]

    /// The leaves "0", "1", … of a tree of `count`.
    init(counting count: Int) { leaves = (0..<count).map { Array("leaf \($0)".utf8) } }
    init(_ leaves: [[UInt8]]) { self.leaves = leaves }

    var root: Digest { root(leaves.count) }
    func root(_ size: Int) -> Digest { Digest(Self.hash(leaves[..<size])) }
    func leafHash(_ index: Int) -> Digest { Digest(Self.hash(leaves[index...index])) }

    func path(_ index: Int, _ size: Int) -> [Digest] { Self.path(index, leaves[..<size]).map { Digest($0) } }
    func consistency(_ old: Int, _ new: Int) -> [Digest] { Self.subproof(old, leaves[..<new], true).map { Digest($0) } }

    static func hash(_ data: ArraySlice<[UInt8]>) -> [UInt8] {
        guard data.count > 1 else {
            return data.first.map { Array(SHA256.hash(data: [0] + $0)) } ?? Array(SHA256.hash(data: [UInt8]()))
        }
        let k = split(data.count)
        return Array(SHA256.hash(data: [1] + hash(data.prefix(k)) + hash(data.dropFirst(k))))
    }

    private static func path(_ m: Int, _ data: ArraySlice<[UInt8]>) -> [[UInt8]] {
        guard data.count > 1 else { return [] }
        let k = split(data.count)
        return m < k
            ? path(m, data.prefix(k)) + [hash(data.dropFirst(k))]
            : path(m - k, data.dropFirst(k)) + [hash(data.prefix(k))]
    }

    private static func subproof(_ m: Int, _ data: ArraySlice<[UInt8]>, _ b: Bool) -> [[UInt8]] {
        if m == data.count { return b ? [] : [hash(data)] }
        let k = split(data.count)
        return m <= k
            ? subproof(m, data.prefix(k), b) + [hash(data.dropFirst(k))]
            : subproof(m - k, data.dropFirst(k), false) + [hash(data.prefix(k))]
    }

    private static func split(_ n: Int) -> Int {
        var k = 1
        while k * 2 < n { k *= 2 }
        return k
    }
}

func digest(_ hex: String) -> Digest { Digest(hex: hex)! }

extension Digest {
    func flippingBit(_ bit: Int) -> Digest {
        var copy = self
        copy.bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return copy
    }
}
