import Mender
import Samples
import Testing
import Wire

@Suite struct `The form of a Mender artifact` {
    /// The rule that refuses it; nil: it is taken.
    private func rule(_ bytes: [UInt8], limit: Int = ArtifactReader.maximumPayloadBytes) -> String? {
        var reader = ArtifactReader(limit: limit)
        do throws(Refusal) {
            try reader.take(bytes)
            _ = try reader.finish()
            return nil
        } catch {
            return error.rule ?? "\(error)"
        }
    }

    /// The names of an archive's files, or the rule that refuses it.
    private func names(_ bytes: [UInt8]) -> [String] {
        var (tar, rest, names) = (TarStream(), bytes[...], [String]())
        do throws(Refusal) {
            while let part = try tar.next(&rest) { if case .file(let name, _) = part { names.append(name) } }
            return names
        } catch {
            return [error.rule ?? "\(error)"]
        }
    }

    /// A record of an extended header, its length included in its length.
    private func record(_ text: String) -> [UInt8] {
        var count = text.utf8.count + 2
        while "\(count)".utf8.count + text.utf8.count + 2 != count { count += 1 }
        return Array("\(count) \(text)\n".utf8)
    }

    private func extended(_ text: String, kind: Character = "x") -> [UInt8] {
        SampleTar.entry("extended", record(text), kind: kind)
    }

    @Test func `has all the payloads that its header names, and one at least`() throws {
        var sample = SampleArtifact()
        sample.payloads = 2
        #expect(try rule(sample.bytes()) == nil)
        // The second is in no list but the header's.
        var parts = try sample.parts()
        let lines = String(decoding: parts[1].bytes, as: UTF8.self).split(separator: "\n")
        parts[1].bytes = Array(
            lines.filter { !$0.hasSuffix("data/0001/image.bin") }.map { "\($0)\n" }.joined().utf8)
        parts.removeLast()
        #expect(rule(SampleTar.write(parts)) == "mender: end")
        sample.payloads = 0
        #expect(try rule(sample.bytes()) == "mender: header payloads")
    }

    @Test func `says nothing that would make other files of the same bytes`() {
        let file = SampleTar.entry("a", [1, 2, 3])
        for ordinary in [
            "mtime=1.5", "atime=1", "ctime=1", "uid=1000", "gid=1000", "uname=me", "gname=us", "comment=x",
        ] { #expect(names(extended(ordinary) + file) == ["a"], "\(ordinary)") }
        for other in [
            "GNU.sparse.major=1", "GNU.sparse.name=b", "GNU.sparse.realsize=9", "hdrcharset=BINARY", "charset=x",
            "linkpath=b", "SCHILY.realsize=9", "SCHILY.xattr.user.x=1", "LIBARCHIVE.creationtime=1", "Path=b", "=b",
        ] { #expect(names(extended(other) + file) == ["tar: pax"], "\(other)") }
        // Keys are bytes, also those that are no text.
        let strange = SampleTar.entry("extended", [0x37, 0x20, 0xff, 0x3d, 0x62, 0x78, 0x0a], kind: "x")
        #expect(names(strange + file) == ["tar: pax"])
    }

    @Test func `is POSIX's, and GNU's only where both mean the same`() {
        func entry(_ change: (inout [UInt8]) -> Void) -> [UInt8] { SampleTar.entry("a", [1], change: change) }
        func put(_ text: String, _ place: Int, in header: inout [UInt8]) {
            header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
        }
        #expect(names(entry { put("folder", 345, in: &$0) }) == ["folder/a"])
        #expect(names(entry { put("ustar  \0", 257, in: &$0) }) == ["a"])
        let times = entry { header in
            put("ustar  \0", 257, in: &header)
            put("14764063412", 345, in: &header)
        }
        #expect(names(times) == ["tar: ustar"])
        #expect(names(entry { put("tar", 508, in: &$0) }) == ["tar: ustar"])
        #expect(names(entry { put("ustarx", 257, in: &$0) }) == ["tar: ustar"])
    }

    @Test func `is claimed by whatever tar would unpack as one, and then judged`() throws {
        let sample = SampleArtifact()
        let version = Array(sample.version.utf8)
        let rest = try SampleTar.write(Array(sample.parts().dropFirst()))
        let (plain, other) = (SampleTar.entry("version", version), SampleTar.entry("v", version))
        let foreign = SampleTar.entry("./version", version)
        let folder = SampleTar.entry("./", [], kind: "5")
        let long = SampleTar.entry("././@LongLink", Array("version\0".utf8), kind: "L")
        let claims: [(head: [[UInt8]], rule: String?)] = [
            ([plain], nil), ([extended("mtime=1.5"), plain], nil), ([extended("path=version"), other], nil),
            ([foreign], "tar: name"), ([folder, foreign], "tar: name"),
            ([extended("comment=x", kind: "g"), plain], "tar: type"), ([extended("hdrcharset=x"), plain], "tar: pax"),
            ([long, other], "tar: type"),
        ]
        for (number, claim) in claims.enumerated() {
            let head = Array(claim.head.joined())
            #expect(ArtifactReader.isClaimed(by: head), "\(number)")
            #expect(rule(head + rest) == claim.rule, "\(number)")
        }
        // What names the format stands behind the first kilobyte.
        var wide = sample
        wide.version = "{\(String(repeating: " ", count: 600))\(sample.version.dropFirst())"
        let bytes = try wide.bytes()
        #expect(ArtifactReader.isClaimed(by: bytes) && rule(bytes) == nil)
        let others: [[UInt8]] = [
            [], [UInt8](repeating: 0, count: 1024), Array(plain.prefix(515)), other, other + plain,
            SampleTar.entry("version", Array("1.0".utf8)), SampleTar.entry("version", [], kind: "5"),
            Array(extended("path=version").prefix(520)), version,
        ]
        for (number, head) in others.enumerated() { #expect(!ArtifactReader.isClaimed(by: head), "\(number)") }
    }

    @Test func `unpacks no further than its bound, all payloads together`() throws {
        var sample = SampleArtifact(payload: [UInt8](repeating: 0, count: 100_000))
        sample.payloads = 2
        /// An archive of 102,400 bytes with that file.
        let text = """
            H4sIAAAAAAACA+3NQQrCMBRF0b+UrkBCEut6Iohk0A6s7t9QRHABOpBzJhfe5PWlXS+Hc1/je9Iw17p3+GxJJdf39tpPx1xiSvED\
            j+3ebuMyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACAf/cE6dgIxwCQAQA=
            """
        let packed = try #require(Base64.decode(text))
        let parts = try sample.parts().map { part -> SampleTar.File in
            part.name.hasPrefix("data/") ? (name: part.name + ".gz", bytes: packed) : part
        }
        let bytes = SampleTar.write(parts)
        #expect(rule(bytes) == nil && rule(bytes, limit: 204_800) == nil)
        for limit in [204_799, 150_000, 102_399, 0] { #expect(rule(bytes, limit: limit) == "gzip: size", "\(limit)") }
        // Of a whole file: a gibibyte, and of a larger one two hundred times its size.
        #expect(ArtifactReader.limit(ofArtifact: 100) == 1 << 30)
        #expect(ArtifactReader.limit(ofArtifact: 64 << 20) == 200 * 64 << 20)
        #expect(ArtifactReader.limit(ofArtifact: .max) <= ArtifactReader.maximumPayloadBytes)
    }
}
