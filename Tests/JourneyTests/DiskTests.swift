import Foundation
import Testing
import Workbench

/// A real server on a real disk that is full, broken, slow or read-only: libFaultyDisk.so stands in front of the C library
/// (Tests/FaultyDisk), and a small file system fills up.
@Suite(.serialized) struct `A server whose disk` {
    /// `ask PATH JSON` posts an action; leaves the status in `code`, head and body in the files `head` and `body`.
    private static let asking = """
        ask() {
          url=$(sed -n 's/.*console *\\(http.*\\)/\\1/p' "$home.out")
          code=$(curl -s -m 30 -D head -o body -w '%{http_code}' -H "Authorization: Bearer $(cat $home/cli-token)" \
            -H 'Content-Type: application/json' -d "$2" "$url/api/v1/$1")
        }
        owner() { ask people/add-owner "{\\"owner\\":\\"$1\\",\\"kind\\":\\"person\\"}"; }
        put() {
          url=$(sed -n 's/.*console *\\(http.*\\)/\\1/p' "$home.out")
          code=$(curl -s -m 30 -D head -o body -w '%{http_code}' -H "Authorization: Bearer $(cat $home/cli-token)" \
            -H 'Content-Type: application/octet-stream' -T "$1" "$url/api/v1/artifacts/$(sha256sum < $1 | cut -c1-64)")
        }
        faulty() { export LD_PRELOAD=$BUILT/libFaultyDisk.so; start "$@"; local r=$?; unset LD_PRELOAD; return $r; }

        """

    private func script(_ text: String) async throws -> (status: Int32, said: String) {
        let bench = try ScriptBench()
        defer { bench.end() }
        return try await bench.script(Self.asking + text)
    }

