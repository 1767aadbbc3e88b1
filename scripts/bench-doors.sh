#!/bin/bash
# bench-doors.sh [seconds [devices [rounds]]]: release build, then what devices cost the server beside nginx (Benchmarks/Doors/bench.py).
source "$(dirname "$0")/common.sh"
scripts/build.sh release --product lifelong
scripts/build.sh release --product lifelong-bench
gcc -O2 -D_GNU_SOURCE -o .build/release/load Benchmarks/Doors/load.c -lssl -lcrypto -lpthread
gcc -O2 -D_GNU_SOURCE -o .build/release/drain Benchmarks/Delivery/drain.c -lssl -lcrypto
ulimit -n 16384 2>/dev/null || true
folder=.build/bench-doors
rm -rf "$folder"
exec python3 Benchmarks/Doors/bench.py .build/release "$folder" "$@"
