#!/bin/bash
# crash.sh [kills]: a thousand kills on SQLite, with the optimised server. docs/reliability.md has the figures.
source "$(dirname "$0")/common.sh"
kills=${1:-1000}
scripts/build.sh release --product lifelong
scripts/build.sh release --product lifelong-crash
scripts/build.sh release --product FaultyDisk
step "crash (sqlite)" .build/release/lifelong-crash --engine sqlite --kills "$kills"
