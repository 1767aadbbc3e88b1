#!/bin/bash
# install.sh run|test|deb|bench|failover: installs what is missing on Debian and its relatives, and asks nothing.
# Without root it says what to install. Swift itself is expected.
source "$(dirname "$0")/common.sh"

# Headers and libraries that the programs are built with.
for_run=(git ca-certificates pkg-config libsqlite3-dev libpq-dev zlib1g-dev libqrencode-dev libp11-kit-dev)
# Other people's update clients, and what packs their images, for the story of make run.
for_story=(swupdate cpio openssl mender-client mender-artifact util-linux)
# Strangers that the tests talk to: other people's TLS, EST, browser, QR reader, clock.
for_test=(
    curl python3 python3-venv sqlite3 faketime zbar-tools librsvg2-bin
    strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins libcharon-extra-plugins
    chromium fonts-liberation postgresql postgresql-client haproxy
    softhsm2 opensc gcc libc6-dev strace libubootenv-tool rauc rauc-service xdelta3
    dpkg-dev binutils systemd
    rauc squashfs-tools
    swtpm tpm2-abrmd libtss2-tcti-tabrmd0 libtpm2-pkcs11-1 libtpm2-pkcs11-tools tpm2-tools dbus-daemon
)
for_deb=(git ca-certificates pkg-config zlib1g-dev dpkg-dev binutils systemd)
# nginx and PostgreSQL's pgbench are peers; gcc and libssl-dev build the load program.
for_bench=(openssl postgresql nginx-light golang-cfssl gcc libc6-dev libssl-dev python3 procps util-linux)
for_failover=(postgresql postgresql-client patroni etcd-server python3-etcd curl python3)

case "${1:-}" in
run) wanted=("${for_run[@]}" "${for_story[@]}") ;;
test) wanted=("${for_run[@]}" "${for_story[@]}" "${for_test[@]}") ;;
deb) wanted=("${for_deb[@]}") ;;
bench) wanted=("${for_run[@]}" "${for_bench[@]}") ;;
failover) wanted=("${for_run[@]}" "${for_failover[@]}") ;;
*) fail "install.sh needs to know what for." "Say: scripts/install.sh run, test, deb, bench or failover." ;;
esac

require_swift

if ! command -v dpkg-query >/dev/null; then
    echo "note: this is not Debian; expecting the equivalents of: ${wanted[*]}"
else
    missing=()
    for package in "${wanted[@]}"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -q '^installed$' || missing+=("$package")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        [ "$(id -u)" -eq 0 ] || fail "Packages are missing: ${missing[*]}" "Run: sudo apt-get install --no-install-recommends ${missing[*]}"
        echo "installing ${missing[*]}"
        mkdir -p .build
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q </dev/null >.build/apt.log 2>&1 || { tail -20 .build/apt.log >&2; fail "apt-get update failed." "Look at the lines above; is the network there?"; }
        apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >>.build/apt.log 2>&1 || { tail -20 .build/apt.log >&2; fail "apt-get install failed." "Look at the lines above."; }
    fi
fi

if [ "$1" = test ]; then
    # Python tools in a place of their own; made anew when the list changes.
    if ! cmp -s scripts/requirements.txt .venv/requirements.txt; then
        echo "installing Python tools into .venv"
        python=/usr/bin/python3
        [ -x "$python" ] || python=python3
        [ -x .venv/bin/python ] || "$python" -m venv .venv
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -r scripts/requirements.txt </dev/null
        cp scripts/requirements.txt .venv/requirements.txt
    fi
fi
