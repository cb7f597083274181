"""The LAMMPS data file of one run: box, masses, positions and velocities to the last digit."""

from collections.abc import Sequence

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.gun.setup import masses_u


def data_file(
    title: str,
    *,
    symbols: Sequence[str],
    positions: FloatArray,
    cell: FloatArray,
    elements: Sequence[str],
    velocities: FloatArray | None = None,
) -> str:
    """The text of a data file in metal units, atom style atomic (https://docs.lammps.org/read_data.html).

    `positions` (N, 3) Å, `velocities` (N, 3) Å/ps, `cell` (3, 3) Å lower triangular; types 1, 2, ... are `elements`.
    Positions may lie outside the cell: LAMMPS wraps them and counts the images, so a molecule stays whole when
    unwrapped. Numbers read back as the very same doubles.
    """
    box = [f"0.0 {float(cell[axis, axis])!r} {name}lo {name}hi" for axis, name in enumerate("xyz")]
    tilts = [float(cell[1, 0]), float(cell[2, 0]), float(cell[2, 1])]
    if np.any(tilts):
        box.append(f"{tilts[0]!r} {tilts[1]!r} {tilts[2]!r} xy xz yz")
    types = {symbol: number for number, symbol in enumerate(elements, start=1)}
    masses = zip(elements, masses_u(tuple(elements)).tolist(), strict=True)
    atoms = enumerate(zip(symbols, positions.tolist(), strict=True), start=1)
    lines = [
        title,
        "",
        f"{len(symbols)} atoms",
        f"{len(elements)} atom types",
        "",
        *box,
        "",
        "Masses",
        "",
        *(f"{types[symbol]} {mass!r} # {symbol}" for symbol, mass in masses),
        "",
        "Atoms # atomic",
        "",
        *(f"{number} {types[symbol]} {x!r} {y!r} {z!r} 0 0 0" for number, (symbol, (x, y, z)) in atoms),
    ]
    if velocities is not None:
        lines += ["", "Velocities", ""]
        lines += [f"{number} {x!r} {y!r} {z!r}" for number, (x, y, z) in enumerate(velocities.tolist(), start=1)]
    return "\n".join(lines) + "\n"
