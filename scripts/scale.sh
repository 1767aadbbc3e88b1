#!/bin/bash
# scale.sh [devices …]: makes the home of a fleet of each size, audits it, measures it, lives a day with it, rolls a release out to it, removes it; then
# draws docs/pictures/scale.svg from all figures (docs/performance.md, "How cost grows"). A million devices take 12 GB of disk
# for the while.
#   LIFELONG_SCALE_FOLDER  where the homes are made; a disk, not memory (default: .build)
source "$(dirname "$0")/common.sh"
folder=${LIFELONG_SCALE_FOLDER:-$PWD/.build}
figures=$folder/scale.json
[ "$#" -gt 0 ] || set -- 10000 100000 1000000
scripts/build.sh release --product lifelong-scale
program=.build/release/lifelong-scale
rm -f "$figures"
# Also of a step that failed, or was stopped: a home may have 12 GB.
home=
trap '[ -z "$home" ] || rm -rf "$home"' EXIT
for devices in "$@"; do
    home=$folder/scale-home-$devices
    rm -rf "$home"
    step "make $devices" "$program" make "$home" --devices "$devices"
    # Each in a process of its own, so that its memory is its own.
    step "audit $devices" "$program" audit "$home" --json "$figures"
    step "measure $devices" "$program" measure "$home" --json "$figures"
    step "day $devices" "$program" day "$home" --json "$figures"
    step "rollout $devices" "$program" rollout "$home" --json "$figures"
    rm -rf "$home"
done
python3 scripts/scale_plot.py "$figures" docs/pictures/scale.svg
echo "The figures are in $figures, the picture in docs/pictures/scale.svg."
