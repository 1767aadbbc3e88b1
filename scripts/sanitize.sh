#!/bin/bash
# sanitize.sh [thread|address] [filter]: the tests in a build with the sanitizer, in a scratch path of its own; both, one after the
# other, unless told. Nothing of ours is suppressed.
source "$(dirname "$0")/common.sh"
require_swift
kinds=("${1:-}")
[ -n "${kinds[0]}" ] || kinds=(thread address)
filter=${2:-}

# What cannot work under a sanitizer, by name, and why.
skips=(
    # Start programs built beside the tests, many times, and measure or time them; their own code is tested without them, too.
    --skip JourneyTests
    # A browser, strongSwan, openssl: other people's programs against the server, which DoorsTests exercise in the process.
    --skip StockTests
    # Reads source files; runs none of it.
    --skip HouseRulesTests
    # The address sanitizer is in every fuzz build, which runs these targets for hours.
    --skip FuzzTests
)
# LeakSanitizer reports a few hundred bytes of XCTest's own runner. A report ends the run, and the run fails.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

sanitized() {
    local kind=$1
    lock_builds
    swift build --build-tests --sanitize="$kind" --scratch-path ".build-$kind" </dev/null >".build-$kind/build.log" 2>&1 ||
        { tail -20 ".build-$kind/build.log" >&2; fail "The build with the $kind sanitizer failed." "Read .build-$kind/build.log."; }
    exec 8>&-
    timeout --kill-after=30 60m swift test --skip-build --no-parallel --sanitize="$kind" --scratch-path ".build-$kind" \
        ${filter:+--filter "$filter"} "${skips[@]}" </dev/null 2>&1 | tee ".build-$kind/test.log" |
        grep -E '^✘|^WARNING: ThreadSanitizer|^==[0-9]+==ERROR|SUMMARY: |^✔ Test run|Test run with'
    local status=${PIPESTATUS[0]}
    ! grep -qE 'ThreadSanitizer|AddressSanitizer' ".build-$kind/test.log" ||
        fail "The $kind sanitizer found something." "Read .build-$kind/test.log."
    return "$status"
}
for kind in "${kinds[@]}"; do
    mkdir -p ".build-$kind"
    step "sanitize ($kind)" sanitized "$kind"
done
