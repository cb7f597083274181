"""The way every frame goes: read, labelled, judged against the limits and against the frames before it."""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from molgun_lmp.errors import InputFileError
from molgun_lmp.geometry import geometry_digest
from molgun_lmp.readers.common.drop_reasons import Dropped, DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels, Unusable
from molgun_lmp.readers.sources import Source, items_of
from molgun_lmp.training.dataset.energy_force_consistency import EnergyFollowsForces
from molgun_lmp.training.dataset.intact_bonds import IntactBonds, bond_limits, bonds_of
from molgun_lmp.training.dataset.label_keys import ISOLATED_ATOM, label
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.lost_periodicity import Periodicities
from molgun_lmp.training.dataset.zeroed_forces import ZeroedForces
from molgun_lmp.training.settings import FrameLimits

_SAME_ENERGY_EV_PER_ATOM = 1e-3
_PER_ATOM = re.compile(r"per_?atom", re.IGNORECASE)


class Sieve:
    """Keeps the usable frames of the sources, one at a time, and remembers a few numbers of each.

    Memory grows by about 150 bytes for each frame kept. `on_drop` is told of every frame that is not. After `frames`
    came to its end, the properties speak of all frames.
    """

    def __init__(self, labels: Labels, limits: FrameLimits, on_drop: Callable[[Dropped], None]) -> None:
        self.labels = labels
        self.limits = limits
        self.isolated_atoms_ev: dict[str, float] = {}
        self.dropped: Counter[str] = Counter()
        self.by_trajectory: Counter[str] = Counter()
        self.elements: set[str] = set()
        self.level: dict[str, str] = {}
        """What VASP's files say about the level of theory."""
        self.ordinal = -1
        """Number of the frame that was last looked at, over all sources, from 0."""
        self._on_drop = on_drop
        self._sources: Sequence[Source] = ()
        self._level_file = ""
        self._bond_limits = bond_limits(limits.intact_bonds)
        self._bonds: dict[tuple[str, ...], IntactBonds] = {}
        self._work = EnergyFollowsForces()
        self._zeroed = ZeroedForces()
        self._periodicities = Periodicities()
        self._seen: dict[bytes, int] = {}
        self._energies_ev = array("d")
        self._places = array("q")

    @property
    def periodicities(self) -> Mapping[str, int]:
        """How many labelled frames are periodic along which vectors: `T T F` -> number."""
        return self._periodicities.frames

    @property
    def intact_bonds(self) -> list[dict[str, object]]:
        """The bonds that were required, JSON-ready: for each list of atoms their number by kind, and where from."""
        return [
            {
                "atoms": _formula(symbols),
                "bonds": bonds.counts,
                "limits_angstrom": {kind: self._bond_limits[kind] for kind in bonds.counts},
                "reference": bonds.reference,
            }
            for symbols, bonds in self._bonds.items()
            if bonds.counts
        ]

    def frames(self, sources: Sequence[Source], on_frame: Callable[[], None] = lambda: None) -> Iterator[LabelledFrame]:
        """The usable frames in order; isolated atoms go to `isolated_atoms_ev`.

        Raises `InputFileError` for a file that cannot be read, runs of different levels of theory, one geometry with
        two energies, isolated atoms that disagree, energies that do not follow the forces, forces of which a part was
        set to zero, and periodicity that was lost.
        """
        self._sources = sources
        if self.limits.energies_follow_forces and _PER_ATOM.search(self.labels.energy):
            raise InputFileError(
                f"{self.labels.energy} is called an energy per atom, and labels are energies of whole structures. Name "
                "another key, or set `energies_follow_forces: false` in `limits` where the name is wrong."
            )
        for number, source in enumerate(sources):
            for index, item in enumerate(items_of(source)):
                self.ordinal += 1
                on_frame()
                kept = self._judge(item, source, number, index)
                if isinstance(kept, Dropped):
                    self.dropped[str(kept.reason)] += 1
                    self._on_drop(kept)
                elif kept is not None:
                    self.by_trajectory[kept.trajectory] += 1
                    self.elements.update(kept.symbols)
                    yield kept
        if self.limits.energies_follow_forces:
            self._work.check()
        if not self.limits.zeroed_forces:
            self._zeroed.check()

    def _judge(
        self, item: FoundFrame | Unusable, source: Source, number: int, index: int
    ) -> LabelledFrame | Dropped | None:
        name = f"{source.name}#{index}"
        if isinstance(item, Unusable):
            return Dropped(source=name, reason=item.reason, detail=item.detail)
        self._check_level(item.level, source)
        frame = label(item, self.labels, source, index)
        if isinstance(frame, Dropped):
            return frame
        if frame.config_type == ISOLATED_ATOM:
            _add_isolated(self.isolated_atoms_ev, frame)
            return None
        self._work.add(frame)
        self._zeroed.add(frame)
        self._periodicities.add(frame, lost=self.limits.lost_periodicity)
        broken = self._broken_bond(item, name)
        if broken is not None:
            return Dropped(source=name, reason=DropReason.BOND_FISSION, detail=broken)
        largest = float(np.linalg.norm(frame.forces, axis=1).max())
        if largest > self.limits.max_force_ev_per_angstrom:
            detail = f"{largest:.1f} eV/Å, limit {self.limits.max_force_ev_per_angstrom:g} eV/Å"
            return Dropped(source=name, reason=DropReason.LARGE_FORCE, detail=detail)
        return self._duplicate(frame, number, index) or frame

    def _broken_bond(self, found: FoundFrame, name: str) -> str | None:
        if not self._bond_limits:
            return None
        if found.symbols not in self._bonds:
            self._bonds[found.symbols] = bonds_of(found, self._bond_limits, name)
        return self._bonds[found.symbols].broken(found)

    def _check_level(self, level: Mapping[str, str], source: Source) -> None:
        for key, value in level.items():
            known = self.level.setdefault(key, value)
            if known != value:
                raise InputFileError(
                    f"{source.name} has {key} = {value}, but {self._level_file} or a file before it has {known}: two "
                    "levels of theory, whose energies must not be mixed. Make a data set of each."
                )
        if level:
            self._level_file = self._level_file or source.name

    def _duplicate(self, frame: LabelledFrame, number: int, index: int) -> Dropped | None:
        twin = self._seen.setdefault(geometry_digest(frame), len(self._energies_ev))
        if twin == len(self._energies_ev):
            self._energies_ev.append(frame.energy_ev)
            self._places.extend((number, index))
            return None
        name = f"{self._sources[self._places[2 * twin]].name}#{self._places[2 * twin + 1]}"
        difference = abs(frame.energy_ev - self._energies_ev[twin])
        if difference > _SAME_ENERGY_EV_PER_ATOM * len(frame):
            raise InputFileError(
                f"{frame.source} and {name} are one geometry with energies that differ by {difference:.3f} eV: the "
                "files mix levels of theory. Train on one of them."
            )
        return Dropped(source=frame.source, reason=DropReason.DUPLICATE, detail=f"same geometry as {name}")


def _add_isolated(isolated: dict[str, float], frame: LabelledFrame) -> None:
    element = frame.symbols[0]
    if len(frame) != 1:
        raise InputFileError(f"{frame.source} has config_type {ISOLATED_ATOM} and {len(frame)} atoms. Correct it.")
    if abs(isolated.setdefault(element, frame.energy_ev) - frame.energy_ev) > 1e-6:
        raise InputFileError(
            f"{frame.source}: the isolated {element} atom has {frame.energy_ev} eV here and {isolated[element]} eV "
            "before: two levels of theory, or two spin states. Keep one."
        )


def _formula(symbols: Sequence[str]) -> str:
    return "".join(f"{element}{count if count > 1 else ''}" for element, count in sorted(Counter(symbols).items()))
