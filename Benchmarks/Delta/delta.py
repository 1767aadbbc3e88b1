#!/usr/bin/env python3
"""What deltas cost, by format, on real images: Debian's kernel packages and root file systems made of Debian packages.

    Benchmarks/Delta/delta.py FOLDER      fetches and builds the images below FOLDER (once, about 2 GB), then prints two tables

Needs, from Debian: xdelta3 bsdiff zchunk casync zstd squashfs-tools e2fsprogs; two versions of a kernel in apt's sources, and
packages that have a security update. Formats that are seconds of one core at nice 19; memory is the peak resident set of the
one process that a device would run (VmHWM), the old image's page cache not counted.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
sys_executable = os.path.realpath(sys.executable)
UUID = "6c696665-6c6f-4e67-8000-000000000001"
# What a small Linux device has; which of them differ is what Debian updated since its point release.
ROOT = """base-files base-passwd bash bsdutils coreutils dash dbus debianutils diffutils dpkg findutils gcc-12-base grep gzip
init-system-helpers iproute2 kmod libc-bin libc6 libcap2 libcrypt1 libcurl4 curl libdbus-1-3 libexpat1 libgcc-s1 libgcrypt20
libgnutls30 libkmod2 liblzma5 libmount1 libpam-modules libpam0g libpcre2-8-0 libpython3.11-minimal libpython3.11-stdlib
libselinux1 libsqlite3-0 libssh2-1 libssl3 libstdc++6 libsystemd-shared libsystemd0 libudev1 libuuid1 libxml2 libzstd1 login
mount ncurses-base ncurses-bin openssh-client openssh-server openssl passwd perl-base python3.11 python3.11-minimal sed sudo
systemd systemd-timesyncd tar tzdata udev util-linux vim-common vim-tiny wpasupplicant zlib1g""".split()


def run(*words, **options):
    """Runs a program to its end; returns (seconds of CPU, peak resident MiB)."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(words, stdout=options.pop("stdout", subprocess.DEVNULL), stderr=errors, **options)
        # Not ru_maxrss, which begins with what this process had when it forked.
        peak = 0
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            try:
                with open(f"/proc/{child.pid}/status") as status:
                    found = re.search(r"VmHWM:\s+(\d+)", status.read())
                    peak = int(found.group(1)) if found and os.readlink(f"/proc/{child.pid}/exe") != sys_executable else peak
            except OSError:
                pass
            time.sleep(0.005)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            raise SystemExit(f"{' '.join(words)} ended with {child.returncode}: {errors.read()[-400:].decode()}")
    return usage.ru_utime + usage.ru_stime, peak / 1024


def versions(package):
    """Oldest and newest that apt knows."""
    listed = subprocess.run(["apt-cache", "madison", package], capture_output=True, text=True, check=True).stdout
    found = list(dict.fromkeys(line.split("|")[1].strip() for line in listed.splitlines() if "Sources" not in line))
    if not found:
        raise SystemExit(f"apt knows no {package}; run: apt-get update")
    return found[-1], found[0]


def fetch(folder, package, version):
    os.makedirs(folder, exist_ok=True)
    before = set(os.listdir(folder))
    run("apt-get", "download", f"{package}={version}", cwd=folder)
    new = [name for name in os.listdir(folder) if name not in before]
    return os.path.join(folder, new[0]) if new else None


def kernels(folder):
    """The contents of the two newest kernel packages."""
    names = subprocess.run(["apt-cache", "search", "--names-only", r"^linux-image-6\.1\.0-[0-9]+-cloud-amd64$"],
                           capture_output=True, text=True, check=True).stdout
    numbers = sorted(int(number) for number in re.findall(r"-6\.1\.0-(\d+)-", names))[-2:]
    for side, number in zip(("old", "new"), numbers):
        out = f"{folder}/kernel-{side}.tar"
        if os.path.exists(out):
            continue
        package = f"linux-image-6.1.0-{number}-cloud-amd64"
        deb = fetch(f"{folder}/debs", package, versions(package)[1])
        with open(out + ".part", "wb") as file:
            run("dpkg-deb", "--fsys-tarfile", deb, stdout=file)
        os.rename(out + ".part", out)


def roots(folder):
    """The same packages at Debian's point release and with today's updates: as tar, as ext4 and as squashfs."""
    changed = 0
    for side in ("old", "new"):
        tree = f"{folder}/root-{side}"
        if not os.path.exists(tree):
            os.makedirs(tree + ".part", exist_ok=True)
            for package in ROOT:
                pair = versions(package)
                changed += side == "new" and pair[0] != pair[1]
                kept = f"{folder}/debs-{side}"
                deb = fetch(kept, package, pair[0 if side == "old" else 1])
                run("dpkg-deb", "-x", deb, tree + ".part")
            os.rename(tree + ".part", tree)
            if side == "new":
                print(f"note: {changed} of {len(ROOT)} packages of the root file system differ")
        made = {
            "tar": ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-C", tree, "-cf"],
            "squashfs": ["mksquashfs", tree],
            "ext4": ["mke2fs", "-q", "-t", "ext4", "-d", tree, "-U", UUID, "-E", f"hash_seed={UUID}", "-O", "^metadata_csum"],
        }
        for kind, words in made.items():
            out = f"{folder}/root-{side}.{kind}"
            if os.path.exists(out):
                continue
            part = out + ".part"
            if kind == "tar":
                run(*words, part, ".")
            elif kind == "squashfs":
                run(*words, part, "-noappend", "-comp", "zstd", "-all-root", "-mkfs-time", "0", "-all-time", "0", "-processors", "1")
            else:
                run(*words, part, "320M")
            os.rename(part, out)


