#!/bin/bash
# overload.sh [seconds [devices [half-open]]]: release build, then a crowd on a real server (Benchmarks/Overload/overload.py).
source "$(dirname "$0")/common.sh"
scripts/build.sh release --product lifelong
scripts/build.sh release --product lifelong-bench
gcc -O2 -D_GNU_SOURCE -o .build/release/storm Benchmarks/Overload/storm.c -lssl -lcrypto
folder=.build/overload
rm -rf "$folder"
exec python3 Benchmarks/Overload/overload.py .build/release "$folder" "$@"
