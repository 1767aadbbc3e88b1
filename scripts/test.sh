#!/bin/bash
# test.sh: what CI runs. Ends with one line, "N passed, N failed, N skipped", and fails if anything did.
source "$(dirname "$0")/common.sh"
began=$SECONDS
# Longest time that all tests together may take; a hang fails instead of eating CI's 90 minutes.
limit_minutes=60

finish() {
    local status=$?
    trap - EXIT
    [ -z "${folder:-}" ] || scripts/postgresql.sh stop "$folder/postgresql"
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
# PostgreSQL runs as a user of its own and has to get through to its folder.
chmod 711 "$folder"
# Failures as they happen, a line for every hundred that passed, and what tests say about parts that are not here.
show='
    /^✔ Test .* passed after/ { if (++passed % 100 == 0) print "   " passed " passed …" }
    /^✘ Test .*(recorded an issue|failed after)/ && !/^✘ Test run/ { print substr($0, 1, 400) }
    /^(notice|note|x509-limbo|pkilint)/ { print }
    { fflush() }'
status=0
passed=0 failed=0 skipped=0

# run_tests NAME [swift test options]: one run of the suite; adds to the three sums.
run_tests() {
    local name=$1 log=$folder/$1.log results=$folder/$1 ended=0
    shift
    # One test after another: many start servers, agents and browsers, and their time limits mean something.
    timeout --kill-after=30 "${limit_minutes}m" swift test --skip-build --no-parallel --xunit-output "$results.xml" "$@" \
        </dev/null 2>&1 | tee "$log" | awk "$show"
    ended=${PIPESTATUS[0]}
    # Swift Testing writes its own file beside the one that was asked for. Without it the run died, and the log is counted.
    local report=$results-swift-testing.xml here=0 bad=0 out=0
    if [ -s "$report" ]; then
        # One test, one count, however many cases it has; a failed one has an element for each issue.
        read -r here bad out < <(awk '
            /<testcase / { all++; bad = 0; out = 0 }
            /<failure/ { if (!bad) { failed++; bad = 1 } }
            /<skipped/ { if (!out) { skipped++; out = 1 } }
            END { print all - failed - skipped, failed + 0, skipped + 0 }' "$report")
    else
        here=$(grep -cE '^✔ Test .* passed after' "$log" || true)
        bad=$(($(grep -cE '^✘ Test .* failed after' "$log" || true) + 1))
        out=$(grep -cE '^➜ Test .* skipped' "$log" || true)
        echo "The tests did not come to their end (status $ended); see $log." >&2
    fi
    passed=$((passed + here)) failed=$((failed + bad)) skipped=$((skipped + out))
    # A run without tests, or with failures that it does not admit, is no success.
    if [ "$ended" -ne 0 ] || [ "$here" -eq 0 ] || [ "$bad" -ne 0 ]; then
        [ "$bad" -ne 0 ] || failed=$((failed + 1))
        echo "-- what failed:"
        grep -E '^✘ Test .*failed after|error: |Fatal|crashed' "$log" | grep -v '^✘ Test run' | cut -c1-300 | sort -u | head -60 || true
        return 1
    fi
}

step "tests on SQLite" run_tests sqlite || status=1

# Everything that touches the engine a second time, on a PostgreSQL of its own.
if LIFELONG_TEST_DATABASE=$(scripts/postgresql.sh start "$folder/postgresql" "$$"); then
    export LIFELONG_TEST_DATABASE
    # Left out of it: stations, agents and auditors, which never see a database, and what puts back SQLite's files.
    step "tests on PostgreSQL" run_tests postgresql --filter '^(RegistryTests|RoomsTests|DoorsTests|JourneyTests)\.' \
        --skip 'A station that dies|A unit (at the station|being born)|A run`|A disturbed line|An update that is cut|A download|A log (under audit|over HTTP)|contact with its service|read by pkilint|API is documented|that is rolled back or forked' || status=1
    scripts/postgresql.sh stop "$folder/postgresql"
else
    failed=$((failed + 1)) status=1
fi

counts="$passed passed, $failed failed, $skipped skipped"
skips=$(grep -hE '^➜ Test ' "$folder"/*.log | sed 's/^➜ Test //' | sort -u || true)
[ -z "$skips" ] || printf -- '-- skipped, and why:\n%s\n' "$skips"
if [ "$status" -eq 0 ]; then rm -rf "$folder"; else echo "-- the whole logs: $folder"; fi
exit "$status"
