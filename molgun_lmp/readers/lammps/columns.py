"""What the columns of a LAMMPS dump mean, and frames made from their numbers, many at once."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Self

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.readers.common.frame import Box, Frame

TypeMap = Mapping[int, str]
"""Chemical symbol by LAMMPS atom type, such as {1: "H", 2: "C", 3: "Si"}."""

_IMAGES: Final = ("ix", "iy", "iz")
_VELOCITIES: Final = ("vx", "vy", "vz")
_PLAIN, _UNWRAPPED = ("x", "y", "z"), ("xu", "yu", "zu")
_SCALED, _SCALED_UNWRAPPED = ("xs", "ys", "zs"), ("xsu", "ysu", "zsu")
_COUNTED: Final = (_PLAIN, _UNWRAPPED, _SCALED, _SCALED_UNWRAPPED)
"""Coordinates in the order of preference where a dump counts the crossings of the box, and where it does not."""
_UNCOUNTED: Final = (_UNWRAPPED, _SCALED_UNWRAPPED, _PLAIN, _SCALED)
_SAME_MASS_U: Final = 0.3
_HOW_TO_DUMP: Final = (
    "Write the dump with `dump custom ... id type element x y z ix iy iz` and `dump_modify ... element H C Si`"
)

Triple = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Which columns hold what (https://docs.lammps.org/dump.html).

    `id`; `kind`: the atom type, None where it has no column; `species`: the element, or the type where `types` says
    what types are, or the mass where nothing else does; `coordinates`: those that count box crossings before those that
    do not, and lengths before fractions of the box; `scaled`: they are fractions; `beyond_box`: they go on through the
    boundaries (xu, xsu); `images`: box crossings, None where the coordinates have them already or where there are none;
    `velocities`.
    """

    id: int
    kind: int | None
    species: int
    coordinates: Triple
    scaled: bool
    beyond_box: bool
    images: Triple | None
    velocities: Triple | None

    @classmethod
    def of(cls, titles: Sequence[str], types: TypeMap | None, where: str, *, binary: bool = False) -> Self:
        """From the columns' titles. Raises `InputFileError` where one is missing that is needed.

        A binary dump holds types also under the title `element`.
        """
        species = ("type", "element") if types is not None else ("mass",) if binary else ("element", "mass")
        found = next((title for title in species if title in titles), None)
        counted = set(_IMAGES) <= set(titles)
        coordinates = next(
            (names for names in (_COUNTED if counted else _UNCOUNTED) if set(names) <= set(titles)), None
        )
        missing = [*([] if "id" in titles else ["id"])]
        if found is None:
            missing.append("type" if types is not None else "element")
        if coordinates is None:
            missing += [title for title in ("x", "y", "z") if title not in titles]
        if missing or coordinates is None or found is None:
            map_hint = ", or say which element each type is (`elements: {1: H, 2: C}`)" if "element" in missing else ""
            raise InputFileError(
                f"{where}: no column {', '.join(missing)} (found: {' '.join(titles)}). {_HOW_TO_DUMP}{map_hint}."
            )
        unwrapped = coordinates in {_UNWRAPPED, _SCALED_UNWRAPPED}
        return cls(
            id=titles.index("id"),
            kind=titles.index("type") if "type" in titles else None,
            species=titles.index(found),
            coordinates=_triple(titles, coordinates),
            scaled=coordinates in {_SCALED, _SCALED_UNWRAPPED},
            beyond_box=unwrapped,
            images=None if unwrapped or not counted else _triple(titles, _IMAGES),
            velocities=_triple(titles, _VELOCITIES) if set(_VELOCITIES) <= set(titles) else None,
        )


def _triple(titles: Sequence[str], names: Sequence[str]) -> Triple:
    x, y, z = (titles.index(name) for name in names)
    return x, y, z


def numbers_of_types(types: IntArray, elements: TypeMap, where: str) -> IntArray:
    """Atomic numbers of atoms from their types. Raises `InputFileError` for a type that the map does not know."""
    unknown = sorted(set(np.unique(types).tolist()) - elements.keys())
    if unknown:
        raise InputFileError(
            f"{where}: type {', '.join(map(str, unknown))} is in no entry of `elements`. Say which element it is."
        )
    table = np.zeros(max(elements) + 1, dtype=np.int64)
    for kind, symbol in elements.items():
        table[kind] = atomic_numbers[symbol]
    numbers: IntArray = table[types]
    return numbers


def numbers_of_masses(masses: FloatArray, where: str) -> IntArray:
    """Atomic numbers of atoms from their masses in u. Raises `InputFileError` for one that no element has."""
    different, places = np.unique(masses, return_inverse=True)
    nearest = np.abs(atomic_masses[1:] - different[:, None])
    if not np.isfinite(different).all() or (far := nearest.min(axis=1) > _SAME_MASS_U).any():
        wrong = different if not np.isfinite(different).all() else different[far]
        raise InputFileError(
            f"{where}: mass {', '.join(f'{mass:g}' for mass in wrong[:9])} is no element's. Name the elements "
            "(`elements: {1: H, 2: C}`), or write the column `element`."
        )
    numbers: IntArray = (1 + np.argmin(nearest, axis=1)).astype(np.int64)[places]
    return numbers


class Symbols:
    """Chemical symbols by atomic numbers; the tuple of the frame before is given again where it is the same."""

    def __init__(self) -> None:
        self._key = b""
        self._symbols: tuple[str, ...] = ()

    def of(self, numbers: IntArray) -> tuple[str, ...]:
        """N symbols of N atomic numbers."""
        key = numbers.tobytes()
        if key != self._key:
            self._key, self._symbols = key, tuple(chemical_symbols[number] for number in numbers.tolist())
        return self._symbols


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """F frames of N atoms each, as they stand in the file.

    `steps` and `boxes`: F of each; `ids`, `numbers` (F, N); `coordinates` (F, N, 3), fractions of the box where
    `scaled`; `beyond_box` as in `Layout`; `images` (F, N, 3) or None; `velocities` (F, N, 3) Å/ps or None;
    `times_ps`: F of them, None where not written.
    """

    steps: Sequence[int]
    boxes: Sequence[Box]
    ids: FloatArray | IntArray
    numbers: IntArray
    coordinates: FloatArray
    scaled: bool
    beyond_box: bool
    images: FloatArray | IntArray | None
    velocities: FloatArray | None
    times_ps: Sequence[float | None]

    def frames(self, symbols: Symbols, where: str) -> Iterator[Frame]:
        """The frames, their atoms in the order of the ids. Raises `InputFileError` for an id that stands twice."""
        ordered = np.diff(self.ids, axis=1).min(axis=1, initial=1) > 0
        images = None if self.images is None else self.images.astype(np.int64, copy=False)
        for index, (step, box) in enumerate(zip(self.steps, self.boxes, strict=True)):
            order: IntArray | slice = slice(None)
            if not ordered[index]:
                order = np.argsort(self.ids[index], kind="stable")
                if (np.diff(self.ids[index][order]) == 0).any():
                    raise InputFileError(
                        f"{where}, frame of step {step}: an atom id stands twice. Run the trajectory again."
                    )
            coordinates = self.coordinates[index][order]
            yield Frame(
                step=step,
                symbols=symbols.of(self.numbers[index][order]),
                positions=box.origin + coordinates @ box.cell if self.scaled else coordinates,
                images=None if images is None else images[index][order],
                velocities=None if self.velocities is None else self.velocities[index][order],
                cell=box.cell,
                origin=box.origin,
                pbc=box.pbc,
                beyond_box=self.beyond_box,
                time_ps=self.times_ps[index],
            )
