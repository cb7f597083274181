"""Calculators that fail as real ones do, chosen by the number of atoms; they stand in for no result."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT


class Hazardous(EMT):  # type: ignore[misc]  # ASE has no types
    """EMT, but 1 atom gives NaN, 2 raise, 3 end the process, 4 do not converge, 7 work at first only.

    5 atoms take, from the third structure in a process on, for as long as the file `HAZARDOUS_HOLD` names is there.

    After a failure everything is wrong by 1 eV, as with the electrons of a self-consistent field that went astray.
    """

    converged = True

    def __init__(self) -> None:
        super().__init__()
        self.calculations = 0
        self.astray = False

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        super().calculate(atoms, *args, **kwargs)
        number = len(self.atoms)
        self.calculations += 1
        self.results["energy"] += 1.0 if self.astray else 0.0
        self.astray = self.astray or number in (1, 2, 4)
        self.converged = number != 4
        if number == 1:
            self.results["forces"] = np.full((1, 3), np.nan)
        elif number == 2 or (number == 7 and self.calculations > 1):
            raise RuntimeError("the density did not\nconverge")
        elif number == 3:
            os._exit(7)
        elif number == 5 and self.calculations > 2:
            while Path(os.environ["HAZARDOUS_HOLD"]).exists():
                time.sleep(0.02)


class Choosy(EMT):  # type: ignore[misc]
    """EMT, but the second structure that a process's folder has ever seen never converges."""

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        super().calculate(atoms, *args, **kwargs)
        seen, mine = Path("seen"), repr(self.atoms.positions.round(6).tolist())
        lines = seen.read_text().splitlines() if seen.is_file() else []
        if mine not in lines:
            seen.write_text("\n".join([*lines, mine]))
            lines.append(mine)
        if lines.index(mine) == 1:
            raise RuntimeError("the density did not converge")
