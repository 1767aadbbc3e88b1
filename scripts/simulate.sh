#!/bin/bash
# simulate.sh [minutes]: builds for release, searches every state, then runs both simulations from random seeds, so long each.
source "$(dirname "$0")/common.sh"
minutes=${1:-1}
scripts/build.sh release --product lifelong-simulate
program=.build/release/lifelong-simulate
step exhaustive "$program" --level exhaustive
step pure "$program" --level pure --minutes "$minutes"
step registry "$program" --level registry --minutes "$minutes"
step rollout "$program" --level rollout --devices 1000000
