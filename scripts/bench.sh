#!/bin/bash
# bench.sh [folder] [seconds]: builds for release, measures the peer, then us, and prints the table for docs/performance.md.
source "$(dirname "$0")/common.sh"
scripts/build.sh release --product lifelong-bench
OPENSSL_SIGNS=$(openssl speed -seconds 3 ecdsap256 2>/dev/null </dev/null | awk '/nistp256/ { print $(NF - 1) }' || true)
export OPENSSL_SIGNS

# A PostgreSQL on the same disk, and its own INSERTs as the peer. Not in /tmp, where a sync may cost nothing.
folder=$(mktemp -d "${1:-$PWD/.build}/postgresql.XXXXXX")
chmod 755 "$folder"
# It runs as a user of its own, who does not get through folders such as /root.
if [ "$(id -u)" -eq 0 ] && ! runuser -u postgres -- test -x "$folder"; then
    rmdir "$folder"
    folder=$(mktemp -d /var/tmp/lifelong-bench.XXXXXX)
    chmod 755 "$folder"
    echo "PostgreSQL is measured in $folder, because its user does not get through ${1:-$PWD/.build}; a folder that it gets to: scripts/bench.sh FOLDER"
    [ "$(stat -c %d "$folder")" = "$(stat -c %d "${1:-.build}")" ] || echo "That is another disk than ${1:-.build} is on."
fi
trap 'scripts/postgresql.sh stop "$folder/server"; rm -rf "$folder"' EXIT
if LIFELONG_BENCH_DATABASE=$(scripts/postgresql.sh start "$folder/server" "$$"); then
    export LIFELONG_BENCH_DATABASE
    pgbench=$(find /usr/lib/postgresql -name pgbench | sort -V | tail -1)
    psql -qX "${LIFELONG_BENCH_DATABASE#postgresql:}" -c "CREATE TABLE peer (id BIGSERIAL PRIMARY KEY, entry BYTEA, device TEXT, at BIGINT)"
    echo "INSERT INTO peer (entry, device, at) VALUES (decode(repeat('07', 400), 'hex'), 'bench-device', 1);" >"$folder/insert.sql"
    PGBENCH_INSERTS=$("$pgbench" -n -c 8 -j 2 -T "${2:-5}" -M prepared -f "$folder/insert.sql" -h "$folder/server" -U lifelong lifelong 2>/dev/null |
        awk '/^tps/ { print $3 }')
    export PGBENCH_INSERTS
else
    echo "PostgreSQL did not start: its rows are not in the table."
fi
.build/release/lifelong-bench "$@"
