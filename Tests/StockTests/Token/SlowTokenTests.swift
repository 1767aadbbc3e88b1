import Foundation
import Keys
import KeysPKCS11
import Pairing
import Registry
import Store
import Synchronization
import Testing
import Trust
import Wire
import Workbench

/// SoftHSM behind a module of a few lines that holds C_Sign up for as long as a file exists.
@Suite(.enabled(if: TokenBench.isInstalled() && OutsideProgram.findOrSay("gcc", package: "gcc")), .serialized)
struct `A slow token` {
    private static let source = URL(filePath: #filePath).deletingLastPathComponent().path + "/slow-module.c"
    private static let holdFile = NSTemporaryDirectory() + "/lifelong-hold-\(getpid())"

    private func hold() throws { try Data().write(to: URL(filePath: Self.holdFile)) }
    private func release() { try? FileManager.default.removeItem(atPath: Self.holdFile) }

    private func module(_ bench: TokenBench) async throws -> String {
        let module = bench.folder + "/slow-module.so"
        let built = try await OutsideProgram.run(
            "gcc", ["-shared", "-fPIC", "-I/usr/include/p11-kit-1", "-o", module, Self.source, "-ldl"], in: bench.folder
        )
        try #require(built.status == 0, "\(built.errors)")
        setenv("HELD_MODULE", TokenBench.module, 1)
        setenv("HOLD_FILE", Self.holdFile, 1)
        return module
    }

    @Test func `bounds who waits and for how long, and goes on when it answers again`() async throws {
        defer { release() }
        let bench = try await TokenBench()
        let module = try await module(bench)
        let keys = try await bench.open {
            $0.module = module
            $0.sessions = 1
            $0.waiting = 2
            $0.timeoutSeconds = 1
        }
        let key = try keys.make(KeyLabel(trusted: "slow"), algorithm: .p256)
        try hold()
        let refusals = await withTaskGroup(of: Refusal?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do {
                        _ = try await keys.apart { try key.signature(over: [1]) }
                        return nil
                    } catch { return error as? Refusal }
                }
            }
            return await group.reduce(into: [Refusal?]()) { $0.append($1) }
        }
        let said = refusals.compactMap { $0 }
        #expect(said.count == 8 && said.allSatisfy { $0.code == .unavailable && $0.retryAfterSeconds != nil })
        #expect(said.contains { $0.detail.contains("did not answer within 1 seconds") }, "\(said)")
        #expect(said.contains { $0.detail.contains("Too many callers wait") }, "\(said)")
        release()
        var signature: [UInt8]?
        for _ in 0..<10 where signature == nil { signature = try? key.signature(over: [1]) }
        #expect(PublicKeys.verify(signature: try #require(signature), over: [1], spki: key.publicKeyDER))
    }

    @Test func `holds up certificates, and nothing else`() async throws {
        defer { release() }
        let token = try await TokenBench()
        let module = try await module(token)
        let keys = try await token.open {
            $0.module = module
            $0.timeoutSeconds = 60
        }
        let bench = try await HouseBench(keys: keys)
        let units = try await bench.makeUnits(6)
        let owner = try await bench.ownership()
        for unit in units { try await bench.pair(unit, with: owner) }
        try hold()
        let enrolled = Tally(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for unit in units {
                group.addTask {
                    _ = try await bench.enrol(unit)
                    enrolled.value.withLock { $0 += 1 }
                }
            }
            // More signatures wait than there are threads for tasks; changes and reads go on all the same.
            for index in 0..<20 {
                _ = try await bench.owner("owner \(index)")
                _ = try await bench.house.read { try $0.count("SELECT COUNT(*) AS n FROM device") }
            }
            #expect(enrolled.value.withLock { $0 } == 0)
            release()
            try await group.waitForAll()
        }
        #expect(enrolled.value.withLock { $0 } == units.count)
        #expect(try await Audit.run(bench.house.database).findings.isEmpty)
    }
}
