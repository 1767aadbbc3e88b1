#!/bin/bash
# patroni.sh [kills]: fail-over under load, on loopback and in a temporary folder: etcd, three PostgreSQL under Patroni with
# synchronous replication, two Lifelong nodes. Writers record what was answered; the leader is killed (SIGKILL) so many times;
# at the end every answered change must be in the ledger, once. Prints the seconds without writes of each fail-over.
source "$(dirname "$0")/common.sh"
kills=${1:-3}
program=$PWD/.build/debug/lifelong
[ -x "$program" ] || fail "The program is not built." "Run: make failover"
for part in patroni etcd curl psql; do
    command -v $part >/dev/null || fail "$part is not installed." "Run: scripts/install.sh failover"
done
binaries=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1)
[ "$(id -u)" -eq 0 ] && unprivileged=(runuser -u postgres --) || unprivileged=()

folder=$(mktemp -d -t lifelong-patroni.XXXXXX)
chmod 755 "$folder"
cd "$folder"
declare -A patroni nodes
others=()
finish() {
    local status=$?
    trap - EXIT
    # Each by its id: Patroni takes its PostgreSQL along; one whose Patroni was killed is stopped by its own program.
    kill -KILL "${writers[@]:-}" "${nodes[@]:-}" 2>/dev/null || true
    kill -TERM "${patroni[@]:-}" 2>/dev/null || true
    for n in 1 2 3; do "${unprivileged[@]}" "$binaries/pg_ctl" -D "pg$n/data" -m immediate stop >/dev/null 2>&1 || true; done
    kill -KILL "${patroni[@]:-}" "${others[@]:-}" 2>/dev/null || true
    wait 2>/dev/null || true
    if [ "$status" -eq 0 ]; then rm -rf "$folder"; else echo "-- logs: $folder"; fi
    exit "$status"
}
trap finish EXIT

# ports COUNT: free ones.
ports() {
    python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])' "$1"
}
# until SECONDS COMMAND…: polls.
until_true() {
    local end=$((SECONDS + $1))
    shift
    while ! "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done
}
read -r etcd_client etcd_peer pg1 pg2 pg3 api1 api2 api3 < <(ports 8)
pg=([1]=$pg1 [2]=$pg2 [3]=$pg3) api=([1]=$api1 [2]=$api2 [3]=$api3)

etcd --name e --data-dir etcd --listen-client-urls "http://127.0.0.1:$etcd_client" \
    --advertise-client-urls "http://127.0.0.1:$etcd_client" --listen-peer-urls "http://127.0.0.1:$etcd_peer" \
    --initial-advertise-peer-urls "http://127.0.0.1:$etcd_peer" --initial-cluster "e=http://127.0.0.1:$etcd_peer" \
    >etcd.log 2>&1 &
others+=($!)

for n in 1 2 3; do
    mkdir -p "pg$n"
    cat >"pg$n.yaml" <<YAML
scope: lifelong
name: pg$n
restapi: {listen: "127.0.0.1:${api[n]}", connect_address: "127.0.0.1:${api[n]}"}
etcd3: {host: "127.0.0.1:$etcd_client"}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    # No commit is answered before a second machine has it, and no machine without it is ever promoted.
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 100, shared_buffers: 32MB, wal_keep_size: 256MB}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, data-checksums]
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
postgresql:
  listen: "127.0.0.1:${pg[n]}"
  connect_address: "127.0.0.1:${pg[n]}"
  data_dir: $folder/pg$n/data
  bin_dir: $binaries
  parameters: {unix_socket_directories: "$folder/pg$n"}
  authentication: {superuser: {username: postgres}, replication: {username: replicator}, rewind: {username: postgres}}
YAML
    [ "$(id -u)" -ne 0 ] || chown postgres "pg$n"