def tool(folder, name, old, new):
    """Returns (delta bytes, seconds to make, MiB to make, seconds to apply, MiB to apply)."""
    work = f"{folder}/work"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    delta, out = f"{work}/delta", f"{work}/out"
    if name.startswith("xdelta3"):
        options = {"xdelta3 lzma": ["-S", "lzma"], "xdelta3 plain": ["-S", "none"], "xdelta3 plain 512 KiB": ["-S", "none", "-W", str(512 << 10)]}[name]
        # The source window holds the whole old image, as bsdiff's does.
        making = run("xdelta3", "-e", "-9", "-f", "-B", str(2 << 30), *options, "-s", old, new, delta)
        applying = run("xdelta3", "-d", "-f", "-B", str(8 << 20), "-s", old, delta, out)
        size = os.path.getsize(delta)
        if "plain" in name:
            run("gzip", "-9k", delta)
            run("xz", "-9k", delta)
            print(f"      {name}: {os.path.getsize(delta + '.gz')} with gzip, {os.path.getsize(delta + '.xz')} with xz")
    elif name == "bsdiff":
        making, applying = run("bsdiff", old, new, delta), run("bspatch", old, out, delta)
        size = os.path.getsize(delta)
    elif name == "zstd --patch-from":
        making = run("zstd", "-q", "-19", "--long=31", "-T1", f"--patch-from={old}", new, "-o", delta)
        applying = run("zstd", "-q", "-d", "--long=31", f"--patch-from={old}", delta, "-o", out)
        size = os.path.getsize(delta)
    elif name == "zchunk":
        making = run("zck", "-o", f"{work}/old.zck", old)
        making = run("zck", "-o", f"{work}/new.zck", new)
        told = subprocess.run(["zck_delta_size", f"{work}/old.zck", f"{work}/new.zck"], capture_output=True, text=True)
        size = int(re.search(r"download (\d+) of", told.stdout + told.stderr).group(1)) if "download" in told.stdout + told.stderr else -1
        if size < 0:
            raise SystemExit(f"zck_delta_size says: {told.stdout}{told.stderr}")
        applying = run("unzck", "-c", f"{work}/new.zck", stdout=open(out, "wb"))
    elif name == "casync":
        run("casync", "make", f"--store={work}/o.castr", f"{work}/o.caibx", old)
        making = run("casync", "make", f"--store={work}/n.castr", f"{work}/n.caibx", new)
        have = {file for _, _, files in os.walk(f"{work}/o.castr") for file in files}
        size = os.path.getsize(f"{work}/n.caibx") + sum(
            os.path.getsize(os.path.join(at, file)) for at, _, files in os.walk(f"{work}/n.castr") for file in files if file not in have)
        applying = run("casync", "extract", f"--store={work}/n.castr", f"--seed={old}", f"{work}/n.caibx", out)
    if name != "zchunk" or os.path.getsize(out):
        assert digest(out) == digest(new), f"{name} made another image"
    return size, making[0], making[1], applying[0], applying[1]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    os.makedirs(folder, exist_ok=True)
    os.nice(19)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    kernels(folder)
    roots(folder)
    tools = ["xdelta3 lzma", "xdelta3 plain", "xdelta3 plain 512 KiB", "bsdiff", "zstd --patch-from", "zchunk", "casync"]
    for image in ("kernel-{}.tar", "root-{}.tar", "root-{}.ext4", "root-{}.squashfs"):
        old, new = (f"{folder}/{image.format(side)}" for side in ("old", "new"))
        with open(f"{folder}/whole.xz", "wb") as file:
            run("xz", "-c", "-6", new, stdout=file)
        whole = os.path.getsize(f"{folder}/whole.xz")
        print(f"\n{image.format('*')}: {os.path.getsize(new) / MIB:.1f} MiB, {whole / MIB:.1f} MiB with xz\n")
        print("| format | delta MiB | of the image | of it in xz | make s | make MiB | apply s | apply MiB |")
        print("|---|---|---|---|---|---|---|---|")
        for name in tools:
            size, make_s, make_m, apply_s, apply_m = tool(folder, name, old, new)
            print(f"| {name} | {size / MIB:.2f} | {100 * size / os.path.getsize(new):.1f} % | {100 * size / whole:.0f} % "
                  f"| {make_s:.1f} | {make_m:.0f} | {apply_s:.1f} | {apply_m:.0f} |", flush=True)
    shutil.rmtree(f"{folder}/work", ignore_errors=True)


main()
