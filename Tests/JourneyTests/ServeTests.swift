import Foundation
import Testing
import Wire
import Workbench

/// `lifelong serve`, `backup`, `restore` and `audit` as a user types them: scripts against the built program.
@Suite(.serialized, .enabled(if: !BenchEngine.isPostgreSQL, "of a home with SQLite; NodesTests has the other"))
struct `The server's home` {
    private func script(_ text: String) async throws -> (status: Int32, said: String) {
        let bench = try ScriptBench()
        defer { bench.end() }
        return try await bench.script(text)
    }

    @Test func `is made at the first start, readable by its owner only, and stops cleanly`() async throws {
        let run = try await script(
            """
            start home || exit 10
            stat -c '%a %n' home home/keys home/lifelong.db home/cli-token home/lifelong.yaml
            "$L" whoami --home home || exit 11
            grep -c sign-in/ll_link_ home.out
            stop; echo "ended $?"; tail -1 home.err
            start home || exit 12
            grep -c sign-in/ll_link_ home.out; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "700 home\n", "700 home/keys", "600 home/lifelong.db", "600 home/cli-token", "600 home/lifelong.yaml",
        ] { #expect(run.said.contains(part), "\(run.said)") }
        #expect(run.said.contains("makerAdmin"))
        #expect(run.said.contains("ended 0\nlifelong: stopped; everything answered is on disk"))
        // One link at the first start, none at the second: there is somebody who can make one.
        #expect(run.said.contains("\n1\n") && run.said.hasSuffix("0\n"), "\(run.said)")
    }

    @Test func `can be administered from its own machine after the first person has left, and for as long as it runs`()
        async throws
    {
        let run = try await script(
            """
            start home || exit 10
            "$L" person add "Grace Hopper" --role makerAdmin --home home >/dev/null || exit 11
            "$L" token issue "Grace Hopper" --label hers --out hers --home home >/dev/null || exit 12
            "$L" person remove admin --home home --token-file hers || exit 13
            "$L" whoami --home home 2>&1; echo "gone $?"
            stop; start home || exit 14
            "$L" whoami --home home || exit 15
            grep 'New sign-in link' home.out; grep -c 'person link admin' home.out
            "$L" person link "Grace Hopper" --home home >/dev/null || exit 16
            cp home/cli-token before; stop; start home || exit 17; stop
            cmp -s before home/cli-token && echo "kept while it is good"
            python3 - <<'END'
            import sqlite3, time
            database = sqlite3.connect("home/lifelong.db")
            soon = int(time.time() + 29 * 86400) * 1000
            print(database.execute("UPDATE credential SET expires = ? WHERE kind = 'token' AND label LIKE 'command%'", [soon]).rowcount, "token ends soon")
            database.commit()
            END
            start home || exit 18
            cmp -s before home/cli-token || echo "renewed"
            "$L" whoami --home home --token-file home/cli-token || exit 19
            echo nonsense > home/cli-token; stop; start home || exit 20
            "$L" whoami --home home || exit 21; stat -c '%a' home/cli-token; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "gone 1", "renewed when it starts", "person link 'Grace Hopper' --home", "\n0\n", "kept while it is good",
            "1 token ends soon", "renewed\n", "\n600\n",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `is signed in to through a proxy, at the address that the settings name`() async throws {
        let run = try await script(
            """
            mkdir -m 700 home; echo 'peopleURL: https://People.example:443/' > home/lifelong.yaml
            start home || { cat home.err; exit 10; }
            grep console home.out; url=$(sed -n 's#.*listening on \\(http://[0-9.:]*\\)).*#\\1#p' home.out | head -1)
            path=$(sed -n 's#^ *https://people.example\\(/sign-in/.*\\)#\\1#p' home.out); [ -n "$path" ] || exit 11
            sign() { curl -s -o said -D head -w "$1 %{http_code}\n" -X POST -H "Origin: $1" -H 'Sec-Fetch-Site: same-origin' $url$path; }
            sign "$url"; sign https://people.example; grep -i 'set-cookie' head
            "$L" person link admin --home home; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "console   https://people.example (listening on http://127.0.0.1:", " 403\nhttps://people.example 303\n",
            "; Secure",
            "\nhttps://people.example/sign-in/ll_link_",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `is refused with a sentence when it, a port or the clock cannot be used`() async throws {
        let run = try await script(
            """
            start home || exit 10
            port=$(sed -n 's/.*listening on port \\([0-9]*\\).*/\\1/p' home.out | head -1)
            "$L" serve --home home 2>&1; echo "second $?"
            "$L" serve --home other --device 127.0.0.1:$port --people 127.0.0.1:0 --public 127.0.0.1:0 2>&1; echo "port $?"
            mkdir -m 755 open; "$L" serve --home open 2>&1; echo "open $?"
            echo 'colour: red' > bad.yaml; mkdir -m 700 bad; cp bad.yaml bad/lifelong.yaml
            "$L" serve --home bad 2>&1; echo "bad $?"
            echo 'witnesses: [{url: "ftp://w", vkey: "w+00000000+AA=="}]' > bad/lifelong.yaml
            "$L" serve --home bad 2>&1; echo "witness $?"
            for url in people.example https://people.example/console 'https://people.example?a' https://ada@people.example ftp://a; do
              echo "peopleURL: \"$url\"" > bad/lifelong.yaml; "$L" serve --home bad 2>&1; echo "people $?"
            done
            "$L" audit --home nowhere 2>&1; echo "nowhere $?"
            if command -v faketime >/dev/null; then
              faketime '2001-01-01' "$L" serve --home early 2>&1; echo "early $?"
            fi
            stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "Another `lifelong serve` uses the home", "second 1", "Cannot listen on 127.0.0.1", "port 1",
            "can be read by others", "chmod 700", "open 1", "unknown setting \"colour\"", "bad 1",
            "\"ftp://w\" is not the address of a witness", "witness 1",
            "There is no Lifelong home", "nowhere 1",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
        #expect(run.said.matches(of: /peopleURL is "[^"]+": [^\n]+\n(.+\n)*people 1/).count >= 1, "\(run.said)")
        #expect(run.said.matches(of: /people 1\n/).count == 5, "\(run.said)")
        if OutsideProgram.findOrSay("faketime", package: "faketime") {
            #expect(run.said.contains("This machine's clock says 2001-01-01") && run.said.contains("early 1"))
        }
    }

    @Test func `takes as many connections as the machine lets it open files, and says so`() async throws {
        let run = try await script(
            """
            ulimit -n 3000; start home || exit 10
            grep 'open files' /proc/$server/limits; cat home.err; stop
            ulimit -Sn 256; start home || exit 11
            grep 'open files' /proc/$server/limits; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        #expect(
            run.said.contains("maximumConnections=10000 now=872") && run.said.contains("LimitNOFILE"), "\(run.said)")
        // Raised again to what is allowed, whatever the shell had set.
        #expect(
            run.said.split(separator: "\n").filter { $0.hasPrefix("Max open files") }.allSatisfy {
                $0.contains(" 3000 ")
            })
    }

    @Test func `is backed up while its server runs, and the restored copy passes the audit`() async throws {
        let run = try await script(
            """
            start home || exit 10
            "$L" owner add "Harbour Hotels" --kind organisation --home home || exit 11
            "$L" backup --home home --to copy || exit 12
            "$L" product publish lamp-1 --title Lamp --hardware lamp-a --home home || exit 13
            "$L" restore --from copy --home back || exit 14
            "$L" audit --home back || exit 15
            "$L" backup --home home --to copy 2>&1; echo "again $?"
            stop
            start back || exit 16
            "$L" owner list --home back; stop
            printf X | dd of=copy/lifelong.db bs=1 seek=5000 conv=notrunc 2>/dev/null
            "$L" restore --from copy --home worse 2>&1; echo "damaged $?"
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "audit without findings", "The registry says what the ledger says.", "again 1", "Harbour Hotels",
            "The backup is damaged: lifelong.db", "damaged 1",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `keeps everything that was answered when its server is killed`() async throws {
        let run = try await script(
            """
            start home || exit 10
            for i in $(seq 1 60); do
              "$L" owner add "owner $i" --kind person --home home >/dev/null 2>&1 && echo $i
            done > answered &
            writer=$!
            sleep 1.5; kill -KILL $server; wait $server; kill $writer; wait $writer
            "$L" audit --home home || exit 11
            start home || exit 12
            "$L" owner list --home home > after; stop
            for i in $(cat answered); do grep -q "owner $i\\b" after || { echo "lost $i"; exit 13; }; done
            echo "answered $(wc -l < answered)"; "$L" audit --home home
            """)
        #expect(run.status == 0, "\(run.said)")
        #expect(run.said.contains("The registry says what the ledger says."))
        #expect(!run.said.contains("answered 0"), "nothing was answered before the kill: \(run.said)")
    }
}
