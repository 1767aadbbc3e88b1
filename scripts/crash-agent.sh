#!/bin/bash
# crash-agent.sh: every fault at every file operation of every verb of the agent; prints a line for each verb.
source "$(dirname "$0")/common.sh"
scripts/build.sh debug --build-tests
LIFELONG_CRASH_AGENT=all swift test --skip-build --no-parallel --filter 'AgentFaultTests' 2>&1 | grep -E '^note:|recorded an issue|✔|✘|Test run'
exit "${PIPESTATUS[0]}"
