#!/bin/bash
# crash-agent.sh [VERB,VERB…] [EVERY]: every fault at every file operation of every verb of the agent (or of these verbs, or at
# every Nth operation); prints a line for each verb.
source "$(dirname "$0")/common.sh"
scripts/build.sh debug --build-tests
LIFELONG_CRASH_AGENT=${1:-all} LIFELONG_CRASH_AGENT_EVERY=${2:-1} swift test --skip-build --no-parallel --filter 'AgentFaultTests' 2>&1 |
  grep -E '^note:|recorded an issue|✔|✘|Test run'
exit "${PIPESTATUS[0]}"
