import Foundation
import Testing
import Wire
import Workbench

@Suite(.serialized) struct `Secrets in memory` {
    /// As nobody if the tests run as root, because what root may see says nothing.
    private static let script = #"""
        set -u
        here=$PWD; chmod 755 "$here"; mkdir -m 700 "$here/home" "$here/run"
        as=()
        if [ "$(id -u)" = 0 ]; then
          chown 65534:65534 "$here/home" "$here/run"
          as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
          # The folder of the build may be closed to others.
          cp "$L" "$here/lifelong"; chmod 755 "$here/lifelong"; L="$here/lifelong"
        fi
        ulimit -c unlimited 2>/dev/null || true
        cd "$here/run" 2>/dev/null || cd "$here"
        "${as[@]}" "$L" serve --home "$here/home" --device 127.0.0.1:0 --people 127.0.0.1:0 --public 127.0.0.1:0 --log-level trace \
          >"$here/out" 2>"$here/err" &
        server=$!
        for i in $(seq 1 200); do grep -q console "$here/out" && break; kill -0 $server 2>/dev/null || exit 10; sleep 0.1; done
        grep 'Max core file size' /proc/$server/limits
        echo "environ of $(stat -c %u /proc/$server/environ), server of $(ps -o uid= -p $server | tr -d ' ')"
        "${as[@]}" "$L" whoami --home "$here/home" >/dev/null || exit 11
        token=$("${as[@]}" cat "$here/home/cli-token")
        ( while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '; done > "$here/cmdlines" ) & watcher=$!
        for i in 1 2 3; do "${as[@]}" "$L" owner add "owner $i" --kind person --home "$here/home" >/dev/null || exit 12; done
        kill $watcher; wait $watcher 2>/dev/null
        grep -c lifelong "$here/cmdlines" >/dev/null || exit 13
        if grep -qF "$token" "$here/cmdlines"; then echo "the token is in a process list"; fi
        link=$(sed -n 's#.*/sign-in/\(ll_link_[A-Za-z0-9_-]*\).*#\1#p' "$here/out" | head -1)
        if grep -qF -e "$token" -e "${link:-none}" "$here/err"; then echo "a secret is in the log"; fi
        test -n "$link" && echo "a link was shown"
        # Dumps core by default, and is no signal that the runtime of Swift catches.
        kill -XCPU $server; wait $server; echo "ended $?"
        # Commands that use the keys beside the server.
        for verb in list check; do
          "${as[@]}" strace -f -qq -e trace=prctl,prlimit64,setrlimit -o "keys.$verb" "$L" keys $verb --home "$here/home" >/dev/null || exit 14
          grep -q 'RLIMIT_CORE, {rlim_cur=0, rlim_max=0}' "keys.$verb" && grep -q 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE' "keys.$verb" &&
            echo "keys $verb cannot be dumped"
        done
        find "$here" /cores /var/lib/systemd/coredump -newer "$here/out" \( -name 'core*' -o -name '*.core' \) 2>/dev/null | head
        """#

    @Test(.timeLimit(.minutes(2)))
    func `are not written by a crash, and not shown to another process of the user`() async throws {
        guard OutsideProgram.findOrSay("strace", package: "strace") else { return }
        let folder = "/tmp/memory-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = try BuiltProgram.path("lifelong")
        let outcome = try await Shell.run("L='\(program)'\n" + Self.script, in: folder, seconds: 90)
        let said = outcome.said
        #expect(outcome.status == 0, "\(said)")
        #expect(said.contains(/Max core file size +0 +0/), "\(said)")
        #expect(said.contains("a link was shown") && said.contains("ended 152"), "\(said)")
        #expect(!said.contains("is in a process list") && !said.contains("is in the log"), "\(said)")
        #expect(!said.contains("core.") && !said.contains("/core\n"), "\(said)")
        for verb in ["list", "check"] { #expect(said.contains("keys \(verb) cannot be dumped"), "\(said)") }
        let owners = try #require(said.firstMatch(of: /environ of ([0-9]+), server of ([0-9]+)/))
        // What is not dumpable belongs to root below /proc, whoever runs it.
        #expect(owners.output.1 == "0", "\(said)")
        if getuid() == 0 { #expect(owners.output.2 == "65534", "\(said)") }
    }
}
