#!/bin/bash
# deb.sh [PROGRAM]: the agent as a Debian package in .build/deb, whose path is the last line; built for release with Swift's
# libraries inside, or of the PROGRAM that is named.
source "$(dirname "$0")/common.sh"
program=${1:-}
# What is packed for a test is packed fast.
compression=(-Zgzip -z1)
if [ -z "$program" ]; then
    compression=(-Zxz)
    require_swift
    # A folder of its own: what is linked without Swift's libraries is compiled otherwise.
    build() {
        lock_builds
        mkdir -p .build-deb
        swift build -c release --static-swift-stdlib --scratch-path .build-deb --product lifelong-agent </dev/null >.build-deb/build.log 2>&1 ||
            { tail -20 .build-deb/build.log >&2; fail "The build failed." "Read .build-deb/build.log from the first error on."; }
    }
    step "build (lifelong-agent, release)" build
    program=.build-deb/release/lifelong-agent
fi
version=$("$program" --version)
architecture=$(dpkg --print-architecture)
out=$PWD/.build/deb
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
install -D -m 755 "$program" "$root/usr/bin/lifelong-agent"
strip --strip-unneeded "$root/usr/bin/lifelong-agent"
install -D -m 644 packaging/agent/lifelong-agent.service "$root/lib/systemd/system/lifelong-agent.service"
install -D -m 644 packaging/agent/lifelong-agent.sysusers "$root/usr/lib/sysusers.d/lifelong-agent.conf"
for name in u-boot rauc; do install -D -m 644 "packaging/agent/examples/$name.conf" "$root/usr/share/doc/lifelong-agent/examples/$name.conf"; done
install -D -m 644 packaging/agent/lifelong-agent.default "$root/etc/default/lifelong-agent"
for name in postinst prerm postrm; do install -D -m 755 "packaging/agent/$name" "$root/DEBIAN/$name"; done
echo /etc/default/lifelong-agent >"$root/DEBIAN/conffiles"
# The C libraries that it needs, by their packages. Swift's own, of a program that has them outside, are in none.
mkdir "$work/debian"
printf 'Source: lifelong\n\nPackage: lifelong-agent\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info "root/usr/bin/lifelong-agent" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || fail "The libraries of the agent were not found out." "Run dpkg-shlibdeps on $program and read what it says."
cat >"$root/DEBIAN/control" <<CONTROL
Package: lifelong-agent
Version: $version
Architecture: $architecture
Maintainer: Lifelong <security@lifelong.example>
Section: admin
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Depends: $libraries, systemd
Description: identity, updates and wipe of this device, as Lifelong says
 Runs on the device for its whole life: it is born at a station, enrols when it
 is paired, checks in, takes signed releases into the slot that does not run,
 goes back if they are no good, and wipes when its owner or its life ends.
CONTROL
package=$out/lifelong-agent_${version}_$architecture.deb
dpkg-deb "${compression[@]}" --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
