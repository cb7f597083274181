"""Which keys hold the labels, and a found frame with its labels."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.drop_reasons import Dropped, DropReason
from molgun_lmp.readers.common.label_names import is_of_model
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels
from molgun_lmp.readers.sources import Source, items_of
from molgun_lmp.training.dataset.labelled_frame import DEFAULT_CONFIG_TYPE, SET_KEY, LabelledFrame

ENERGY_KEY: Final = "REF_energy"
FORCES_KEY: Final = "REF_forces"
"""The keys of the frames that are handed to mace: ASE's reader would move `energy` and `forces` out of its sight."""


ISOLATED_ATOM = "IsolatedAtom"
_ALONE_ANGSTROM = 6.0


def common_labels(sources: Sequence[Source]) -> Labels:
    """The one pair of keys that all files share, by the first frame of each that has any.

    Raises `ConfigError` where there is none, or more than one, or only one that a model's answers are called by.
    """
    found: dict[tuple[str, str], str] = {}
    answered: set[tuple[str, str]] = set()
    for source in sources:
        for labels, by_model in [(source.reader.labels, False)] if source.reader.labels else _first_labels(source):
            pair = (labels.energy, labels.forces)
            found.setdefault(pair, source.name)
            answered |= {pair} if by_model else set()
    how = "with `labels: {energy: ..., forces: ...}` in a training file, --energy-key and --forces-key here"
    if not found:
        raise ConfigError(
            f"no frame of {', '.join(source.name for source in sources)} has an energy and forces under names "
            f"that belong together (REF_energy and REF_forces, or energy_dft and forces_dft). Name the keys {how}."
        )
    if len(found) > 1:
        pairs = "; ".join(f"{energy} with {forces} in {name}" for (energy, forces), name in found.items())
        raise ConfigError(
            f"the frames hold more than one pair of labels: {pairs}. They may come from different levels of theory, "
            f"or from a model: say which one is meant {how} (VASP's own files have one pair and keep it)."
        )
    energy, forces = next(iter(found))
    if (energy, forces) in answered:
        raise ConfigError(
            f"the only labels are {energy} with {forces} in {found[energy, forces]}, by their names or by the header's "
            "`arch` what a model has answered: a model that is trained on them, or measured by them, meets a model. If "
            f"they are meant, say so {how}."
        )
    return Labels(energy=energy, forces=forces)


def label(found: FoundFrame, labels: Labels, source: Source, index: int) -> LabelledFrame | Dropped:
    """The frame with its labels, or why it has none. `index` is its number in the file, from 0.

    An isolated atom is a frame of `config_type` IsolatedAtom, or one atom without a neighbour or image within 6 Å.
    """
    keys = source.reader.labels or labels
    name = f"{source.name}#{index}"
    energy, forces = found.energies.get(keys.energy), found.forces.get(keys.forces)
    config_type = ISOLATED_ATOM if _is_alone(found) else str(found.header.get("config_type", DEFAULT_CONFIG_TYPE))
    if energy is None:
        return Dropped(source=name, reason=DropReason.NO_ENERGY, detail=f"no number under {keys.energy!r}")
    if config_type == ISOLATED_ATOM and forces is None:
        forces = np.zeros_like(found.positions)
    if forces is None or forces.shape != found.positions.shape:
        return Dropped(source=name, reason=DropReason.NO_FORCES, detail=f"no (N, 3) array under {keys.forces!r}")
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(found.positions).all()):
        return Dropped(source=name, reason=DropReason.NOT_FINITE, detail=f"energy {energy}")
    given = found.header.get(SET_KEY)
    return LabelledFrame(
        symbols=found.symbols,
        positions=found.positions,
        cell=found.cell,
        pbc=found.pbc,
        energy_ev=energy,
        forces=forces,
        trajectory=str(found.header.get("trajectory", _trajectory(source.name, config_type))),
        config_type=config_type,
        source=name,
        set_name=None if given is None else str(given),
    )


def _first_labels(source: Source) -> list[tuple[Labels, bool]]:
    """The pairs of the first frame that has any, and whether each is what a model has answered."""
    for item in items_of(source):
        if isinstance(item, FoundFrame) and (pairs := item.label_pairs()):
            return [(pair, is_of_model(pair.energy, item.header)) for pair in pairs]
    return []


def _is_alone(found: FoundFrame) -> bool:
    if len(found.symbols) != 1:
        return False
    # Images are apart by at least the cell's height along each periodic vector.
    heights = 1.0 / np.linalg.norm(np.linalg.pinv(found.cell), axis=0) if any(found.pbc) else np.empty(0)
    return bool((heights[np.array(found.pbc)[: len(heights)]] > _ALONE_ANGSTROM).all())


def _trajectory(name: str, config_type: str) -> str:
    return name if config_type == DEFAULT_CONFIG_TYPE else f"{name}:{config_type}"