done
start_patroni() {
    "${unprivileged[@]}" patroni "$folder/pg$1.yaml" >>"pg$1.log" 2>&1 &
    patroni[$1]=$!
    # Its end by SIGKILL is no news.
    disown
}
leader() {
    local n
    for n in 1 2 3; do
        [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://127.0.0.1:${api[n]}/primary")" = 200 ] && echo "$n" && return 0
    done
    return 1
}
synchronous() { for n in 1 2 3; do [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://127.0.0.1:${api[n]}/synchronous")" = 200 ] && return 0; done; return 1; }
has_leader() { leader >/dev/null; }

for n in 1 2 3; do start_patroni $n; done
until_true 90 has_leader || fail "Patroni has no leader." "Read $folder/pg1.log."
until_true 90 synchronous || fail "Patroni has no synchronous replica." "Read $folder/pg2.log."
first=$(leader)
psql -qX "host=127.0.0.1 port=${pg[first]} user=postgres dbname=postgres" -c "CREATE DATABASE lifelong"
is_everywhere() { for n in 1 2 3; do psql -qXc "SELECT 1" "host=127.0.0.1 port=${pg[n]} user=postgres dbname=lifelong" >/dev/null 2>&1 || return 1; done; }
until_true 60 is_everywhere || fail "The database does not reach the replicas." "Read $folder/pg*.log."

# Two Lifelong nodes: every host is named, and the one that takes writes is found.
mkdir -m 700 keys artifacts
setting="postgresql:host=127.0.0.1,127.0.0.1,127.0.0.1 port=$pg1,$pg2,$pg3 user=postgres dbname=lifelong"
start_node() {
    if [ ! -d "node$1" ]; then
        mkdir -m 700 "node$1"
        ln -s ../keys "node$1/keys"
        printf 'database: "%s"\nartifacts: "%s"\nlisten:\n  device: "127.0.0.1:0"\n  people: "127.0.0.1:0"\n  public: "127.0.0.1:0"\n' \
            "$setting" "$folder/artifacts" >"node$1/lifelong.yaml"
    fi
    "$program" serve --home "node$1" >"node$1.out" 2>"node$1.err" &
    nodes[$1]=$!
    disown
}
is_up() { grep -q console "node$1.out"; }
for n in 1 2; do
    start_node $n
    until_true 60 is_up $n || { cat "node$n.err" >&2; fail "Node $n did not start." "Read the lines above."; }
done

# Each writer asks one node for one owner after the other, and notes each that was answered, with the time.
write_on() {
    local number=0 url token
    url=$(sed -n 's#.*console *\(http://[0-9.:]*\).*#\1#p' "node$1.out" | head -1)
    token=$(cat "node$1/cli-token")
    while [ ! -e done ]; do
        number=$((number + 1))
        if [ "$(curl -s -o /dev/null -m 30 -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
            -d "{\"person\":\"w$2-$number\",\"role\":\"auditor\"}" "$url/api/v1/people/add-person")" = 200 ]; then
            echo "$(date +%s.%N) w$2-$number" >>"answered.$2"
        else
            sleep 0.1
        fi
    done
}
writers=()
for w in 1 2 3 4; do
    write_on $((w % 2 + 1)) $w &
    writers+=($!)
done
count() { cat answered.* 2>/dev/null | wc -l; }
more_than() { [ "$(count)" -gt "$1" ]; }
until_true 30 more_than 20 || fail "Nothing is written." "Read $folder/node1.err."

for kill in $(seq "$kills"); do
    until_true 120 synchronous || fail "There is no synchronous replica before kill $kill." "Read $folder/pg*.log."
    old=$(leader)
    began=$(date +%s.%N)
    # The machine is gone: PostgreSQL and its Patroni at once.
    kill -KILL "$(pgrep -P "${patroni[$old]}" -f patroni | head -1 || true)" "${patroni[$old]}" 2>/dev/null || true
    kill -KILL "$(head -1 "pg$old/data/postmaster.pid")"
    before=$(count)
    until_true 120 more_than $((before + 8)) || fail "No writes after kill $kill." "Read $folder/node1.err and pg*.log."
    cat answered.* | sort -n | awk -v began="$began" -v kill="$kill" -v old="pg$old" '
        $1 < began { last = $1 } $1 >= began { if (last && $1 - last > gap) gap = $1 - last; last = $1 }
        END { printf "kill %d (%s): %.1f seconds without writes\n", kill, old, gap }'
    start_patroni "$old"
done

touch done
wait "${writers[@]}" 2>/dev/null || true
writers=()
answered=$(count)
now=$(leader)
# What the ledger says: each answered person once. The ledger has random names only, so the registry says who is who.
psql -qXAt "host=127.0.0.1 port=${pg[now]} user=postgres dbname=lifelong" -c "
    SELECT p.name FROM person p JOIN ledger l ON l.kind = 'personAdded'
        AND position(('\"personAdded\":{\"person\":\"' || p.id || '\"')::bytea in l.entry) > 0" |
    sort >stored
lost=$(cat answered.* | cut -d' ' -f2 | sort | comm -23 - <(uniq stored) | wc -l)
doubled=$(uniq -d stored | wc -l)
"$program" audit --home node1
echo "$answered acknowledged writes, $kills leaders killed, $lost lost, $doubled doubled"
[ "$lost" -eq 0 ] && [ "$doubled" -eq 0 ] || fail "Acknowledged writes are missing or doubled." "Compare $folder/answered.* with $folder/stored."
