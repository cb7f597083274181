#!/bin/bash
# molgun_lmp of the checkout in $1 into a virtual environment in $2, its pair style compiled into $2/cache.
# TORCH_INDEX: another index for torch, such as that of its CUDA builds.
set -euo pipefail
source=$1 home=$2
python3 -m venv "$home"
torch=(-c "$source/constraints.txt" torch)
if [ -n "${TORCH_INDEX:-}" ]; then torch=(--index-url "$TORCH_INDEX" "torch==$(sed -n 's/^torch==//p' "$source/constraints.txt")"); fi
"$home/bin/pip" install --no-cache-dir "${torch[@]}"
"$home/bin/pip" install --no-cache-dir -c "$source/constraints.txt" "${source}[${EXTRAS:-fast}]"
MOLGUN_CACHE=$home/cache "$home/bin/python" -c 'from molgun_lmp.engine.plugin_build import ensure_plugin; print(ensure_plugin())'
