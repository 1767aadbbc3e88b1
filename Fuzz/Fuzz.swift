import Ledger
import Passport
import Server
import Trust
import Wire

/// One libFuzzer program for every parser of outside bytes: `lifelong-fuzz TARGET [libFuzzer options] [corpus]`.
/// Built by `make fuzz` only (docs/decisions/0009-fuzzing.md); a finding is a crash, a hang, or memory without bound.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

typealias Target = @Sendable ([UInt8]) -> Void

enum Targets {
    static let now = Timestamp(year: 2026, month: 11, day: 21)
    /// A verifier with no anchors still parses and checks the leaf.
    static let verifier = try? ChainVerifier(anchors: [], intermediates: [])

    static let all: [String: Target] = [
        "request": { _ = try? VerifiedRequest(der: $0) },
        "request-body": { _ = try? VerifiedRequest(base64Body: $0) },
        "certificate": { bytes in
            for purpose in [ChainVerifier.Purpose.birth, .operational, .server("device.example"), .any] {
                _ = verifier?.verify(leaf: bytes, at: now, purpose: purpose)
            }
        },
        "chain": { bytes in
            // The first byte says where the leaf ends; what is behind it came along as an intermediate.
            guard let cut = bytes.first.map({ Int($0) * 8 }), cut < bytes.count else { return }
            _ = verifier?.verify(
                leaf: Array(bytes[1..<max(1, cut)]), extraIntermediates: [Array(bytes[cut...])], at: now, purpose: .any)
        },
        "crl": { _ = try? CertificateRevocationList(der: $0, issuer: $0, at: now) },
        "ocsp-request": { _ = try? OCSP.parseRequest($0) },
        "bundle": { _ = try? CertificateBundle.decode($0) },
        "pem": { _ = try? PEM.decode(String(decoding: $0, as: UTF8.self)) },
        "note": { bytes in
            guard let note = try? Note(bytes) else { return }
            _ = try? note.verified(by: [])
        },
        "checkpoint": { _ = try? Checkpoint(text: String(decoding: $0, as: UTF8.self)) },
        "vkey": { _ = try? VerifierKey(String(decoding: $0, as: UTF8.self)) },
        "tile-path": { _ = TilePath(String(decoding: $0, as: UTF8.self)) },
        "entry-bundle": { bytes in
            guard let count = bytes.first else { return }
            _ = try? EntryBundle.decode(Array(bytes.dropFirst()), count: Int(count))
        },
        "seal": { bytes in
            guard let seal = try? CanonicalJSON.decode(Seal.self, from: bytes) else { return }
            _ = try? seal.verified(type: Seal.PayloadType.receipt, by: [bytes])
        },
        "check-in": { bytes in
            // The fast reader accepts less than the general one, never more and never differently.
            let general = try? CanonicalJSON.decode(CheckInReport.self, from: bytes)
            let plain = bytes.withUnsafeBytes { CheckInReport(plain: $0) }
            precondition(plain == nil || plain == general)
        },
        "receipt": { _ = try? CanonicalJSON.decode(Receipt.self, from: $0) },
        "permit": { _ = try? CanonicalJSON.decode(Permit.self, from: $0) },
        "births": { _ = try? CanonicalJSON.decode(BirthManifest.self, from: $0) },
        "line": { _ = try? CanonicalJSON.decode(LineMessage.self, from: $0) },
        "manifest": { _ = try? CanonicalJSON.decode(ReleaseManifest.self, from: $0) },
        "entry": { bytes in
            guard let entry = try? CanonicalJSON.decode(Entry.self, from: bytes), let device = entry.device else {
                return
            }
            _ = try? Passport.advance(nil, device: device, by: entry.event, at: entry.at)
        },
        "evidence": { _ = try? CanonicalJSON.decode(Evidence.self, from: $0) },
        "form": { _ = try? Form($0) },
        "secret": { bytes in
            // A stored hash comes from a manifest; deriving is bounded by what `isHash` lets through.
            _ = PairingSecret.isHash(String(decoding: bytes, as: UTF8.self))
        },
        "timestamp": { bytes in
            guard let time = Timestamp(String(decoding: bytes, as: UTF8.self)) else { return }
            precondition(Timestamp(time.description) == time)
        },
    ]
}

nonisolated(unsafe) private var chosen: Target = { _ in }

@main
struct Fuzz {
    static func main() {
        let names = Targets.all.keys.sorted()
        guard CommandLine.arguments.count > 1, let target = Targets.all[CommandLine.arguments[1]] else {
            print(names.joined(separator: "\n"))
            return
        }
        chosen = target
        // libFuzzer sees the program's name and the options behind the target's.
        var arguments =
            [CommandLine.unsafeArgv[0]] + (2..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] } + [nil]
        var count = CommandLine.argc - 1
        arguments.withUnsafeMutableBufferPointer { buffer in
            guard var base = buffer.baseAddress as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? else { return }
            withUnsafeMutablePointer(to: &base) { pointer in
                pointer.withMemoryRebound(
                    to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1
                ) { rebound in
                    _ = runDriver(&count, rebound) { bytes, length in
                        chosen(Array(UnsafeBufferPointer(start: bytes, count: length)))
                        return 0
                    }
                }
            }
        }
    }
}
