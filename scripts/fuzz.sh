#!/bin/bash
# fuzz.sh: the fuzz program with the fuzzer and address sanitizers on the whole build (docs/decisions/0009-fuzzing.md).
source "$(dirname "$0")/common.sh"
require_swift
lock_builds
export LIFELONG_FUZZ=1
step "build (fuzz)" swift build -c release --scratch-path .build-fuzz --product lifelong-fuzz \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld </dev/null
echo "Run: SWIFT_BACKTRACE=enable=no .build-fuzz/release/lifelong-fuzz TARGET [libFuzzer options] [corpus]"
