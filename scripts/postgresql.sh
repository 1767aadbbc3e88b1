#!/bin/bash
# postgresql.sh start FOLDER [PID] | again FOLDER | stop FOLDER [MODE]: a PostgreSQL of Debian's package for tests and measures,
# in a new folder, on a Unix socket there and nowhere else, durable as in production. "start" prints what to connect with;
# with a PID it ends when that process does, however that ends. "again" starts one that was stopped or killed. MODE is
# pg_ctl's: smart, fast or immediate (without a word: immediate).
source "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || fail "postgresql.sh needs an order and a folder." "Say: scripts/postgresql.sh start FOLDER, again FOLDER, or stop FOLDER."
self=$PWD/scripts/postgresql.sh
folder=$2
binaries=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$binaries" ] || fail "PostgreSQL is not installed." "Run: scripts/install.sh test"

# It refuses to run as root.
unprivileged() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
control() { unprivileged "$binaries/pg_ctl" --pgdata=data --log=log --wait --timeout=60 "$@" </dev/null; }
begin() { control start >start.log 2>&1; }

case "$1" in
start)
    mkdir -p "$folder"
    chmod 755 "$folder"
    [ "$(id -u)" -ne 0 ] || chown postgres "$folder"
    cd "$folder"
    unprivileged "$binaries/initdb" --pgdata=data --username=lifelong --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
        >initdb.log 2>&1 </dev/null || { tail -5 initdb.log >&2; fail "initdb failed." "Read $folder/initdb.log."; }
    cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 128MB
max_wal_size = 4GB
log_min_messages = fatal
log_min_error_statement = panic
CONF
    begin || { tail -5 log >&2; fail "PostgreSQL did not start." "Read $folder/log."; }
    if [ -n "${3:-}" ]; then
        # In a session of its own, so that what ends the process's group does not end whoever cleans up behind it.
        setsid bash -c 'tail --pid="$2" -f /dev/null; "$0" stop "$1"' "$self" "$folder" "$3" </dev/null >/dev/null 2>&1 8>&- 9>&- &
    fi
    unprivileged "$binaries/createdb" --host="$folder" --username=lifelong lifelong
    echo "postgresql:host=$folder user=lifelong dbname=lifelong"
    ;;
again)
    cd "$folder"
    # What a killed server left in memory goes with the last of its processes.
    for _ in $(seq 1 100); do
        begin && exit 0
        sleep 0.1
    done
    tail -5 log >&2
    fail "PostgreSQL did not start again." "Read $folder/log."
    ;;
stop)
    cd "$folder" 2>/dev/null || exit 0
    control --mode="${3:-immediate}" stop >stop.log 2>&1 || true
    ;;
*) fail "postgresql.sh does not know \"$1\"." "Say start, again or stop." ;;
esac
