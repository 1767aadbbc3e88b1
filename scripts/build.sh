#!/bin/bash
# build.sh debug|release [swift build options]: one build at a time, with the imports checked.
source "$(dirname "$0")/common.sh"
require_swift
configuration=${1:-debug}
shift || true
lock_builds
log=.build/build.log
# The whole of the compiler's talk goes to a file; on a failure its errors are shown.
build() {
    swift build -c "$configuration" --explicit-target-dependency-import-check error "$@" </dev/null >"$log" 2>&1 && return 0
    grep -E 'error:|warning: unre' "$log" | sort -u | head -60 >&2 || true
    tail -5 "$log" >&2
    fail "The build failed." "Read $log from the first error on."
}
step "build ($configuration)" build "$@"
