#!/bin/bash
# Does the environment in $1 fire trajectories? Two short shots of the example, decided, in a folder of their own.
set -euo pipefail
home=$1
export MOLGUN_CACHE=$home/cache PATH=$home/bin:$PATH OMP_NUM_THREADS=1
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cd "$work"
molgun doctor
molgun init first --example ecco-si001
for engine in symmetrix mace; do
  molgun plan first/campaign.yaml --output "$engine" --set engine.kind="$engine" --set trajectories=2 --set dynamics.steps=20
  molgun run "$engine"
  molgun analyse "$engine"
  echo "$engine: 2 shots fired and decided"
done
