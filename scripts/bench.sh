#!/bin/bash
# bench.sh [folder] [seconds]: builds for release, measures the peer, then us, and prints the table for docs/performance.md.
source "$(dirname "$0")/common.sh"
scripts/build.sh release --product lifelong-bench
OPENSSL_SIGNS=$(openssl speed -seconds 3 ecdsap256 2>/dev/null </dev/null | awk '/nistp256/ { print $(NF - 1) }' || true)
export OPENSSL_SIGNS
exec .build/release/lifelong-bench "$@"
