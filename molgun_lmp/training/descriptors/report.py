"""`molgun descriptors`: where structures lie among a model's descriptors, and how far from its training set."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from ase.formula import Formula

from molgun_lmp.arrays import BoolArray, FloatArray, TextArray
from molgun_lmp.atomic_files import write_json
from molgun_lmp.config.section import Section
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.descriptors.describe import Described, Kind
from molgun_lmp.training.descriptors.principal_components import TrainingSpace

REPORT_NAME: Final = "descriptors.json"
TRAINING_SET: Final = "training"
_OWN: Final = 0.99


class SetDistances(Section):
    """How far the points of one set are from the training set; 1 is typical of the training set itself."""

    points: int
    median: float
    percentile_95: float
    largest: float
    outside: float
    """Share of the points that are farther out than 99 % of the training points."""
    median_nearest: float
    """Of the distances to the nearest training point, in units of those between training points."""


class KindReport(Section):
    """One kind of descriptor."""

    features: int
    components: int
    """That hold 99.9 % of the training set's variance."""
    explained: tuple[float, float]
    """Shares of the first two, which are drawn."""
    sets: dict[str, SetDistances]


class DescriptorReport(Section):
    """`descriptors.json`."""

    model: str
    model_sha256: str
    level_of_theory: str
    points: str
    """Structures of one composition (means over all atoms), or atoms of an element."""
    left_out: dict[str, int]
    """Formula of structures that cannot be compared with the others by means -> how many."""
    kinds: dict[Kind, KindReport]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placed:
    """All points in the training set's space: `scores` (M, K), `distance` (M,), `nearest` (M,)."""

    space: TrainingSpace
    scores: FloatArray
    distance: FloatArray
    nearest: FloatArray


def place(described: Described) -> dict[Kind, Placed]:
    """Fit the space to the points of the training set and place all points in it, for each kind of descriptor.

    Raises `InputFileError` for a training set that is too small.
    """
    sets, trajectories = sets_of(described), _trajectories(described)
    own = sets == TRAINING_SET
    if not own.any():
        raise InputFileError("the training set has no such points: name a training set with the same elements.")
    placed: dict[Kind, Placed] = {}
    for kind, features in described.features.items():
        space = TrainingSpace.fit(features[own], trajectories[own])
        placed[kind] = Placed(
            space=space,
            scores=space.project(features),
            distance=space.distance(features),
            nearest=space.nearest(features),
        )
    return placed


def sets_of(described: Described) -> TextArray:
    """(M,) the set of each point."""
    return _of_points(described, [structure.set_name for structure in described.structures])


def of_one_composition(
    structures: Sequence[Structure], formula: str | None
) -> tuple[str, list[Structure], dict[str, int]]:
    """The composition, the structures that have it, and how many of each other one.

    Means over all atoms of different compositions differ by composition before anything else, and principal components
    would show nothing but that. Without a `formula` it is the one that most structures outside the training set have.
    Raises `ConfigError` for what is no formula, `InputFileError` where the training set has no structure of it.
    """
    counts = collections.Counter(structure.formula for structure in structures)
    others = collections.Counter(one.formula for one in structures if one.set_name != TRAINING_SET)
    chosen = _hill(formula) if formula is not None else (others or counts).most_common(1)[0][0]
    kept = [structure for structure in structures if structure.formula == chosen]
    if not any(structure.set_name == TRAINING_SET for structure in kept):
        raise InputFileError(
            f"the training set has no structure {chosen} (all sets have {', '.join(sorted(counts))}), and structures "
            "are compared with those of their own composition. Compare atoms of an element instead (--element)."
        )
    return chosen, kept, {other: count for other, count in counts.items() if other != chosen}


def _hill(formula: str) -> str:
    try:
        return str(Formula(formula).format("hill"))
    except ValueError as error:
        raise ConfigError(f"{formula!r} is no formula: {error}. Write it such as C12H46Si96.") from error


def report_of(
    described: Described,
    placed: dict[Kind, Placed],
    *,
    model: str,
    sha256: str,
    level_of_theory: str,
    points: str,
    left_out: dict[str, int],
) -> DescriptorReport:
    """The numbers of each set."""
    sets = sets_of(described)
    names = list(dict.fromkeys(sets.tolist()))
    kinds: dict[Kind, KindReport] = {}
    for kind, here in placed.items():
        border = float(np.quantile(here.distance[sets == TRAINING_SET], _OWN))
        kinds[kind] = KindReport(
            features=described.features[kind].shape[1],
            components=len(here.space.spread),
            explained=(float(here.space.explained[0]), float(here.space.explained[1])),
            sets={name: _distances(here, sets == name, border) for name in names},
        )
    return DescriptorReport(
        model=model,
        model_sha256=sha256,
        level_of_theory=level_of_theory,
        points=points,
        left_out=left_out,
        kinds=kinds,
    )


def write_report(report: DescriptorReport, folder: Path) -> None:
    """Write `descriptors.json`. Raises `InputFileError` where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(report.model_dump(mode="json"), folder / REPORT_NAME)
    except OSError as error:
        raise InputFileError(f"cannot write into {folder}: {error}. Make room, or choose another folder.") from error


def relative_energies(described: Described) -> FloatArray:
    """(S,) the model's energies per atom in eV, each less the mean of the structures of the same composition."""
    formulas = np.array([structure.formula for structure in described.structures])
    relative = np.empty(len(formulas))
    for formula in np.unique(formulas):
        of = formulas == formula
        relative[of] = described.energy_ev_per_atom[of] - described.energy_ev_per_atom[of].mean()
    return relative


def _trajectories(described: Described) -> TextArray:
    return _of_points(described, [structure.trajectory for structure in described.structures])


def _of_points(described: Described, names: Sequence[str]) -> TextArray:
    of_points: TextArray = np.array(names)[described.structure]
    return of_points


def _distances(placed: Placed, of: BoolArray, border: float) -> SetDistances:
    distance = placed.distance[of]
    return SetDistances(
        points=len(distance),
        median=float(np.median(distance)),
        percentile_95=float(np.quantile(distance, 0.95)),
        largest=float(distance.max()),
        outside=float((distance > border).mean()),
        median_nearest=float(np.median(placed.nearest[of])),
    )
