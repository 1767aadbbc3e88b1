import Foundation
import Keys
import KeysPKCS11
import Testing
import Trust
import Wire
import Workbench

/// SoftHSM whose folder is a file system of a few pages, and then one that cannot be written.
@Suite(.enabled(if: TokenBench.isInstalled() && SmallDisk.isPossible()), .serialized) struct `A full token` {
    @Test func `refuses new keys, keeps nothing half made, and signs on`() async throws {
        let bench = try await TokenBench()
        let disk = try await SmallDisk(under: bench)
        defer { disk.remove() }
        let keys = try await bench.open()
        let first = try keys.make(KeyLabel(trusted: "first"), algorithm: .p256)
        var refused: Refusal?
        var made = 1
        for number in 0..<40 where refused == nil {
            do {
                _ = try keys.make(KeyLabel("more-\(number)"), algorithm: .p256)
                made += 1
            } catch let refusal as Refusal { refused = refusal }
        }
        #expect(
            refused?.code == .unavailable && refused?.hint.contains("space") == true, "\(String(describing: refused))")
        #expect(try keys.labels().count == made)
        #expect(PublicKeys.verify(signature: try first.signature(over: [1]), over: [1], spki: first.publicKeyDER))
        #expect(throws: Refusal.self) { try keys.makeWrapping(KeyLabel(trusted: "wrapping")) }
        try await disk.remount("size=1m")
        _ = try keys.make(KeyLabel(trusted: "after"), algorithm: .p256)
        try keys.makeWrapping(KeyLabel(trusted: "wrapping"))
        #expect(
            try keys.unwrap(
                keys.wrap([1], under: KeyLabel(trusted: "wrapping"), context: []), under: KeyLabel(trusted: "wrapping"),
                context: []) == [1])

        try await disk.remount("ro")
        #expect(PublicKeys.verify(signature: try first.signature(over: [1]), over: [1], spki: first.publicKeyDER))
        #expect { try keys.make(KeyLabel(trusted: "read-only"), algorithm: .p256) } throws: {
            ($0 as? Refusal)?.code == .unavailable
        }
        // SoftHSM gives up a token whose folder it cannot write to, and takes it again when it can.
        try await disk.remount("rw")
        try await recovered(first)
        _ = try keys.make(KeyLabel(trusted: "read-only"), algorithm: .p256)
        #expect(try keys.labels().count == made + 2)
    }

    private func recovered(_ key: any SigningKey) async throws {
        for _ in 0..<100 {
            if let signature = try? key.signature(over: [1]) {
                return #expect(PublicKeys.verify(signature: signature, over: [1], spki: key.publicKeyDER))
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the token is never used again")
    }
}

/// A file system in memory in the place of a token's folder; needs root.
private struct SmallDisk {
    let bench: TokenBench

    static func isPossible() -> Bool {
        if geteuid() == 0, OutsideProgram.find("mount") != nil { return true }
        print("notice: mounting needs root; the test of a full token is left out")
        return false
    }

    init(under bench: TokenBench) async throws {
        self.bench = bench
        try bench.pull()
        try FileManager.default.createDirectory(atPath: bench.tokenFolder, withIntermediateDirectories: false)
        try await run("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0700", "none", bench.tokenFolder])
        for file in try FileManager.default.contentsOfDirectory(atPath: bench.folder + "/pulled") {
            try FileManager.default.copyItem(
                atPath: bench.folder + "/pulled/" + file, toPath: bench.tokenFolder + "/" + file)
        }
    }

    func remount(_ options: String) async throws {
        try await run("mount", ["-o", "remount,\(options)", bench.tokenFolder])
    }

    func remove() { umount2(bench.tokenFolder, Int32(MNT_DETACH)) }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let done = try await OutsideProgram.run(program, arguments, in: bench.folder)
        guard done.status == 0 else {
            throw Refusal(.unavailable, "\(program): \(done.errors)", hint: "Run the test as root.")
        }
    }
}
