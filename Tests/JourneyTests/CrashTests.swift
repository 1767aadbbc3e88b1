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

    @Test(.timeLimit(.minutes(2)), .enabled(if: !BenchEngine.isPostgreSQL, "of the drill, whatever the engine"))
    func `is found out if it lost a single answer, also one like others that it kept`()
        async throws
    {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            "$BUILT/lifelong-crash" --kills 9 --renew 9 --seed 20261121 --home homes --invent 2>&1
            """, seconds: 110)
        #expect(run.status == 1 && run.said.contains("answered and not there, or not "), "\(run.said.suffix(4000))")
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: !BenchEngine.isPostgreSQL, "of the drill, whatever the engine"))
    func `is found out if it ended by itself under load`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            cat > program <<'END'
            #!/bin/bash
            self=$$
            if [ "$1" = serve ]; then
              ( until grep -qs console /proc/$self/fd/1; do kill -0 $self || exit; sleep 0.02; done
                mkdir ended && kill -ABRT $self ) >/dev/null 2>&1 &
            fi
            exec "$LIFELONG" "$@"
            END
            chmod +x program; export SWIFT_BACKTRACE=enable=no LIFELONG="$L"
            "$BUILT/lifelong-crash" --kills 3 --renew 3 --seed 20261121 --home homes --program "$PWD/program" 2>&1
            """, seconds: 110)
        #expect(run.status == 1 && run.said.contains("ended by itself (signal 6)"), "\(run.said.suffix(4000))")
    }
}
