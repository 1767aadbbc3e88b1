import Foundation
import Workbench

/// Shell functions for three `lifelong serve` on one PostgreSQL behind Debian's haproxy, as docs/operating.md says it.
enum NodesScript {
    static func run(
        _ text: String, program: String, in folder: String, seconds: Int = 150
    ) async throws -> (status: Int32, said: String) {
        let setting = (BenchEngine.server ?? "").dropFirst("postgresql:".count)
        return try await Shell.run(
            "L='\(program)'; S='\(setting)'\n" + functions + text, in: folder, seconds: seconds)
    }

    private static let functions = """
        N=nodes_$$; psql -q "$S" -c "CREATE DATABASE $N" -c "CREATE DATABASE ${N}_back" || exit 90
        D="postgresql:${S/dbname=*/dbname=$N}"; B="postgresql:${S/dbname=*/dbname=${N}_back}"
        mkdir -m 700 keys artifacts
        free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
        # Where the balancer takes people and devices.
        F=$(free); FD=$(free)
        declare -A pids device people public
        # start NODE [PROGRAM…]: with the ports that it had before.
        start() {
          local n=$1; shift
          if [ ! -d node$n ]; then
            mkdir -m 700 node$n; ln -s ../keys node$n/keys
            printf 'database: "%s"\\nartifacts: "%s"\\nserviceURL: "https://127.0.0.1:%s"\\nrequestsPerDeviceSecond: 0\\n' "$D" "$PWD/artifacts" $FD > node$n/lifelong.yaml
          fi
          : > node$n.out
          "$@" "$L" serve --home node$n --device 127.0.0.1:${device[$n]:-0} --people 127.0.0.1:${people[$n]:-0} \\
            --public 127.0.0.1:${public[$n]:-0} >node$n.out 2>>node$n.err & pids[$n]=$!
        }
        up() {
          local i
          for i in $(seq 1 300); do grep -q 'keys  ' node$1.out && break; kill -0 ${pids[$1]} 2>/dev/null || return 1; sleep 0.1; done
          people[$1]=$(sed -n 's#.*console *http://127.0.0.1:\\([0-9]*\\).*#\\1#p' node$1.out)
          device[$1]=$(sed -n 's#.*devices .*listening on port \\([0-9]*\\).*#\\1#p' node$1.out)
          public[$1]=$(sed -n 's#.*public .*listening on port \\([0-9]*\\).*#\\1#p' node$1.out)
          [ -n "${people[$1]}" ] && [ -n "${device[$1]}" ] && [ -n "${public[$1]}" ]
        }
        end() { for p in ${pids[@]} $balancer; do kill -KILL $p 2>/dev/null; done; }
        trap end EXIT
        balance() {
          { printf 'defaults\\n mode tcp\\n timeout connect 1s\\n timeout client 30s\\n timeout server 30s\\n retries 5\\n option redispatch 1\\n'
            printf 'frontend people\\n bind 127.0.0.1:%s\\n default_backend people\\nbackend people\\n balance roundrobin\\n' $F
            for n in 1 2 3; do printf ' server node%s 127.0.0.1:%s check inter 100ms fall 1 rise 1\\n' $n ${people[$n]}; done
            printf 'frontend devices\\n bind 127.0.0.1:%s\\n default_backend devices\\nbackend devices\\n balance roundrobin\\n option httpchk GET /healthz\\n' $FD
            for n in 1 2 3; do printf ' server node%s 127.0.0.1:%s check port %s inter 200ms fall 1 rise 1\\n' $n ${device[$n]} ${public[$n]}; done
          } > haproxy.cfg
          haproxy -db -f haproxy.cfg >haproxy.log 2>&1 & balancer=$!
          for i in $(seq 1 50); do curl -s -o /dev/null http://127.0.0.1:$F/ && return 0; sleep 0.1; done; return 1
        }
        # post PORT ACTION BODY [TOKEN]: prints the status; the answer is in the file "body".
        post() { curl -s -o body --max-time 20 -w '%{http_code}' -H "Authorization: Bearer ${4:-$(cat node1/cli-token)}" -H 'Content-Type: application/json' -d "$3" http://127.0.0.1:$1/api/v1/$2; }
        # ask ACTION BODY: by way of the balancer.
        ask() { post $F "$@"; }
        # writers NUMBER PAUSE: owners through the balancer, in the background, until "enough"; what was answered is in answered.*.
        writers() {
          for w in $(seq 1 $1); do
            ( i=0; while [ ! -e enough ]; do
                i=$((i + 1))
                [ "$(curl -s -o /dev/null --max-time 20 -w '%{http_code}' -H "Authorization: Bearer $(cat node1/cli-token)" -H 'Content-Type: application/json' -d "{\\"owner\\":\\"owner $w-$i\\",\\"kind\\":\\"person\\"}" http://127.0.0.1:$F/api/v1/people/add-owner)" = 200 ] && echo "owner $w-$i"
                sleep $2
              done > answered.$w ) & writers[$w]=$!
          done
        }
        # more COUNT: waits until the writers were answered so many times more.
        more() {
          local i from=$(cat answered.? 2>/dev/null | wc -l)
          for i in $(seq 600); do [ $(cat answered.? 2>/dev/null | wc -l) -ge $((from + $1)) ] && return 0; sleep 0.1; done
          echo "only $(($(cat answered.? | wc -l) - from)) of $1 writes were answered"; return 1
        }
        # enough: ends the writers.
        enough() { touch enough; wait ${writers[@]}; }
        # answered LEAST: everything that the writers were answered, and no less than that, is on every node.
        answered() {
          cat answered.? | sort > answered; wc -l < answered
          [ $(wc -l < answered) -ge $1 ] || { echo "fewer than $1 writes were answered"; return 1; }
          for n in 1 2 3; do
            "$L" owner list --home node$n | awk -F '   *' 'NR > 1 { print $2 }' | sort > owners.$n
            comm -23 answered owners.$n | sed "s/^/lost on node $n: /" > lost; cat lost; [ ! -s lost ] || return 1
          done
        }
        # make COUNT: so many devices that are paired, in the folder "fleet"; their service is the balancer.
        make() {
          "$L" product publish lamp-1 --title Lamp --hardware a --home node1 >/dev/null || return 1
          owner=$("$L" owner add Ada --kind person --home node1 --json | sed -n 's/.*"owner" *: *"\\([^"]*\\)".*/\\1/p')
          "$L" person add ada --role owner --owner $owner --home node1 >/dev/null || return 1
          "$L" token issue ada --label t --out ada.token --home node1 >/dev/null || return 1
          "$L" station init --home line --name line-1 --maker-key node1/maker-permit.pem --json > request.json || return 1
          "$L" batch open lamp-1 --quantity $1 --request request.json --permit permit.json --home node1 >/dev/null || return 1
          "$L" station run --home line --permit permit.json --line unix:$PWD/l.sock >station.out 2>&1 & st=$!
          for i in $(seq 100); do [ -S l.sock ] && break; sleep 0.05; done
          "$L" fleet --count $1 --hardware a --station unix:$PWD/l.sock --state fleet --check-ins 0 >/dev/null || return 1
          wait $st; batch=$(ls line/batches)
          "$L" station close --home line --batch $batch --out m.json >/dev/null || return 1
          "$L" batch import m.json --home node1 >/dev/null && "$L" batch ship $batch --home node1 >/dev/null || return 1
          for s in $("$L" device list --home node1 --json | sed -n 's/.*"serial" *: *"\\([^"]*\\)".*/\\1/p'); do
            [ "$(post $F pairing/pair-device "{\\"device\\":\\"$s\\",\\"grade\\":\\"declared\\"}" "$(cat ada.token)")" = 200 ] || { cat body; return 1; }
          done
        }

        """
}
