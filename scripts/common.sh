# Sourced by the other scripts: the root, and how steps are announced and timed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit 1
}

# step NAME COMMAND…: runs it, and says how long it took.
step() {
    local name=$1 began=$SECONDS status=0
    shift
    echo "== $name"
    "$@" || status=$?
    echo "== $name: $((SECONDS - began)) s$([ "$status" -eq 0 ] || echo ", FAILED")"
    return "$status"
}

require_swift() {
    command -v swift >/dev/null || fail "Swift is not installed." "Install Swift 6.2 or newer from https://swift.org/install and put it on the PATH."
    local version
    version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+' | head -1)
    case "$version" in
    '' | [0-5].* | 6.[01]) fail "Swift ${version:-of an unknown version} is too old." "Install Swift 6.2 or newer from https://swift.org/install." ;;
    esac
}

# One build at a time, also between terminals; waits for the other to end.
lock_builds() {
    mkdir -p .build
    exec 8>.build/make.lock
    flock -n 8 || { echo "waiting for another build in this folder …"; flock 8; }
}
