import Foundation
import Testing
import Workbench

/// `lifelong release prune` as a person types it, and what the audit says after it.
@Suite(.enabled(if: !BenchEngine.isPostgreSQL)) struct `Pruning on the command line` {
    @Test(.timeLimit(.minutes(2))) func `frees the disk, and the audit still knows what must be there`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            start home || { cat home.err; exit 10; }
            A="--home home"
            "$L" product publish lamp-1 --title Lamp --hardware a $A || exit 11
            for n in 1 2 3 4; do
              head -c ${n}000 /dev/urandom > app-$n
              "$L" release publish lamp-1 app-$n --sequence $n --version-name 1.$n --hardware a $A || exit 12
            done
            "$L" release prune $A; echo "young $?"
            stop
            # As if that had been long ago.
            sqlite3 home/lifelong.db 'UPDATE release SET at = 0; UPDATE artifact SET uploaded_at = 0'
            start home || { cat home.err; exit 13; }
            "$L" release prune --dry-run $A || exit 14
            echo "there $(ls home/artifacts | wc -l)"
            "$L" release prune $A || exit 15
            echo "left $(ls home/artifacts | wc -l)"
            "$L" release offer lamp-1 1 $A; echo "offer $?"
            "$L" audit $A; echo "audit $?"
            "$L" backup $A --to copy || exit 16
            stop; start home || { cat home.err; exit 17; }
            url=$(sed -n 's/.*console *\\(http.*\\)/\\1/p' home.out)
            curl -s -o /dev/null -w 'back %{http_code}\\n' -H "Authorization: Bearer $(cat home/cli-token)" \\
              -H 'Content-Type: application/octet-stream' -T app-1 "$url/api/v1/artifacts/$(sha256sum < app-1 | cut -c1-64)"
            "$L" release offer lamp-1 1 $A; echo "offer again $?"
            "$L" audit $A; echo "audit again $?"
            stop
            rm home/artifacts/$(sha256sum < app-4 | cut -c1-64)
            "$L" audit $A; echo "audit of a missing one $?"
            start home; echo "start $?"; cat home.err
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "Removed 0 artifacts", "young 0", "goes", "stays", "the newest of lamp-1",
            "Would remove 2 artifacts of 3000 bytes",
            "there 4", "Removed 2 artifacts of 3000 bytes; 2 of 7000 bytes stay.", "left 2", "was pruned", "offer 1",
            "audit 0", "back 201", "offer again 0", "audit again 0", "The artifact of release 1.4 is missing",
            "audit of a missing one 2", "start 1", "of a release is not in",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }
}
