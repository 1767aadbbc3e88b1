import Foundation
import Testing
import Wire
import Workbench

/// `lifelong` with its keys in SoftHSM, as a user types it: scripts against the built program.
@Suite(.enabled(if: TokenBench.isInstalled()), .serialized) struct `A server with its keys in a token` {
    /// A token of this folder alone, and a home that is to use it.
    private static let prepare = """
        mkdir tokens; export SOFTHSM2_CONF=$PWD/softhsm2.conf
        printf 'directories.tokendir = %s/tokens\\nobjectstore.backend = file\\nlog.level = ERROR\\n' "$PWD" > softhsm2.conf
        softhsm2-util --init-token --free --label lifelong --pin 24681012 --so-pin 13579246 > /dev/null || exit 90
        printf '24681012\\n' > pin; chmod 600 pin
        M=/usr/lib/softhsm/libsofthsm2.so
        settings() { mkdir -p -m 700 home; { echo 'keys:'; echo '  kind: pkcs11'; echo "  module: $M"; printf '%s\\n' "$@"; } > home/lifelong.yaml; }

        """

    private func script(_ text: String, seconds: Int = 90) async throws -> (status: Int32, said: String) {
        let bench = try ScriptBench()
        defer { bench.end() }
        return try await bench.script(Self.prepare + text, seconds: seconds)
    }

    @Test func `starts, says where its keys are, and leaves the PIN in no list, log or file`() async throws {
        let run = try await script(
            """
            settings '  token: lifelong' "  pin: {file: $PWD/pin}"
            start home || { cat home.err; exit 10; }
            grep keys home.out
            "$L" owner add "Harbour Hotels" --kind organisation --home home || exit 11
            "$L" authority list --home home || exit 12
            for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; done | grep -v softhsm2-util | grep -c 24681012
            tr '\\0' '\\n' < /proc/$server/environ | grep -c 24681012
            stop; start home || exit 13
            grep -c sign-in/ll_link_ home.out; stop
            "$L" audit --home home || exit 14
            "$L" backup --home home --to copy || exit 15
            grep -rc 24681012 home home.out home.err copy | grep -v ':0' ; test -e home/keys; echo "keys folder $?"
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "keys      PKCS#11 token \"lifelong\", /usr/lib/softhsm/libsofthsm2.so", "\n0\n0\n",
            "The registry says what the ledger says.", "keys folder 1",
        ] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
        #expect(!run.said.contains("24681012"))
    }

    @Test func `takes the PIN from a variable, and shows it to nobody`() async throws {
        let run = try await script(
            """
            settings '  token: lifelong' '  pin: {environment: TOKEN_PIN}'
            export TOKEN_PIN=24681012; start home || { cat home.err; exit 10; }
            tr '\\0' '\\n' < /proc/$server/environ | grep -c TOKEN_PIN=24681012; stop
            unset TOKEN_PIN; "$L" serve --home home 2>&1; echo "unset $?"
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in ["0\n", "TOKEN_PIN is not set", "unset 1"] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
    }

    @Test func `refuses to start, with a sentence, when the token cannot be used as it is told`() async throws {
        let run = try await script(
            """
            settings '  token: lifelong' "  pin: {file: $PWD/pin}"
            chmod 644 pin; "$L" serve --home home 2>&1; echo "mode $?"; chmod 600 pin
            printf 'wrong\\n' > pin; "$L" serve --home home 2>&1; echo "pin $?"; printf '24681012\\n' > pin
            settings '  token: other' "  pin: {file: $PWD/pin}"; "$L" serve --home home 2>&1; echo "token $?"
            M=/nowhere.so; settings "  pin: {file: $PWD/pin}"; "$L" serve --home home 2>&1; echo "module $?"
            M=/usr/lib/softhsm/libsofthsm2.so
            settings '  token: lifelong'; setsid "$L" serve --home home </dev/null 2>&1; echo "nopin $?"
            settings '  colour: red'; "$L" serve --home home 2>&1; echo "unknown $?"
            printf 'keys: {kind: cloud}\\n' > home/lifelong.yaml; "$L" serve --home home 2>&1; echo "kind $?"
            settings '  token: lifelong' '  slot: 3' "  pin: {file: $PWD/pin}"; "$L" serve --home home 2>&1; echo "both $?"
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "has mode 0644", "mode 1", "refused the PIN", "pin 1", "is not attached", "token 1", "no PKCS#11 module at",
            "module 1", "no terminal to ask at", "nopin 1", "unknown setting \"keys.colour\"", "unknown 1",
            "keys.kind \"cloud\"", "kind 1", "named in 2 ways", "both 1",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `is made of one with key files, by a move that auditors can follow`() async throws {
        let run = try await script(
            """
            start home || exit 10
            "$L" owner add "Harbour Hotels" --kind organisation --home home || exit 11
            port() { sed -n 's/.*listening on port \\([0-9]*\\).*/\\1/p' home.out | tail -1; }
            curl -s http://127.0.0.1:$(port)/ledger/vkey > vkey; stop
            "$L" keys move --home home 2>&1; echo "files $?"
            sed -i "s|^  kind: files|  kind: pkcs11\\n  module: $M\\n  token: lifelong\\n  pin: {file: $PWD/pin}|" home/lifelong.yaml
            "$L" keys list --home home || exit 12
            "$L" keys move --to token --home home || exit 13
            "$L" keys move --to token --home home || exit 14
            "$L" keys check --home home; echo "check $?"
            start home || { cat home.err; exit 15; }
            "$L" keys move --home home 2>&1; echo "running $?"
            "$L" owner add "Second" --kind organisation --home home || exit 16
            sleep 1; "$L" verify log http://127.0.0.1:$(port)/ledger --vkey vkey; echo "old vkey $?"
            curl -s http://127.0.0.1:$(port)/ledger/vkey > vkey2; cmp vkey vkey2
            "$L" verify log http://127.0.0.1:$(port)/ledger --vkey vkey2; echo "new vkey $?"; stop
            "$L" audit --home home || exit 17
            "$L" keys retire tenure-wrapping --home home || exit 18
            "$L" keys retire release-2 --home home 2>&1; echo "retire $?"
            "$L" keys list --home home
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "There is nothing to move", "files 1", "operational-issuing-2 succeeds operational-issuing-1",
            "ledger-2 succeeds ledger-1", "Every key is where it should be, and works.", "check 0",
            "Another `lifelong serve` uses the home", "running 1", "old vkey 0", "new vkey 0", "vkey vkey2 differ",
            "tenure-wrapping is destroyed.", "is in use", "retire 1",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `moves to another token, which its settings name beside the former one`() async throws {
        let run = try await script(
            """
            softhsm2-util --init-token --free --label second --pin 86420864 --so-pin 13579246 > /dev/null || exit 90
            printf '86420864\\n' > pin2; chmod 600 pin2
            settings '  token: lifelong' "  pin: {file: $PWD/pin}"; start home || { cat home.err; exit 10; }
            "$L" owner add "Harbour Hotels" --kind organisation --home home || exit 11; stop
            echo 'checkInSeconds: 300' > base
            moved() { { cat base; echo 'keys:'; echo '  kind: pkcs11'; echo "  module: $M"; printf '%s\\n' "$@"; } > home/lifelong.yaml; }
            moved '  token: second' "  pin: {file: $PWD/pin2}"; "$L" keys check --home home; echo "alone $?"
            moved '  token: second' "  pin: {file: $PWD/pin2}" '  former:' '    kind: pkcs11' "    module: $M" '    token: second'
            "$L" keys list --home home 2>&1; echo "same $?"
            moved '  token: second' "  pin: {file: $PWD/pin2}" '  former:' '    kind: files'
            "$L" keys list --home home 2>&1; echo "files $?"
            moved '  token: second' "  pin: {file: $PWD/pin2}" '  former:' '    kind: pkcs11' "    module: $M" '    token: lifelong' "    pin: {file: $PWD/pin}"
            "$L" keys move --to token --home home || exit 12
            "$L" keys check --home home || exit 13
            start home || { cat home.err; exit 14; }
            "$L" owner add "Second" --kind organisation --home home || exit 15; stop
            "$L" keys list --home home
            "$L" audit --home home || exit 16
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in [
            "alone 2", "names the token that keys names", "same 1", "names something else than one token", "files 1",
            "operational-root-2 succeeds operational-root", "ledger-2 succeeds ledger-1",
            "Every key is where it should be, and works.", "PKCS#11 token \"second\"", "PKCS#11 token \"lifelong\"",
            "The registry says what the ledger says.",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
    }

    @Test func `tells the whole demonstration, with real agents, and stations whose keys are in it too`() async throws {
        let run = try await script(
            """
            "$L" demo --home run --devices 6 --fleet 10 --artifact-size 1 --keys-module $M --token lifelong \\
              --pin-file $PWD/pin > demo.out 2>&1; echo "demo $?"; tail -5 demo.out
            grep -c VERIFIED demo.out; find run -name '*.key.pem' | grep -v -e '^run/devices/' -e '^run/gateways/' | wc -l
            """, seconds: 150)
        #expect(run.status == 0 && run.said.contains("demo 0"), "\(run.said)")
        #expect(run.said.hasSuffix("\n0\n"), "\(run.said)")
    }
}
