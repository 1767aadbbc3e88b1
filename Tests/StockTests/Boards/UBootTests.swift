import Agent
import Foundation
import Testing
import Wire
import Workbench

/// fw_setenv and fw_printenv as Debian has them, on an environment with two copies; U-Boot's own part is a script of ten lines.
@Suite(.enabled(if: !BenchEngine.isPostgreSQL && UBootBench.isInstalled(), "needs libubootenv-tool, and no database"))
struct `A board with U-Boot` {
    private func withBoard(_ body: (UBootBench, BoardScene) async throws -> Void) async throws {
        try await withFolder { folder in
            let bench = try await UBootBench(folder + "/board")
            try await body(bench, try BoardScene(folder + "/home", bench.board()))
        }
    }

    private func contents(_ path: String, _ count: Int) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)).prefix(count))
    }

    @Test func `takes a release, tries it and keeps it`() async throws {
        try await withBoard { bench, scene in
            let image = BoardScene.image(1)
            guard case .restart = try await scene.take(1, image) else {
                Issue.record("It does not want to start anew.")
                return
            }
            #expect(try contents(bench.device(.b), image.count) == image)
            #expect(try await bench.value("lifelong_slot") == "b")
            #expect(try await bench.value("upgrade_available") == "1")
            #expect(try scene.running() == "a 0")
            #expect(try scene.updates.needsRestart())
            // The program was started anew, the device was not.
            #expect(try scene.boot() == .restart)
            try await bench.boot()
            #expect(try await bench.value("bootcount") == "1")
            #expect(try scene.boot() == .trial)
            try scene.pass()
            #expect(try await bench.value("upgrade_available") == "0")
            #expect(try await bench.value("bootcount") == "0")
            #expect(try scene.running() == "b 1")
            #expect(try scene.receipts().map(\.kind) == [.updated])
            for _ in 0...UBootBench.bootLimit { try await bench.boot() }
            #expect(try scene.boot() == .steady)
            #expect(try scene.running() == "b 1")
        }
    }

    @Test func `goes back from a release that is not healthy, and says why`() async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            try await bench.boot()
            #expect(try scene.boot() == .trial)
            try scene.fail("The unit app.service is failed.")
            #expect(try await bench.value("lifelong_slot") == "a")
            #expect(try scene.updates.needsRestart())
            // Cut before it started anew: that is what is left to do.
            #expect(try scene.boot() == .restart)
            await #expect(throws: Refusal.self, "No slot is written to while the wrong one runs.") {
                try await scene.take(2, BoardScene.image(2))
            }
            try await bench.boot()
            #expect(try scene.boot() == .steady)
            #expect(try scene.running() == "a 0")
            #expect(try scene.receipts().map(\.reason) == ["The unit app.service is failed."])
            #expect(try await scene.take(1, BoardScene.image(1)) == .failedBefore)
            #expect(try scene.updates.floor() == 0)
        }
    }

    /// The agent never runs with it: the boot loader's counter is all there is.
    @Test func `comes back by its boot loader from a release that does not even start`() async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            for _ in 0...UBootBench.bootLimit { try await bench.boot() }
            #expect(try scene.running() == "a 0")
            guard case .wentBack(let reason) = try scene.boot() else {
                Issue.record("It does not know that it went back.")
                return
            }
            #expect(reason.contains("boot loader went back"))
            #expect(try scene.receipts().map(\.kind) == [.rolledBack])
            #expect(try scene.boot() == .steady)
            #expect(try await scene.take(1, BoardScene.image(1)) == .failedBefore)
        }
    }

    @Test func `tries again what was cut before the environment said so`() async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            // As if the call of fw_setenv had never been.
            try await bench.set("lifelong_slot", "a")
            try await bench.set("upgrade_available", "0")
            var trial = try #require(try scene.updates.slots.trial())
            trial.chosenIn = nil
            try scene.updates.slots.record(trial)
            try await bench.boot()
            #expect(try scene.boot() == .steady)
            guard case .restart = try await scene.take(1, BoardScene.image(1)) else {
                Issue.record("It does not try again.")
                return
            }
            #expect(try scene.updates.slots.trial()?.chosenIn != nil)
        }
    }

    @Test(arguments: ["0", "1"]) func `starts from a whole slot with either copy of its environment torn`(
        _ copy: String
    ) async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            let file = try FileHandle(forUpdating: URL(filePath: bench.environment(copy)))
            try file.seek(toOffset: 8)
            try file.write(contentsOf: Data(repeating: 0x5a, count: 4000))
            try file.close()
            try await bench.boot()
            let running = try scene.running()
            // The copy that was in force before says a, the other one b; both are images that start.
            #expect(["a 0", "b 1"].contains(running))
            let found = try scene.boot()
            #expect((found == .trial) == (running == "b 1"))
        }
    }

    @Test func `refuses what does not fit before it fetches it`() async throws {
        try await withBoard { bench, scene in
            let before = try contents(bench.device(.b), UBootBench.slotBytes)
            let outcome = try await scene.take(1, BoardScene.image(1, bytes: UBootBench.slotBytes + 1))
            guard case .refused(let refusal) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(refusal.rule == "release: size")
            #expect(try contents(bench.device(.b), UBootBench.slotBytes) == before)
            #expect(try scene.disk.names(in: scene.home.download).isEmpty)
        }
    }

    @Test func `writes no slot outside its hours, and fetches all the same`() async throws {
        try await withBoard { bench, scene in
            let before = try contents(bench.device(.b), UBootBench.slotBytes)
            let opening = BoardScene.now.adding(seconds: 3600)
            for _ in 0..<2 {
                #expect(try await scene.take(1, BoardScene.image(1), opening: { opening }) == .waits(opening))
            }
            #expect(try contents(bench.device(.b), UBootBench.slotBytes) == before)
            #expect(try await bench.value("lifelong_slot") == "a")
            #expect(try scene.disk.names(in: scene.home.download).contains { $0.hasSuffix(".part") })
            guard case .restart = try await scene.take(1, BoardScene.image(1)) else {
                Issue.record("It does not install in its hours.")
                return
            }
        }
    }

    @Test func `takes nothing older than it ever confirmed, whatever runs`() async throws {
        try await withBoard { bench, scene in
            for sequence in [1, 2] {
                _ = try await scene.take(sequence, BoardScene.image(sequence))
                try await bench.boot()
                _ = try scene.boot()
                try scene.pass()
            }
            #expect(try scene.running() == "a 2")
            // Somebody with root puts the older one back.
            try await bench.set("lifelong_slot", "b")
            try await bench.boot()
            #expect(try scene.running() == "b 1")
            guard case .refused(let refusal) = try await scene.take(1, BoardScene.image(7)) else {
                Issue.record("It takes an older one.")
                return
            }
            #expect(refusal.rule == "release: anti-rollback")
            guard case .restart = try await scene.take(2, BoardScene.image(2)) else {
                Issue.record("It does not take the newest again.")
                return
            }
        }
    }

    /// A release without the tools, or with a wrong configuration of them: nothing can be confirmed, and nothing taken back.
    @Test func `comes back from a release that cannot speak with its boot loader`() async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            try await bench.boot()
            #expect(try scene.boot() == .trial)
            let configuration = try Data(contentsOf: URL(filePath: bench.configuration))
            var starts = 0
            while try scene.running() == "b 1", starts < 20 {
                // Whatever the verdict is, it cannot be carried out.
                try Data("/nowhere/environment 0x0 0x4000\n".utf8).write(to: URL(filePath: bench.configuration))
                do {
                    if starts == 0 { try scene.pass() } else { _ = try scene.boot() }
                    Issue.record("It says that it is done.")
                } catch { #expect((error as? Refusal)?.rule == BoardFault.rule, "\(error)") }
                let mayStart = try scene.updates.mayStartAnew()
                #expect(mayStart)
                try configuration.write(to: URL(filePath: bench.configuration))
                if !mayStart { return }
                try await bench.boot()
                starts += 1
            }
            #expect(starts == UBootBench.bootLimit)
            #expect(try scene.running() == "a 0")
            guard case .wentBack = try scene.boot() else {
                Issue.record("It does not know that it went back.")
                return
            }
            #expect(try scene.receipts().map(\.kind) == [.rolledBack])
            #expect(try scene.boot() == .steady && scene.updates.floor() == 0)
        }
    }

    /// Of a boot loader that counts nothing the device is not started anew for ever; and of the start in which it was told not at all.
    @Test func `is started anew eight times at most for a board that does not answer`() async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            #expect(try !scene.updates.mayStartAnew(), "it was told in this very start")
            try await bench.set("bootlimit", "1000")
            for _ in 0..<Slots.Trial.mostAnew {
                try await bench.boot()
                #expect(try scene.updates.mayStartAnew())
            }
            try await bench.boot()
            #expect(try !scene.updates.mayStartAnew())
            // It answers again: the trial goes on.
            #expect(try scene.boot() == .trial)
            try scene.pass()
            #expect(try !scene.updates.mayStartAnew())
        }
    }

    /// A call of fw_setenv that dies in the middle leaves one of the two copies, whole; what it was to do is done at the next start.
    @Test(arguments: [1000, 9000]) func `finishes what fw_setenv left half done`(_ cut: Int) async throws {
        try await withBoard { bench, scene in
            _ = try await scene.take(1, BoardScene.image(1))
            try await bench.boot()
            #expect(try scene.boot() == .trial)
            var trial = try #require(try scene.updates.slots.trial())
            let copies = try ["0", "1"].map { try Data(contentsOf: URL(filePath: bench.environment($0))) }
            try scene.pass()
            // What it wrote, up to a byte; the rest as it was.
            for (copy, before) in zip(["0", "1"], copies) {
                let file = URL(filePath: bench.environment(copy))
                let after = try Data(contentsOf: file)
                if after != before { try (after.prefix(cut) + before.dropFirst(cut)).write(to: file) }
            }
            trial.verdict = .passed
            try scene.updates.slots.record(trial)
            try await bench.boot()
            #expect(try scene.running() == "b 1")
            #expect(try scene.boot() == .confirmed)
            #expect(try await bench.value("upgrade_available") == "0")
            #expect(try await bench.value("lifelong_slot") == "b")
            #expect(try scene.boot() == .steady)
        }
    }

    @Test func `tells its doctor what is wrong with it`() async throws {
        try await withBoard { bench, scene in
            #expect(try bench.board().examine().contains("slot a runs, a starts next; bootlimit 3"))
            func complaint() -> String {
                do { return "fine: \(try bench.board().examine())" } catch {
                    return (error as? Refusal)?.hint ?? "\(error)"
                }
            }
            try await bench.set("altbootcmd", "reset")
            #expect(complaint().contains("altbootcmd"))
            try await bench.set("bootlimit", "0")
            #expect(complaint().contains("bootlimit"))
            try await bench.set("lifelong_slot", "c")
            #expect(complaint().contains("fw_setenv lifelong_slot"))
            try Data("quiet\n".utf8).write(to: URL(filePath: bench.commandLine))
            #expect(complaint().contains("lifelong.slot="))
            try Data("root=\(bench.device(.b)) ro\n".utf8).write(to: URL(filePath: bench.commandLine))
            #expect(try bench.board().running() == .b)
        }
    }
}
