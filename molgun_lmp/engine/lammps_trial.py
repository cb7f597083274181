"""`python -m molgun_lmp.engine.lammps_trial "pair mace" ...`: open the chosen LAMMPS once and say what it lacks.

A process of its own, since an error in LAMMPS may end it: only its answer counts.
"""

import json
import sys

from molgun_lmp.engine.session import open_lammps
from molgun_lmp.errors import MolgunError


def main() -> None:
    """Print one line of JSON: the styles of the command line that are missing, and whether errors are exceptions."""
    try:
        lmp = open_lammps(["-log", "none"], plugin=True)
    except MolgunError as error:
        sys.exit(str(error))
    missing = [style for style in sys.argv[1:] if not lmp.has_style(*style.split())]
    print(json.dumps({"missing": missing, "exceptions": bool(lmp.has_exceptions)}), flush=True)
    lmp.close()


if __name__ == "__main__":
    main()
