import Testing
import Workbench

/// The short run of `make crash` on the engine of the run: the same program, some kills.
@Suite(.serialized) struct `A server that is killed under load` {
    /// One of each strike on PostgreSQL.
    private static let kills = BenchEngine.isPostgreSQL ? 8 : 9

    @Test(.timeLimit(.minutes(3)))
    func `keeps every answer, also in the middle of a write, and gets over the loss of its database`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            "$BUILT/lifelong-crash" --engine \(BenchEngine.isPostgreSQL ? "postgresql" : "sqlite") --kills \(Self.kills) \
              --renew 9 --seed 20261121 --home homes 2>&1
            """, seconds: 170)
        #expect(run.status == 0 && run.said.contains("\(Self.kills) kills, "), "\(run.said.suffix(4000))")
        #expect(run.said.contains(" 0 lost") && !run.said.contains(" 0 requests answered"), "\(run.said.suffix(2000))")
    }
}
