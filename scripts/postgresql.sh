#!/bin/bash
# postgresql.sh start FOLDER | stop FOLDER: a PostgreSQL of Debian's package for tests and measures, in a new folder, on a
# Unix socket there and nowhere else, durable as in production. Prints what to connect with.
source "$(dirname "$0")/common.sh"
[ $# -eq 2 ] || fail "postgresql.sh needs an order and a folder." "Say: scripts/postgresql.sh start FOLDER, or stop FOLDER."
folder=$2
binaries=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$binaries" ] || fail "PostgreSQL is not installed." "Run: scripts/install.sh test"

# It refuses to run as root.
unprivileged() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

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
    unprivileged "$binaries/pg_ctl" --pgdata=data --log=log --wait --timeout=60 start >start.log 2>&1 </dev/null ||
        { tail -5 log >&2; fail "PostgreSQL did not start." "Read $folder/log."; }
    unprivileged "$binaries/createdb" --host="$folder" --username=lifelong lifelong
    echo "postgresql:host=$folder user=lifelong dbname=lifelong"
    ;;
stop)
    cd "$folder"
    unprivileged "$binaries/pg_ctl" --pgdata=data --mode=immediate --wait stop >stop.log 2>&1 </dev/null || true
    ;;
*) fail "postgresql.sh does not know \"$1\"." "Say start or stop." ;;
esac
