import Testing
import Workbench

/// `lifelong release publish --encrypt` as people type it, at a server of its own.
@Suite(.enabled(if: !BenchEngine.isPostgreSQL && OutsideProgram.findOrSay("cpio", package: "cpio")))
struct `An encrypted release on the command line` {
    @Test(.timeLimit(.minutes(2))) func `leaves the maker's machine encrypted, and its key in no file`() async throws {
        let bench = try ScriptBench()
        defer { bench.end() }
        let run = try await bench.script(
            """
            mkdir tmp; export TMPDIR=$PWD/tmp
            start home || { cat home.err; exit 10; }
            A="--home home"
            "$L" product publish thermostat-2 --title T --hardware board $A || exit 11
            yes "the maker's own words" | head -c 200000 > firmware
            P="$L release publish thermostat-2"
            $P firmware --sequence 1 --version-name 1.0 --hardware board --encrypt $A || exit 12
            : > empty
            $P empty --sequence 2 --version-name 2 --hardware board --encrypt $A; echo "empty $?"
            $P nowhere --sequence 2 --version-name 2 --hardware board --encrypt $A; echo "nowhere $?"
            $P firmware --sequence 1 --version-name 1.0 --hardware board --encrypt $A; echo "again $?"
            "$L" release offer thermostat-2 1 --remedy $A; echo "remedy $?"
            "$L" release list $A
            ls tmp | sed 's/^/left over: /'
            printf 'images: ( { filename = "i"; aes-key = "00"; ivt = "11"; } );' > sw-description
            echo signature > sw-description.sig; head -c 5000 /dev/urandom > i
            printf 'sw-description\\nsw-description.sig\\ni\\n' | cpio -o -H crc --quiet > signed.swu
            printf 'sw-description\\ni\\n' | cpio -o -H crc --quiet > unsigned.swu
            $P unsigned.swu --sequence 2 --version-name 2 --hardware board --encrypt $A; echo "unsigned $?"
            $P signed.swu --sequence 2 --version-name 2.0 --hardware board --encrypt $A || exit 15
            # Encrypted once for each call, and under another key each time.
            for f in home/artifacts/*; do head -c 8 $f; echo " $(stat -c %s $f)"; done
            cat home/artifacts/* home/lifelong.db* home.out home.err | grep -ac "the maker's own words"
            stop; "$L" audit $A || exit 13
            grep -l aes-key home/artifacts/* home/lifelong.db* | sed 's/^/key in: /'
            "$L" keys check $A; echo "check $?"
            start home || exit 14
            "$L" release list $A | grep -c thermostat-2
            stop
            """, seconds: 110)
        #expect(run.status == 0, "\(run.said)")
        // 200,000 bytes in four chunks, each with a tag of 16 bytes, behind eight bytes.
        for part in [
            "Release 1 (1.0) of thermostat-2 is published", "empty 1", "An artifact of 0 bytes cannot be encrypted.",
            "nowhere 1", "again 1", "release: sequence grows", "remedy 1", "release: encrypted", "LIFELNG1 200072",
            "unsigned 1", "SWUpdate: signature", "Release 2 (2.0) of thermostat-2 is published", "070702", "\n0\n",
            "check 0", "The registry says what the ledger says.",
        ] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
        #expect(!run.said.contains("left over") && !run.said.contains("key in:"), "\(run.said)")
    }
}
