import Foundation
import Wire

#if canImport(Glibc)
import Glibc
#endif

/// A look through SQLite's write-ahead log (https://sqlite.org/fileformat2.html, section 4) before SQLite opens it.
///
/// SQLite takes the first frame whose checksum does not fit for the end of the log, as a power cut leaves it, and forgets
/// without a word what stands behind. A power cut can tear the last transaction only, because each is synced before the
/// next begins: two commits of the same generation behind a torn frame were answered, and would be lost.
enum WriteAheadLog {
    private static let headerBytes = 32
    private static let frameHeaderBytes = 24

    /// Refuses a log that is damaged in the middle. Another program may be writing it: what was found must be found twice.
    static func demandWhole(_ path: String) throws(Refusal) {
        guard let first = damage(in: path), let second = damage(in: path), first == second else { return }
        throw Refusal(
            .unavailable,
            "The write-ahead log \(path) is damaged at its page \(first.frame + 1); \(first.commits) commits behind it would be lost.",
            hint: "Keep a copy of the home and restore the newest backup; removing the file gives up all that it holds."
        )
    }

    struct Damage: Equatable {
        /// The first frame that does not fit, from 0.
        var frame: Int
        /// Commits behind it.
        var commits: Int
        /// Of the generation that was looked at.
        var salts: UInt64
    }

    private static func damage(in path: String) -> Damage? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard let header = read(file, headerBytes, at: 0) else { return nil }
        let (magic, pageBytes) = (header.big32(0), Int(header.big32(8)))
        let isBigEndian = magic & 1 == 1
        var sum = Checksum(isBigEndian: isBigEndian)
        sum.add(header[0..<24])
        // A log without a header that fits is one that was being begun anew.
        guard magic & ~1 == 0x377f_0682, (512...65_536).contains(pageBytes), sum.fits(header, at: 24) else {
            return nil
        }
        let salts = header.big64(16)
        var (frame, broken, commits) = (0, Int?.none, 0)
        while let bytes = read(
            file, frameHeaderBytes + pageBytes, at: headerBytes + frame * (frameHeaderBytes + pageBytes))
        {
            let isOurs = bytes.big64(8) == salts
            if broken == nil {
                sum.add(bytes[0..<8])
                sum.add(bytes[frameHeaderBytes...])
                if !isOurs || !sum.fits(bytes, at: 16) { broken = frame }
            } else if isOurs, bytes.big32(4) != 0 {
                // The size of the database after a commit stands in its last frame only.
                commits += 1
            }
            frame += 1
        }
        guard let broken, commits >= 2 else { return nil }
        return Damage(frame: broken, commits: commits, salts: salts)
    }

    /// Nil if so many bytes are not there.
    private static func read(_ file: Int32, _ count: Int, at place: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(file, buffer.baseAddress, count, off_t(place)))
        }
        return bytes.count == count ? bytes : nil
    }

    private struct Checksum {
        let isBigEndian: Bool
        var one: UInt32 = 0
        var two: UInt32 = 0

        mutating func add(_ bytes: ArraySlice<UInt8>) {
            var (one, two) = (one, two)
            bytes.withUnsafeBytes { buffer in
                for place in stride(from: 0, to: buffer.count - 7, by: 8) {
                    var first = buffer.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                    var second = buffer.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
                    if isBigEndian { (first, second) = (first.bigEndian, second.bigEndian) }
                    one &+= first &+ two
                    two &+= second &+ one
                }
            }
            (self.one, self.two) = (one, two)
        }

        func fits(_ bytes: [UInt8], at place: Int) -> Bool {
            bytes.big32(place) == one && bytes.big32(place + 4) == two
        }
    }
}

extension [UInt8] {
    fileprivate func big32(_ place: Int) -> UInt32 { self[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    fileprivate func big64(_ place: Int) -> UInt64 { UInt64(big32(place)) << 32 | UInt64(big32(place + 4)) }
}
