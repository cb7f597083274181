#!/bin/bash
# A stock release of LAMMPS with KOKKOS for CUDA, PLUGIN, ML-IAP and PYTHON into $1, beside the Python environment in $2,
# and this project's pair style for it into $1/plugins.
# LAMMPS_TAG: the release; GPU_ARCH: Kokkos's name of the GPU; JOBS: compilers at a time.
set -euo pipefail
prefix=$1 python=$2
tag=${LAMMPS_TAG:-stable_22Jul2025_update4} arch=${GPU_ARCH:-HOPPER90}
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends cmake curl libopenmpi-dev openmpi-bin
"$python/bin/pip" install --no-cache-dir cython cupy-cuda12x
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
curl -fsSL "https://github.com/lammps/lammps/archive/refs/tags/$tag.tar.gz" | tar -xz -C "$work" --strip-components=1
PATH=$python/bin:$PATH cmake -S "$work/cmake" -B "$work/build" \
  -D CMAKE_BUILD_TYPE=Release -D CMAKE_INSTALL_PREFIX="$prefix" -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on \
  -D CMAKE_CXX_COMPILER="$work/lib/kokkos/bin/nvcc_wrapper" \
  -D PKG_KOKKOS=on -D Kokkos_ENABLE_CUDA=on -D "Kokkos_ARCH_$arch=on" \
  -D PKG_PLUGIN=on -D PKG_ML-IAP=on -D PKG_ML-SNAP=on -D PKG_PYTHON=on -D MLIAP_ENABLE_PYTHON=on \
  -D PKG_EXTRA-FIX=on -D PKG_EXTRA-DUMP=on -D PKG_EXTRA-PAIR=on -D Python_EXECUTABLE="$python/bin/python"
cmake --build "$work/build" --parallel "${JOBS:-$(nproc)}"
cmake --install "$work/build"
mpi=$(mpicxx --showme:incdirs | tr ' ' '\n' | while read -r folder; do [ -e "$folder/mpi.h" ] && echo "$folder" && break; done)
"$python/bin/python" -m molgun_lmp.engine.plugin_elsewhere "$work/src" "$prefix/plugins" --mpi "$mpi"
