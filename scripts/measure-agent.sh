#!/bin/bash
# measure-agent.sh [PROGRAM]: memory and start of the agent, optimised as in its package (or of this PROGRAM), against the built tests.
source "$(dirname "$0")/common.sh"
program=${1:-}
if [ -z "$program" ]; then
    scripts/deb.sh >/dev/null
    program=.build-deb/release/lifelong-agent
fi
LIFELONG_MEASURE_AGENT=$(realpath "$program") swift test --skip-build --no-parallel --filter 'AgentFaultTests.*costs' 2>&1 | grep -E 'note:|rror|✘'
