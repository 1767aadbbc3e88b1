#!/bin/bash
# deb-check.sh PACKAGE: installs it over this machine's files, in layers that are thrown away (overlayfs in a mount namespace of
# its own; root), runs what it brought, removes and purges it, and demands that nothing stays. Prints a line for each step.
source "$(dirname "$0")/common.sh"
[ $# -eq 1 ] && [ -f "$1" ] || fail "deb-check.sh needs a package." "Run: make deb"
[ "$(id -u)" -eq 0 ] || fail "Installing needs root." "Run: sudo scripts/deb-check.sh $1"
package=$(realpath "$1")
if [ -z "${LIFELONG_DEB_CHECK:-}" ]; then
    LIFELONG_DEB_CHECK=$(mktemp -d)
    export LIFELONG_DEB_CHECK
    status=0
    unshare --mount --propagation private "$0" "$package" || status=$?
    rmdir "$LIFELONG_DEB_CHECK"
    exit $status
fi
layers=$LIFELONG_DEB_CHECK
mount -t tmpfs -o mode=755 layers "$layers"
mkdir "$layers/upper" "$layers/work" "$layers/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layers/upper,workdir=$layers/work" "$layers/root" || fail "There is no overlayfs here." "Run it on a machine with it."
root=$layers/root
for folder in proc dev; do mount --rbind "/$folder" "$root/$folder"; done
cp "$package" "$root/package.deb"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
demand() {
    local what=$1
    shift
    "$@" >"$layers/said" 2>&1 || { cat "$layers/said" >&2; fail "It does not hold: $what." "Read the lines above."; }
    echo "holds: $what"
}
absent() { ! inside test -e "$1"; }

demand "installs" inside dpkg -i /package.deb
demand "is configured" sh -c "chroot $root dpkg-query -W -f='\${db:Status-Status}' lifelong-agent | grep -qx installed"
demand "its program runs" inside /usr/bin/lifelong-agent --version
demand "has a user without a shell" sh -c "chroot $root getent passwd lifelong-agent | grep -q nologin"
demand "its home is the agent's alone" sh -c "[ \"\$(chroot $root stat -c '%U %a' /var/lib/lifelong)\" = 'lifelong-agent 700' ]"
demand "starts with the next boot" inside test -L /etc/systemd/system/multi-user.target.wants/lifelong-agent.service
demand "its unit is a good one" inside systemd-analyze verify /lib/systemd/system/lifelong-agent.service
# 0 is locked up, 10 is free; most of Debian's own services have 9 and more.
demand "its unit is hardened (exposure at most 2)" inside systemd-analyze security --offline=true --threshold=20 lifelong-agent.service
demand "the doctor says what to do with a unit that is not born" sh -c "chroot $root runuser -u lifelong-agent -- lifelong-agent doctor | grep -q 'lifelong-agent birth'"
demand "can be disabled" inside systemctl disable lifelong-agent.service
demand "installs again over itself" inside dpkg -i /package.deb
demand "stays disabled then" sh -c "! test -L $root/etc/systemd/system/multi-user.target.wants/lifelong-agent.service"
demand "can be enabled" inside systemctl enable lifelong-agent.service
demand "keeps what an administrator changed" sh -c "echo '# mine' >>$root/etc/default/lifelong-agent && chroot $root dpkg --force-confold -i /package.deb && grep -q '^# mine' $root/etc/default/lifelong-agent"
inside mkdir /var/lib/lifelong/identity
echo '{}' >"$root/var/lib/lifelong/identity/unit.json"
demand "is removed" inside dpkg -r lifelong-agent
demand "its program is gone" absent /usr/bin/lifelong-agent
demand "its unit is gone" absent /lib/systemd/system/lifelong-agent.service
demand "does not start any more" sh -c "! test -L $root/etc/systemd/system/multi-user.target.wants/lifelong-agent.service"
demand "is purged, and leaves the device's identity" inside dpkg -P lifelong-agent
demand "the identity is there" inside test -e /var/lib/lifelong/identity/unit.json
inside rm -r /var/lib/lifelong/identity
demand "installs once more" inside dpkg -i /package.deb
demand "is purged with all" inside dpkg -P lifelong-agent
for left in /var/lib/lifelong /etc/default/lifelong-agent /usr/lib/sysusers.d/lifelong-agent.conf; do demand "$left is gone" absent "$left"; done
demand "its user is gone" sh -c "! chroot $root getent passwd lifelong-agent"
