import Crypto
import Foundation
import Trust
import Wire

/// Makes many certificates that differ in names, serials, keys and dates only: the bytes of a real one are found once, and
/// then replaced and signed. Every thousandth is read back and verified with the registry's own code.
struct CertificateMould: Sendable {
    /// What is replaced; in the sample each has bytes that occur nowhere else.
    struct Fill: Sendable {
        var serial: [UInt8]
        var point: [UInt8]
        var name: [UInt8]
        var notBefore: Timestamp
        var notAfter: Timestamp
    }

    private let authority: Authority
    private let tbs: [UInt8]
    private let serialAt: [Int]
    private let pointAt: [Int]
    private let identifierAt: [Int]
    private let nameAt: [Int]
    private let notBeforeAt: [Int]
    private let notAfterAt: [Int]

    /// - Parameter make: makes the certificate of a sample.
    init(_ authority: Authority, sample: Fill, make: (Fill) throws -> CertificateIntent) throws {
        self.authority = authority
        tbs = try make(sample).tbs
        serialAt = Self.places(of: sample.serial, in: tbs)
        pointAt = Self.places(of: sample.point, in: tbs)
        identifierAt = Self.places(of: Array(Insecure.SHA1.hash(data: sample.point)), in: tbs)
        nameAt = Self.places(of: sample.name, in: tbs)
        notBeforeAt = Self.places(of: Self.text(sample.notBefore), in: tbs)
        notAfterAt = Self.places(of: Self.text(sample.notAfter), in: tbs)
        guard serialAt.count == 1, pointAt.count == 1, identifierAt.count == 1, !nameAt.isEmpty, !notBeforeAt.isEmpty,
            !notAfterAt.isEmpty
        else { throw Refusal(.internal, "The sample certificate has no place for a part.", hint: "Fix the mould.") }
    }

    func certificate(_ fill: Fill, check: Bool) throws -> [UInt8] {
        var tbs = tbs
        func put(_ bytes: [UInt8], at places: [Int]) {
            for place in places { tbs.replaceSubrange(place..<(place + bytes.count), with: bytes) }
        }
        put(fill.serial, at: serialAt)
        put(fill.point, at: pointAt)
        put(Array(Insecure.SHA1.hash(data: fill.point)), at: identifierAt)
        put(fill.name, at: nameAt)
        put(Self.text(fill.notBefore), at: notBeforeAt)
        put(Self.text(fill.notAfter), at: notAfterAt)
        let signature = try authority.key.signature(over: tbs)
        let body = tbs + Self.ecdsaWithSHA256 + Self.header(0x03, signature.count + 1) + [0] + signature
        let der = Self.header(0x30, body.count) + body
        if check { _ = try authority.reference(der) }
        return der
    }

    private static let ecdsaWithSHA256: [UInt8] = [
        0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
    ]

    private static func header(_ tag: UInt8, _ length: Int) -> [UInt8] {
        length < 128
            ? [tag, UInt8(length)]
            : length < 256 ? [tag, 0x81, UInt8(length)] : [tag, 0x82, UInt8(length >> 8), UInt8(length & 0xff)]
    }

    /// As UTCTime, or as GeneralizedTime for the end of all time (RFC 5280 §4.1.2.5).
    private static func text(_ at: Timestamp) -> [UInt8] {
        let c = at.civil
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        let rest = "\(two(c.month))\(two(c.day))\(two(c.hour))\(two(c.minute))\(two(c.second))Z"
        return Array((c.year < 2050 ? two(c.year % 100) : "\(c.year)").utf8) + Array(rest.utf8)
    }

    private static func places(of part: [UInt8], in whole: [UInt8]) -> [Int] {
        var places: [Int] = []
        var at = 0
        while at + part.count <= whole.count {
            if whole[at] == part[0], whole[at..<(at + part.count)].elementsEqual(part) {
                places.append(at)
                at += part.count
            } else {
                at += 1
            }
        }
        return places
    }
}
