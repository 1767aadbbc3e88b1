#!/bin/bash
# tidy.sh: the formatter, and the house rules as tests (Tests/HouseRulesTests).
source "$(dirname "$0")/common.sh"
require_swift
format() {
    local folders=()
    for folder in Sources Tests Benchmarks Fuzz; do [ -d "$folder" ] && folders+=("$folder"); done
    swift format lint --strict --recursive --parallel "${folders[@]}" Package.swift ||
        fail "Files are not in the house's format." "Run: make format"
}
step format format
[ "${1:-}" = --format-only ] && exit 0
scripts/install.sh run
scripts/build.sh debug --build-tests
step "house rules" swift test --skip-build --filter HouseRulesTests
