import Agent
import Foundation
import Testing
import Wire
import Workbench

/// Debian's rauc with its service, signed bundles, and the interface of its custom boot loader.
@Suite(
    .serialized, .enabled(if: !BenchEngine.isPostgreSQL && RAUCBench.isPossible(), "needs root, rauc, and no database"))
struct `A board with RAUC` {
    private func withBoard(_ body: (RAUCBench, BoardScene) async throws -> Void) async throws {
        try await withFolder { folder in
            let bench = try await RAUCBench(folder + "/board")
            do {
                try await body(bench, try BoardScene(folder + "/home", bench.board(folder + "/home/slots")))
            } catch { Issue.record("\(error)") }
            await bench.stop()
        }
    }

    @Test func `takes a bundle, tries it and keeps it; and the next one into the other slot`() async throws {
        try await withBoard { bench, scene in
            for (sequence, slot) in [(1, Slots.Name.b), (2, .a)] {
                let image = BoardScene.image(sequence)
                guard case .restart = try await scene.take(sequence, try await bench.bundle(image)) else {
                    Issue.record("It does not want to start anew.")
                    return
                }
                #expect(try Array(Data(contentsOf: URL(filePath: bench.device(slot))).prefix(image.count)) == image)
                #expect(try bench.state("primary") == (slot == .b ? "B" : "A"))
                // The bundle's space is given back.
                #expect(try scene.disk.size(of: scene.updates.slots.image(of: slot)) == nil)
                #expect(try scene.boot() == .restart)
                try await bench.boot()
                #expect(try scene.boot() == .trial)
                try scene.pass()
                #expect(try bench.state(slot == .b ? "state.B" : "state.A") == "good")
                #expect(try scene.running() == "\(slot.rawValue) \(sequence)")
                #expect(try scene.boot() == .steady)
            }
            #expect(try scene.receipts().map(\.kind) == [.updated, .updated])
            #expect(try scene.updates.slots.board.examine().contains("slot a runs and is good"))
        }
    }

    @Test func `goes back from a release that is not healthy, and knows when its boot loader went back`() async throws {
        try await withBoard { bench, scene in
            let bundle = try await bench.bundle(BoardScene.image(1))
            _ = try await scene.take(1, bundle)
            try await bench.boot()
            #expect(try scene.boot() == .trial)
            try scene.fail("The health command ended with 1.")
            #expect(try bench.state("primary") == "A" && bench.state("state.B") == "bad")
            #expect(try scene.boot() == .restart)
            try await bench.boot()
            #expect(try scene.boot() == .steady)
            #expect(try scene.running() == "a 0")
            #expect(try scene.receipts().map(\.reason) == ["The health command ended with 1."])
            #expect(try await scene.take(1, bundle) == .failedBefore)
            // What a boot loader that counts does after the last try of the next one.
            _ = try await scene.take(2, try await bench.bundle(BoardScene.image(2)))
            try bench.set("state.B", "bad")
            try await bench.boot()
            guard case .wentBack(let reason) = try scene.boot() else {
                Issue.record("It does not know.")
                return
            }
            #expect(reason.contains("boot loader went back"))
            #expect(try bench.state("primary") == "A")
            #expect(try scene.receipts().map(\.kind) == [.rolledBack, .rolledBack])
        }
    }

    /// Our seal is good on all of them: RAUC is the second who looks.
    @Test func `refuses a bundle that RAUC refuses, and none because its service is away or says nothing`() async throws
    {
        try await withBoard { bench, scene in
            for (number, (signer, compatible, word)) in [
                ("stranger", "board-b", "signature"), ("maker", "board-c", "ompatible"),
            ].enumerated() {
                let bundle = try await bench.bundle(BoardScene.image(1), by: signer, compatible: compatible)
                guard case .refused(let refusal) = try await scene.take(number + 1, bundle) else {
                    Issue.record("It takes it.")
                    return
                }
                #expect(refusal.detail.contains(word), "\(refusal)")
                #expect(try bench.state("primary") == "A")
                #expect(try scene.updates.slots.trial() == nil)
                // Its space is given back.
                #expect(try scene.disk.size(of: scene.updates.slots.image(of: .b)) == nil)
            }
            #expect(try scene.receipts().map(\.kind) == [.refused, .refused])
            try await bench.boot()
            #expect(try scene.running() == "a 0")
            let bundle = try await bench.bundle(BoardScene.image(3))
            // It is there, and never answers.
            let patient = RAUCBoard(
                on: scene.disk, folder: scene.home.slots, bootID: bench.bootID, environment: bench.environment,
                limit: .milliseconds(300))
            let hung = try bench.pause()
            #expect { try patient.running() } throws: { ($0 as? Refusal)?.rule == BoardFault.rule }
            #expect { try patient.choose(.b, onTrial: false) } throws: { ($0 as? Refusal)?.rule == BoardFault.rule }
            kill(hung, SIGCONT)
            #expect(try bench.board(scene.home.slots).running() == .a)
            await bench.stop()
            await #expect { try await scene.take(3, bundle) } throws: { ($0 as? Refusal)?.code == .unavailable }
            #expect(try scene.receipts().count == 2)
        }
    }
}
