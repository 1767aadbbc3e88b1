import Foundation
import Testing
import Wire
import Workbench

/// Files that were damaged, cut or lost, and what the program says of them: scripts against the built program.
@Suite(.serialized) struct `A damaged home` {
    /// One damage, done to a stopped server's home, and what the audit or the start must say of it.
    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var script: String
        /// One of these words must be there.
        var says: [String]
    }

    /// Flips a byte inside of a table's or an index's own pages, found by sqlite's own page map.
    private static func flip(_ name: String) -> String {
        """
        page=$(sqlite3 work/lifelong.db "SELECT rootpage FROM sqlite_master WHERE name = '\(name)'")
        size=$(sqlite3 work/lifelong.db "PRAGMA page_size")
        python3 - work/lifelong.db $page $size <<'PY'
        import sys
        path, page, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        with open(path, "r+b") as file:
            file.seek((page - 1) * size)
            data = bytearray(file.read(size))
            # Where its cells are, and the last of them: content, not free space.
            for at in [*range(8, 16), *range(size - 8, size - 120, -7)]:
                data[at] ^= 0x5a
            file.seek((page - 1) * size)
            file.write(data)
        PY
        """
    }

    static let all =
        [
            "ledger", "device", "certificate", "authority", "tile", "checkpoint", "batch", "release", "tenure",
            "ledger_device", "device_stage", "certificate_device", "sqlite_autoindex_device_1",
        ].map {
            Damage(
                testDescription: "bytes in \($0)", script: flip($0),
                says: ["damaged", "database", "missing", "not ", "no usable value", "cannot", "malformed"])
        } + [
            Damage(
                testDescription: "a database cut in half",
                script: "truncate -s $(($(stat -c %s work/lifelong.db) / 2)) work/lifelong.db",
                says: ["damaged", "database"]),
            Damage(
                testDescription: "an empty database", script: "truncate -s 0 work/lifelong.db",
                says: ["has keys, but its database", "is empty"]),
            Damage(
                testDescription: "no database", script: "rm work/lifelong.db",
                says: ["has keys, but its database", "There is no Lifelong home"]),
            Damage(
                testDescription: "a header of zeros",
                script: "dd if=/dev/zero of=work/lifelong.db bs=100 count=1 conv=notrunc 2>/dev/null",
                says: ["damaged"]),
            Damage(
                testDescription: "a tile that is gone",
                script: "sqlite3 work/lifelong.db 'DELETE FROM tile WHERE level = 0'", says: ["tile 0/0"]),
            Damage(
                testDescription: "a release that is gone", script: "sqlite3 work/lifelong.db 'DELETE FROM release'",
                says: ["release", "row is gone"]),
            Damage(
                testDescription: "a permit that was changed",
                script: "sqlite3 work/lifelong.db \"UPDATE batch SET permit = '{}'\"",
                says: ["permit is not the one"]),
            Damage(
                testDescription: "an artifact with wrong bytes",
                script:
                    "for f in work/artifacts/*; do printf 'not what it was' | dd of=$f bs=1 seek=3 conv=notrunc 2>/dev/null; done",
                says: ["artifact of release 1.0 is damaged"]),
            Damage(
                testDescription: "an artifact that is gone", script: "rm work/artifacts/*",
                says: ["artifact of release 1.0 is missing"]),
            Damage(
                testDescription: "a key that cannot be read", script: "echo x > work/keys/operational-root.key.pem",
                says: ["operational-root.key.pem", "cannot be read"]),
            Damage(
                testDescription: "a key of something else",
                script: "cp work/keys/maker-root.key.pem work/keys/operational-issuing-1.key.pem",
                says: ["is not that of the authority"]),
            Damage(
                testDescription: "settings that cannot be read", script: "echo 'colour: red' > work/lifelong.yaml",
                says: ["unknown setting"]),
        ]

    @Test(.timeLimit(.minutes(5))) func `is noticed, named, and restored from its backup`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let prepared = try await bench.script(
            """
            port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
            start home $port || exit 10
            echo $port > port
            "$L" product publish lamp-1 --title Lamp --hardware a --home home || exit 11
            owner=$("$L" owner add Ada --kind person --home home --json | sed -n 's/.*"owner" *: *"\\([^"]*\\)".*/\\1/p')
            "$L" person add ada --role owner --owner $owner --home home >/dev/null || exit 12
            "$L" token issue ada --label t --home home --json | sed -n 's/.*"token" *: *"\\([^"]*\\)".*/\\1/p' > ada.token
            head -c 3000 /dev/urandom > app.bin
            "$L" release publish lamp-1 app.bin --sequence 1 --version-name 1.0 --hardware a --home home || exit 13
            "$L" station init --home line --name line-1 --maker-key home/maker-permit.pem --json > request.json || exit 14
            "$L" batch open lamp-1 --quantity 3 --request request.json --permit permit.json --home home || exit 15
            "$L" station run --home line --permit permit.json --line unix:$PWD/l.sock >station.out 2>&1 & st=$!
            for i in $(seq 100); do [ -S l.sock ] && break; sleep 0.05; done
            "$L" fleet --count 3 --hardware a --station unix:$PWD/l.sock --state fleet --check-ins 0 || exit 16
            wait $st
            batch=$(ls line/batches)
            "$L" station close --home line --batch $batch --out m.json || exit 17
            "$L" batch import m.json --home home && "$L" batch ship $batch --home home || exit 18
            url=$(sed -n 's/.*console *\\(http.*\\)/\\1/p' home.out)
            for s in $("$L" device list --home home --json | sed -n 's/.*"serial" *: *"\\([^"]*\\)".*/\\1/p'); do echo $s >> serials; "$L" device pair $s --token-file ada.token --server $url || exit 19; done
            "$L" fleet --count 3 --state fleet --check-ins 2 || exit 20
            "$L" backup --home home --to copy || exit 21
            "$L" fleet --count 3 --state fleet --check-ins 1 || exit 22
            stop; "$L" audit --home home || exit 23
            """)
        #expect(prepared.status == 0, "\(prepared.said)")
        for damage in Self.all {
            let run = try await bench.script(
                """
                rm -rf work; cp -a home work; sqlite3 work/lifelong.db "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
                \(damage.script)
                "$L" audit --home work 2>&1; echo "audit $?"
                """)
            let isClean = run.said.contains("audit 0")
            #expect(!isClean, "\(damage.testDescription): not noticed: \(run.said)")
            #expect(
                damage.says.contains { run.said.contains($0) }, "\(damage.testDescription): it said \(run.said)")
        }
        let restored = try await bench.script(
            """
            "$L" restore --from copy --home back || exit 15
            start back $(cat port) || exit 16
            "$L" owner list --home back
            # Three devices, of which the last backup knows nothing of their last hour: nobody helps them.
            "$L" fleet --count 3 --state fleet --check-ins 2 || exit 17
            stop; "$L" audit --home back
            """)
        #expect(restored.status == 0 && restored.said.contains("Ada"), "\(restored.said)")
        #expect(restored.said.contains("What was answered after that is lost"))
    }

    @Test
    func `with a write-ahead log that is damaged in the middle is not opened, because SQLite would forget the rest`()
        async throws
    {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            start home || exit 10
            for i in 1 2 3 4 5 6; do "$L" owner add "Ada $i" --kind person --home home >/dev/null || exit 11; done
            kill -KILL $server; wait $server
            cp home/lifelong.db-wal whole
            flip() {
              python3 - "$1" <<'PY'
            import sys
            with open("home/lifelong.db-wal", "r+b") as log:
                page = int.from_bytes(log.read(12)[8:], "big")
                frames = (len(log.read()) + 12 - 32) // (page + 24)
                log.seek(32 + int(frames * float(sys.argv[1])) * (page + 24) + 24 + page // 2)
                byte = log.read(1)[0]
                log.seek(-1, 1)
                log.write(bytes([byte ^ 0x40]))
            PY
            }
            for place in 0 0.3 0.5; do
              flip $place; "$L" audit --home home 2>&1; echo "audit at $place: $?"
              "$L" serve --home home --device 127.0.0.1:0 --people 127.0.0.1:0 --public 127.0.0.1:0 2>&1; echo "start at $place: $?"
              cp whole home/lifelong.db-wal
            done
            "$L" audit --home home; echo "audit after: $?"
            # As a power cut leaves it: the end is torn, which is no damage.
            truncate -s -100 home/lifelong.db-wal
            start home || exit 12; "$L" owner list --home home | grep -c Ada; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for place in ["0", "0.3", "0.5"] {
            #expect(
                run.said.contains("audit at \(place): 1") && run.said.contains("start at \(place): 1"), "\(run.said)")
        }
        for part in ["is damaged at its page", "would be lost", "restore the newest backup", "audit after: 0"] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
    }

    @Test func `is not hidden by a new, empty database`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            start home || exit 10
            port=$(sed -n 's/.*listening on port \\([0-9]*\\).*/\\1/p' home.out | tail -1)
            "$L" owner add Ada --kind person --home home || exit 11
            mv home/lifelong.db away
            "$L" owner add Eve --kind person --home home; echo "moved $?"
            curl -s -o /dev/null -w 'health %{http_code}\\n' http://127.0.0.1:$port/healthz
            mv away home/lifelong.db
            "$L" owner add Ben --kind person --home home; echo "back $?"
            curl -s http://127.0.0.1:$port/healthz
            kill -KILL $server; wait $server
            mv home/lifelong.db away
            "$L" serve --home home --device 127.0.0.1:0 --people 127.0.0.1:0 --public 127.0.0.1:0 2>&1; echo "start $?"
            ls home
            mv away home/lifelong.db; start home || exit 12; "$L" owner list --home home; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "was moved, removed or replaced", "moved 1", "health 503", "back 0", "ok\n",
            "has keys, but its database", "start 1", "Ada", "Ben",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
        #expect(!run.said.contains("Eve"))
    }

    @Test func `loses what a killed upload left behind at the next start`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            start home || exit 10; stop
            head -c 1000 /dev/urandom > home/artifacts/.upload-11111111-1111-1111-1111-111111111111
            start home || exit 11; stop
            ls -A home/artifacts | wc -l
            """)
        #expect(run.status == 0 && run.said.hasSuffix("0\n"), "\(run.said)")
    }
}
