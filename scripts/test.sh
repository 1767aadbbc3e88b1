#!/bin/bash
# test.sh: what CI runs. Ends with one line, "N passed, N failed, N skipped", and fails if anything did.
source "$(dirname "$0")/common.sh"
began=$SECONDS
# Longest time that all tests together may take; a hang fails instead of eating CI's 90 minutes.
limit_minutes=60

finish() {
    local status=$?
    trap - EXIT
    [ -n "${counts:-}" ] || counts="0 passed, 1 failed, 0 skipped"
    echo "== total: $((SECONDS - began)) s"
    echo "$counts"
    exit "$status"
}
trap finish EXIT

step install scripts/install.sh test
step tidy scripts/tidy.sh --format-only
scripts/build.sh debug --build-tests

# Not in .build: what is read here must be where it is written, also for builds in a mount of their own.
folder=$(mktemp -d -t lifelong-test.XXXXXX)
results=$folder/results
log=$folder/log
# Failures as they happen, a line for every hundred that passed, and what tests say about parts that are not here.
show='
    /^✔ Test .* passed after/ { if (++passed % 100 == 0) print "   " passed " passed …" }
    /^✘ Test .*(recorded an issue|failed after)/ && !/^✘ Test run/ { print substr($0, 1, 400) }
    /^(notice|note|x509-limbo|pkilint)/ { print }
    { fflush() }'
tests() {
    # One test after another: many start servers, agents and browsers, and their time limits mean something.
    timeout --kill-after=30 "${limit_minutes}m" swift test --skip-build --no-parallel --xunit-output "$results.xml" </dev/null 2>&1 |
        tee "$log" | awk "$show"
    return "${PIPESTATUS[0]}"
}
status=0
step tests tests || status=$?

# Swift Testing writes its own file beside the one that was asked for. Without it the run died, and the log is counted.
report=$results-swift-testing.xml
if [ -s "$report" ]; then
    # One test, one count, however many cases it has; a failed one has an element for each issue.
    counts=$(awk '
        /<testcase / { all++; bad = 0; out = 0 }
        /<failure/ { if (!bad) { failed++; bad = 1 } }
        /<skipped/ { if (!out) { skipped++; out = 1 } }
        END { printf "%d passed, %d failed, %d skipped", all - failed - skipped, failed, skipped }' "$report")
else
    passed=$(grep -cE '^✔ Test .* passed after' "$log" || true)
    failed=$(grep -cE '^✘ Test .* failed after' "$log" || true)
    skipped=$(grep -cE '^➜ Test .* skipped' "$log" || true)
    counts="$passed passed, $((failed + 1)) failed, $skipped skipped"
    echo "The tests did not come to their end (status $status); see $log." >&2
    [ "$status" -ne 0 ] || status=1
fi
# A run without tests, or with failures that it does not admit, is no success.
case "$counts" in '0 passed'*) status=1 ;; *' 0 failed'*) ;; *) [ "$status" -ne 0 ] || status=1 ;; esac
if [ "$status" -ne 0 ]; then
    echo "-- what failed:"
    grep -E '^✘ Test .*failed after|error: |Fatal|crashed' "$log" | grep -v '^✘ Test run' | cut -c1-300 | sort -u | head -60 || true
fi
skips=$(grep -E '^➜ Test ' "$log" | sed 's/^➜ Test //' | sort -u || true)
[ -z "$skips" ] || printf -- '-- skipped, and why:\n%s\n' "$skips"
if [ "$status" -eq 0 ]; then rm -rf "$folder"; else echo "-- the whole log: $log"; fi
exit "$status"
