#!/usr/bin/env bash
# ASE 3.29.0: velocities of a POSCAR under `Direct` are read as if they were Cartesian, without a word.
#
# VASP takes the block of velocities after the positions as Cartesian in Å/fs, or, where its head line begins with D, in
# lattice vectors per time step (VASP wiki, POSCAR). The reader passes over that line. One CO molecule written both ways
# (cell of 10 Å, POTIM 1 fs, so that 0.001 is 0.01 Å/fs) has 0.109 eV of kinetic energy in the first file and a hundredth
# of it in the second. The step length is not in the file: a reader can only refuse, or ask.
#
# Seen: Cartesian 0.1089 eV   Direct 0.0011 eV
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check ase==3.29.0 numpy==2.4.6
cat >probe.py <<'PY'
from pathlib import Path

from ase.io import read

HEAD = "CO\n1.0\n10 0 0\n0 10 0\n0 0 10\nC O\n1 1\nDirect\n0.5 0.5 0.5\n0.5 0.5 0.6128\n"
Path("cartesian").write_text(HEAD + "Cartesian\n0.01 0 0\n-0.0075 0 0\n")
Path("direct").write_text(HEAD + "Direct\n0.001 0 0\n-0.00075 0 0\n")
energies = [read(name, format="vasp").get_kinetic_energy() for name in ("cartesian", "direct")]
print("Cartesian %.4f eV   Direct %.4f eV" % tuple(energies))
assert abs(energies[0] / energies[1] - 100) < 1e-6, "the two no longer differ so"
PY
env/bin/python -W error probe.py
