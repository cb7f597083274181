"""How fast dumps are read and decided on this machine, beside ASE reading the same file: a trajectory made for it.

The trajectory is that of the reference case in size and motion (154 atoms: a molecule of 26 falls on a slab of 128 and
stays), not in its forces: no model is run, and what is read is what a run leaves.
"""

import dataclasses
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import ase.io
import numpy as np

from molgun_lmp.analysis.outcomes.decide import decide
from molgun_lmp.analysis.outcomes.reference import Reference
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.config import OutcomeCriteria, Si001Start
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.gun.builders import build_si001
from molgun_lmp.outcome_scheme import DEFAULT_SCHEME
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.surface.clean_surface import find_surface

_TYPES: Final = {1: "H", 2: "C", 3: "Si"}
_COLUMNS: Final = "id type element x y z ix iy iz vx vy vz"
_BINARY_COLUMNS: Final = "id type x y z ix iy iz vx vy vz"
_STRIDE: Final = 40  # steps of 0.5 fs
_REPEATS: Final = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadingSpeed:
    """Frames a second of one processor core, the best of three: `read`: whole frames; `decided`: read, followed and
    decided; `ase`: `ase.io.read` of the same file, None for a kind that ASE was not asked for."""

    kind: str
    frames: int
    atoms: int
    read: float
    decided: float
    ase: float | None


def measure_reading(folder: Path, frames: int = 1000) -> list[ReadingSpeed]:
    """Write a text and a binary dump of so many frames to a folder and read both."""
    made = _trajectory(frames)
    text, binary = folder / "speed.dump", folder / "speed.bin"
    _write_text(text, made)
    _write_binary(binary, made)
    found = []
    for kind, path in (("text", text), ("binary", binary)):

        def decided(path: Path = path) -> None:
            stream = read_frames(path, types=_TYPES, velocities=False)
            decide(path.name, stream, made.reference, OutcomeCriteria(), None, timestep_fs=0.5)

        def read(path: Path = path) -> None:
            for _ in read_frames(path, types=_TYPES):
                pass

        def by_ase(path: Path = path, kind: str = kind) -> None:
            names = {"colnames": _BINARY_COLUMNS.split()} if kind == "binary" else {}
            ase.io.read(path, index=":", format=f"lammps-dump-{kind}", **names)

        found.append(
            ReadingSpeed(
                kind=kind,
                frames=frames,
                atoms=len(made.types),
                read=frames / _seconds(read),
                decided=frames / _seconds(decided),
                ase=frames / _seconds(by_ase),
            )
        )
    return found


def _seconds(work: Callable[[], None]) -> float:
    """Processor time, which a machine that is busy with other work spoils least."""
    times = []
    for _ in range(_REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Made:
    """`positions` and `velocities` (F, N, 3) Å and Å/ps; `types` (N,)."""

    types: IntArray
    positions: FloatArray
    velocities: FloatArray
    cell: FloatArray
    reference: Reference


def _trajectory(frames: int) -> _Made:
    slab = build_si001(Si001Start(kind="si001"))
    surface = find_surface(slab)
    rng = np.random.default_rng(24)
    # A ring of 14 carbon atoms on its edge over the highest slab atom, which its lowest binds; 12 have their hydrogen.
    ring = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)
    outward = np.stack([np.sin(ring), np.zeros(14), -np.cos(ring)], axis=1)
    carbon = 3.25 * outward + np.array([0.0, 0.0, 3.25])
    hydrogen = (carbon + 1.09 * outward)[1:13]
    under = slab.positions[int(np.argmax(slab.positions[:, 2]))]
    molecule = np.concatenate([carbon, hydrogen]) + np.array([under[0], under[1], 0.0])
    heights = np.maximum(under[2] + 1.9, under[2] + 14.0 - 11.0 * 0.02 * np.arange(frames))
    start = np.concatenate([slab.positions, molecule + np.array([0.0, 0.0, heights[0]])])
    symbols = (*slab.get_chemical_symbols(), *("C",) * 14, *("H",) * 12)
    moving = np.repeat(start[None], frames, axis=0)
    moving[:, len(slab) :, 2] += (heights - heights[0])[:, None]
    # Vibrations of several periods between 20 and 200 fs, as thermal atoms have.
    times = 0.02 * np.arange(frames)[:, None, None]
    frequency = rng.uniform(5.0, 50.0, (1, *start.shape))
    phase = rng.uniform(0.0, 2.0 * np.pi, (1, *start.shape))
    positions = moving + 0.07 * np.sin(2.0 * np.pi * frequency * times + phase)
    velocities = 0.07 * 2.0 * np.pi * frequency * np.cos(2.0 * np.pi * frequency * times + phase)
    reference = Reference.of(
        symbols=symbols,
        positions=start,
        surface=surface,
        n_slab=len(slab),
        groups={"CY": (0, 1)},
        criteria=OutcomeCriteria(),
        scheme=load_scheme(DEFAULT_SCHEME),
    )
    return _Made(
        types=np.array([next(kind for kind, symbol in _TYPES.items() if symbol == one) for one in symbols]),
        positions=positions,
        velocities=velocities,
        cell=np.array(slab.cell[:]),
        reference=reference,
    )


def _write_text(path: Path, made: _Made) -> None:
    """As this tool's decks do, nine digits."""
    symbols, types, cell = made.reference.symbols, made.types, made.cell
    box = "".join(f"0.0 {cell[axis, axis]:.16e}\n" for axis in range(3))
    with path.open("w", encoding="ascii") as handle:
        for index, (place, speed) in enumerate(zip(made.positions.tolist(), made.velocities.tolist(), strict=True)):
            handle.write(f"ITEM: TIMESTEP\n{_STRIDE * index}\nITEM: NUMBER OF ATOMS\n{len(symbols)}\n")
            handle.write(f"ITEM: BOX BOUNDS pp pp pp\n{box}ITEM: ATOMS {_COLUMNS}\n")
            handle.writelines(
                f"{atom + 1} {types[atom]} {symbol} {x:.9g} {y:.9g} {z:.9g} 0 0 0 {u:.9g} {v:.9g} {w:.9g}\n"
                for atom, (symbol, (x, y, z), (u, v, w)) in enumerate(zip(symbols, place, speed, strict=True))
            )


def _write_binary(path: Path, made: _Made) -> None:
    """As LAMMPS does since 2021 (https://docs.lammps.org/dump.html)."""
    n_atoms, cell = len(made.types), made.cell
    titles = _BINARY_COLUMNS.encode()
    table = np.zeros((n_atoms, 11))
    table[:, 0], table[:, 1] = np.arange(1, n_atoms + 1), made.types
    bounds = [number for axis in range(3) for number in (0.0, cell[axis, axis])]
    with path.open("wb") as handle:
        for index in range(len(made.positions)):
            table[:, 2:5], table[:, 8:] = made.positions[index], made.velocities[index]
            handle.write(struct.pack("<q10sii", -10, b"DUMPCUSTOM", 1, 2))
            handle.write(struct.pack("<qqi6i6di", _STRIDE * index, n_atoms, 0, *[0] * 6, *bounds, 11))
            handle.write(struct.pack("<i?i", 0, False, len(titles)) + titles)
            handle.write(struct.pack("<ii", 1, table.size) + table.tobytes())
