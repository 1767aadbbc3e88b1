import Crypto
import Glibc
import Registry
import Trust
import Wire

/// A certificate whose chain was verified, and the device that it names, which never changes.
final class ShownCertificate: Sendable {
    let certificate: VerifiedCertificate
    /// The authorities under which it was verified (`Authorities.era`).
    let era: Int
    private let found: Locked<DeviceID?>

    init(_ certificate: VerifiedCertificate, era: Int) {
        self.certificate = certificate
        self.era = era
        let isOperational = certificate.kind == .operational
        found = Locked(isOperational ? certificate.commonName.flatMap { try? DeviceID($0) } : nil)
    }

    /// What its device reported last, as it was written and as it was read. Most devices report the same again and again.
    private let reported = Locked<(bytes: [UInt8], report: CheckInReport)?>(nil)
    /// Reports of more bytes are read each time.
    private static let longestReport = 1024

    /// What these bytes say, if they are the very ones of the last time.
    func report(in bytes: UnsafeRawBufferPointer) -> CheckInReport? {
        reported.withLock { last in
            guard let last, last.bytes.count == bytes.count, let asked = bytes.baseAddress,
                last.bytes.withUnsafeBytes({ $0.baseAddress.map { memcmp($0, asked, bytes.count) == 0 } ?? false })
            else { return nil }
            return last.report
        }
    }

    func keep(_ report: CheckInReport, readFrom bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.longestReport, report.log.isEmpty else { return }
        let bytes = Array(bytes)
        reported.withLock { $0 = (bytes, report) }
    }

    /// An operational certificate names it; a birth certificate's is found by its serial, once.
    var device: DeviceID? {
        get { found.withLock { $0 } }
        set { found.withLock { $0 = newValue } }
    }
}

/// Certificates that were verified lately, by the SHA-256 of their DER: a device that comes again costs no signature check.
/// That it holds the key is proven by each full handshake; that it may is judged at each request.
final class ShownCertificates: Sendable {
    /// At most so many are kept: about 3 KiB each.
    static let limit = 65_536

    private struct Shard {
        var young: [SHA256Digest: ShownCertificate] = [:]
        var old: [SHA256Digest: ShownCertificate] = [:]
    }
    private static let shardCount = 16
    private let shards = (0..<shardCount).map { _ in Locked(Shard()) }
    private let authorities: Authorities

    init(authorities: Authorities) { self.authorities = authorities }

    /// Grows whenever the authorities change; what was verified before does not count any more.
    var era: Int { authorities.era }

    /// Whether what was verified still holds: the same authorities, and within its dates.
    func isCurrent(_ shown: ShownCertificate, at now: Timestamp) -> Bool {
        let reference = shown.certificate.reference
        return shown.era == era && reference.notBefore <= now && now <= reference.notAfter
    }

    func find(_ sha256: SHA256Digest) -> ShownCertificate? {
        shard(of: sha256).withLock { shard in
            if let found = shard.young[sha256] { return found }
            guard let found = shard.old[sha256] else { return nil }
            Self.put(found, sha256, in: &shard)
            return found
        }
    }

    func keep(_ shown: ShownCertificate, as sha256: SHA256Digest) {
        shard(of: sha256).withLock { Self.put(shown, sha256, in: &$0) }
    }

    /// What was not asked for while half of the places filled up goes.
    private static func put(_ shown: ShownCertificate, _ sha256: SHA256Digest, in shard: inout Shard) {
        if shard.young.count >= limit / shardCount / 2 {
            shard.old = shard.young
            shard.young = [:]
        }
        shard.young[sha256] = shown
    }

    private func shard(of sha256: SHA256Digest) -> Locked<Shard> {
        let first = sha256.withUnsafeBytes { $0[0] }
        return shards[Int(first) % Self.shardCount]
    }
}