    @Test func `is full refuses with a hint, keeps reading, and goes on when there is space`() async throws {
        let run = try await script(
            """
            mkdir d; mount -t tmpfs -o size=14m,mode=700 tmpfs d 2>/dev/null || { echo "no mount here"; exit 0; }
            trap 'kill -KILL $server 2>/dev/null; wait $server 2>/dev/null; umount -l d' EXIT
            home=d/home; start $home || exit 10
            fill() { dd if=/dev/zero of=d/filler-$1 bs=64k 2>/dev/null; dd if=/dev/zero of=d/filler-$1-end bs=512 2>/dev/null; }
            owner before; [ $code = 200 ] || exit 11
            fill 0
            kept=0
            for i in $(seq 1 400); do owner "full $i"; [ $code = 200 ] || break; kept=$i; done
            echo "refused $code"; grep -i retry-after head; cat body; echo
            # A refused commit may give pages back, so that the disk is not full any more: filled anew before each try.
            for i in 1 2 3; do
              fill $i; head -c 300000 /dev/urandom > app.bin; put app.bin; [ $code = 503 ] && break
            done
            echo "artifact $code"; cat body; echo
            ls -A $home/artifacts | wc -l
            "$L" owner list --home $home | grep -c before
            rm d/filler-*
            owner after; echo "after $code"; put app.bin; echo "artifact after $code"
            "$L" audit --home $home; echo "audit $?"
            echo "owners $(($("$L" owner list --home $home --json | grep -o '"name"' | wc -l) - 2)) of $kept"
            """)
        #expect(run.status == 0, "\(run.said)")
        if run.said.contains("no mount here") { return print("notice: no file system can be mounted here: not run") }
        for part in [
            "refused 503", "etry-", "The disk is full", "Free space", "artifact 503", "after 200", "artifact after 201",
            "audit 0",
        ] { #expect(run.said.contains(part), "missing: \(part) in \(run.said)") }
        #expect(run.said.contains(/owners (\d+) of \1\n/), "\(run.said)")
    }

    @Test func `is read-only is not started on, and starts when it can be written again`() async throws {
        let run = try await script(
            """
            mkdir d; mount -t tmpfs -o size=40m,mode=700 tmpfs d 2>/dev/null || { echo "no mount here"; exit 0; }
            trap 'kill -KILL $server 2>/dev/null; wait $server 2>/dev/null; umount -l d' EXIT
            home=d/home; start $home || exit 10
            owner before; [ $code = 200 ] || exit 11
            mount -o remount,ro d 2>/dev/null && exit 12 # The kernel does not let it happen under an open file.
            kill -KILL $server; wait $server
            mount -o remount,ro d || exit 13
            "$L" serve --home $home --device 127.0.0.1:0 --people 127.0.0.1:0 --public 127.0.0.1:0 2>&1; echo "start $?"
            "$L" audit --home $home 2>&1; echo "audit $?"
            mount -o remount,rw d || exit 14
            start $home || exit 15; owner after; echo "after $code"
            "$L" owner list --home $home | grep -c before; stop; "$L" audit --home $home; echo "audit after $?"
            """)
        #expect(run.status == 0, "\(run.said)")
        if run.said.contains("no mount here") { return print("notice: no file system can be mounted here: not run") }
        for part in ["cannot be written", "Check its owner", "start 1", "audit 0", "after 200", "audit after 0"] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
    }

    /// The one with all calls is what a file system that goes read-only under the server does to it.
    @Test(arguments: [
        ("fail", 30, "write"), ("fail", 30, "write,sync,rename,truncate,unlink"), ("fail", 5, "sync"),
        ("fail-after", 5, "sync"), ("fail", 28, "write"),
    ])
    func `reports errors refuses, loses nothing, and goes on when it is well again`(
        _ way: String, _ number: Int, _ call: String
    ) async throws {
        let run = try await script(
            """
            export FAULTY_DISK_DO=\(way) FAULTY_DISK_VALUE=\(number) FAULTY_DISK_CALLS=\(call)
            export FAULTY_DISK_PATH=$PWD/home FAULTY_DISK_SWITCH=$PWD/on
            home=home; faulty home || exit 10
            owner before; echo "before $code"
            touch on; owner during; echo "during $code"; grep -i retry-after head; cat body; echo
            "$L" owner list --home home | grep -c before
            rm on; owner after; echo "after $code"
            kill -KILL $server; wait $server
            start home || exit 11
            "$L" owner list --home home; "$L" audit --home home; echo "audit $?"; stop
            """)
        #expect(run.status == 0, "\(run.said)")
        for part in ["before 200", "during 503", "etry-", "hint", "after 200", "audit 0", "before", "after"] {
            #expect(run.said.contains(part), "missing: \(part) in \(run.said)")
        }
    }

    @Test func `is slow answers late and right`() async throws {
        let run = try await script(
            """
            export FAULTY_DISK_DO=delay FAULTY_DISK_VALUE=400 FAULTY_DISK_CALLS=sync
            export FAULTY_DISK_PATH=$PWD/home FAULTY_DISK_SWITCH=$PWD/on
            home=home; faulty home || exit 10
            touch on
            url=$(sed -n 's/.*console *\\(http.*\\)/\\1/p' home.out); token=$(cat home/cli-token)
            for i in $(seq 1 12); do
              curl -s -m 60 -o /dev/null -w '%{http_code}\\n' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
                -d "{\\"owner\\":\\"slow $i\\",\\"kind\\":\\"person\\"}" "$url/api/v1/people/add-owner" >> codes &
              curls="$curls $!"
            done
            wait $curls
            sort codes | uniq -c; rm on
            "$L" owner list --home home | grep -c slow; stop
            """)
        #expect(run.status == 0 && run.said.contains("12 200") && run.said.contains("12\n"), "\(run.said)")
    }

    @Test func `fails at any file of the first start is whole after the second`() async throws {
        let run = try await script(
            """
            export FAULTY_DISK_VALUE=5 FAULTY_DISK_CALLS=sync,rename
            for way in fail fail-after; do for at in 1 4 9 13 17 22 26 31 36; do
              export FAULTY_DISK_DO=$way FAULTY_DISK_AT=$at FAULTY_DISK_PATH=$PWD/h-$way-$at
              home=h-$way-$at; faulty $home && { kill -KILL $server; wait $server; }
              start $home || { echo "no second start after $way $at"; cat $home.err; exit 11; }
              owner one; [ $code = 200 ] || { echo "no write after $way $at: $code"; cat $home.err; exit 12; }
              stop; "$L" audit --home $home >/dev/null || { echo "audit after $way $at"; "$L" audit --home $home; exit 13; }
            done; done; echo whole
            """)
        #expect(run.status == 0 && run.said.contains("whole"), "\(run.said)")
    }

    @Test func `fails at any step of an upload, a backup or a restore leaves no half thing that looks whole`()
        async throws
    {
        let run = try await script(
            """
            export FAULTY_DISK_VALUE=5; home=home; head -c 200000 /dev/urandom > app.bin; sum=$(sha256sum < app.bin | cut -c1-64)
            for way in fail fail-after; do for step in "write 1" "sync 1" "sync 2" "rename 1"; do set -- $step
              export FAULTY_DISK_DO=$way FAULTY_DISK_CALLS=$1 FAULTY_DISK_AT=$2 FAULTY_DISK_PATH=$PWD/home/artifacts
              faulty home || exit 10
              put app.bin; [ $code = 503 ] || { echo "upload: $way $step was answered with $code"; exit 11; }
              put app.bin; [ $code = 201 ] || { echo "upload again: $way $step was answered with $code"; cat body; exit 12; }
              [ "$(sha256sum < home/artifacts/$sum | cut -c1-64)" = $sum ] || exit 13
              [ "$(ls -A home/artifacts)" = $sum ] || { ls -A home/artifacts; exit 14; }
              rm home/artifacts/$sum; kill -KILL $server; wait $server
            done; done
            export FAULTY_DISK_CALLS=sync,rename,write
            for way in fail fail-after; do for at in 1 3 5 8 11 14 17 20; do
              export FAULTY_DISK_DO=$way FAULTY_DISK_AT=$at FAULTY_DISK_PATH=$PWD/c-$way-$at
              LD_PRELOAD=$BUILT/libFaultyDisk.so "$L" backup --home home --to c-$way-$at >/dev/null 2>said; done=$?
              "$L" restore --from c-$way-$at --home r-$way-$at >said 2>&1; back=$?
              [ $done = 0 ] && [ $back != 0 ] && { echo "backup $way $at said yes"; cat said; exit 15; }
              [ $back = 0 ] && { "$L" audit --home r-$way-$at >/dev/null || exit 16; }
            done; done
            "$L" backup --home home --to copy >/dev/null || exit 17
            for way in fail fail-after; do for at in 1 2 3 5 8; do
              export FAULTY_DISK_DO=$way FAULTY_DISK_AT=$at FAULTY_DISK_PATH=$PWD/n-$way-$at
              LD_PRELOAD=$BUILT/libFaultyDisk.so "$L" restore --from copy --home n-$way-$at >/dev/null 2>&1
              [ -d n-$way-$at ] || "$L" restore --from copy --home n-$way-$at >/dev/null || exit 18
              "$L" audit --home n-$way-$at >/dev/null || { echo "restore $way $at"; exit 19; }
            done; done; echo whole
            """)
        #expect(run.status == 0 && run.said.contains("whole"), "\(run.said)")
    }
}
