#!/bin/bash
# crash.sh [kills [engine…]]: a thousand kills on each engine, with the optimised server. docs/reliability.md has the figures.
source "$(dirname "$0")/common.sh"
kills=${1:-1000}
engines=("${@:2}")
[ "${#engines[@]}" -gt 0 ] || engines=(sqlite postgresql)
for product in lifelong lifelong-crash FaultyDisk; do scripts/build.sh release --product "$product"; done
for engine in "${engines[@]}"; do
    step "crash ($engine)" .build/release/lifelong-crash --engine "$engine" --kills "$kills"
done
