#!/bin/bash
# fuzz.sh [seconds a target] [target…]: libFuzzer over every parser of outside bytes, with the fuzzer and address sanitizers on
# the whole build (docs/decisions/0009-fuzzing.md). Corpora stay in .build-fuzz/corpus; what breaks a promise is kept in
# .build-fuzz/findings, minimised, to be committed under Fuzz/regressions. JOBS targets at a time (2).
source "$(dirname "$0")/common.sh"
require_swift
seconds=${1:-60}
shift || true
jobs=${JOBS:-2}
program=$PWD/.build-fuzz/release/lifelong-fuzz
build() {
    lock_builds
    LIFELONG_FUZZ=1 swift build -c release --scratch-path .build-fuzz --product lifelong-fuzz \
        -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld </dev/null >.build-fuzz/build.log 2>&1 ||
        { tail -20 .build-fuzz/build.log >&2; fail "The fuzz build failed." "Read .build-fuzz/build.log."; }
}
mkdir -p .build-fuzz
[ -n "${SKIP_BUILD:-}" ] || step "build (fuzz)" build
# A backtrace by Swift's own handler hides the crash from libFuzzer; leaks are libFuzzer's own.
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <("$program" list)
corpus=$PWD/.build-fuzz/corpus findings=$PWD/.build-fuzz/findings logs=$PWD/.build-fuzz/logs
mkdir -p "$corpus" "$findings" "$logs"
"$program" seeds "$PWD/.build-fuzz/seeds"

one() {
    local name=$1
    mkdir -p "$corpus/$name" "$findings/$name" "$PWD/Fuzz/regressions/$name"
    nice -n 19 "$program" "$name" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -use_value_profile=1 -artifact_prefix="$findings/$name/" \
        "$corpus/$name" "$PWD/.build-fuzz/seeds/$name" "$PWD/Fuzz/regressions/$name" >"$logs/$name" 2>&1 ||
        echo "ended with $?" >>"$logs/$name"
    rmdir --ignore-fail-on-non-empty "$PWD/Fuzz/regressions/$name"
}
run_all() {
    local name
    for name in "${targets[@]}"; do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
        one "$name" &
    done
    wait
}
step "fuzz (${#targets[@]} targets, $seconds s each, $jobs at a time)" run_all

# One line a target: runs, executions a second, edges covered, inputs kept, findings.
printf '%-24s %12s %9s %8s %7s %9s\n' target runs 'a second' edges corpus findings
status=0 ended=()
for name in "${targets[@]}"; do
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$logs/$name")
    edges=$(grep -oE 'cov: [0-9]+' "$logs/$name" | tail -1 | cut -c6- || true)
    found=$(find "$findings/$name" -type f | wc -l)
    [ "$found" -eq 0 ] || status=1
    # One that ended before its time says no number of runs, or that it failed; with or without an input to show for it.
    if [ "${runs:-0}" -eq 0 ] || grep -q '^ended with' "$logs/$name"; then
        status=1
        ended+=("$name")
    fi
    printf '%-24s %12s %9s %8s %7s %9s\n' "$name" "${runs:-?}" "${rate:-?}" "${edges:-?}" "$(find "$corpus/$name" -type f | wc -l)" "$found"
done
[ "${#ended[@]}" -eq 0 ] || echo "Ended before their time: ${ended[*]}" >&2
[ "$status" -eq 0 ] || fail "Promises were broken, or not tried." "Look into .build-fuzz/logs, fix it, and keep the input under Fuzz/regressions."
