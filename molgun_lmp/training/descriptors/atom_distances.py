"""How far atoms are from those of the training set, element by element: a mean over a slab would hide a strange one."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.predict import node_features
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.structures import Structure
from molgun_lmp.training.descriptors.describe import DescriptorLayout
from molgun_lmp.training.descriptors.principal_components import TrainingSpace

MOST_FRAMES: Final = 1500
"""Of the training set, evenly chosen; more hardly move the border."""
_MOST_ATOMS: Final = 60_000
_OWN: Final = 0.99
_MOST: Final = 0.9


@dataclasses.dataclass(frozen=True, kw_only=True)
class AtomSpaces:
    """For each element the space of its atoms' invariant descriptors in the training set, and the border of it.

    `borders`: the distance from the centre of the space, in units of the training set's spread, that the farthest atom
    of 99 % of the training frames does not reach.
    """

    spaces: dict[str, TrainingSpace]
    borders: dict[str, float]
    typical: dict[str, float]
    """The same of 90 % of the training frames: the few that blew up, which set the border, do not move it."""
    frames: int
    """Training frames that were used."""

    @classmethod
    def fit(
        cls,
        model: Any,
        structures: Sequence[Structure | LabelledFrame],
        *,
        head: str,
        batch_size: int = 8,
        device: str = "cpu",
        most: int = MOST_FRAMES,
        advance: Callable[[int], None] | None = None,
    ) -> Self:
        """From `most` of the frames that a loaded `.model` was trained on, evenly chosen.

        Raises `InputFileError` for too few of them.
        """
        chosen = structures[:: max(1, -(-len(structures) // most))]
        rows: dict[str, list[npt.NDArray[np.float32]]] = {}
        owners: dict[str, list[IntArray]] = {}
        for number, (structure, features) in enumerate(
            zip(chosen, invariants(model, chosen, head=head, batch_size=batch_size, device=device), strict=True)
        ):
            symbols = np.array(structure.symbols)
            for element in sorted(set(structure.symbols)):
                here = features[symbols == element].astype(np.float32)
                rows.setdefault(element, []).append(here)
                owners.setdefault(element, []).append(np.full(len(here), number))
            if advance is not None:
                advance(number + 1)
        if not rows:
            raise InputFileError("the training set has no structures: name its files with --training.")
        spaces, borders, typical = {}, {}, {}
        for element, blocks in rows.items():
            points, owner = np.concatenate(blocks), np.concatenate(owners[element])
            some = slice(None, None, max(1, -(-len(points) // _MOST_ATOMS)))
            names = np.array([chosen[number].trajectory for number in owner[some].tolist()])
            spaces[element] = TrainingSpace.fit(points[some].astype(np.float64), names)
            farthest = np.zeros(len(chosen))
            np.maximum.at(farthest, owner, spaces[element].distance(points.astype(np.float64)))
            of_frames = farthest[np.unique(owner)]
            borders[element], typical[element] = map(float, np.quantile(of_frames, [_OWN, _MOST]))
        return cls(spaces=spaces, borders=borders, typical=typical, frames=len(chosen))

    def distances(self, symbols: Sequence[str], features: FloatArray) -> FloatArray:
        """(N,) of each atom, in units of its element's border: beyond 1 is farther than 99 % of the training frames go.

        Raises `InputFileError` for elements that the training set does not have.
        """
        return self.relative_to(self.borders, symbols, features)

    def fingerprint(self, symbols: Sequence[str], features: FloatArray) -> FloatArray:
        """(D,) what is strange about a structure: of each element of the training set the components of its farthest
        atom, in units in which that atom's distance is its length. Raises `InputFileError` for an element without atoms
        here, besides `distances`.

        Two structures whose strangest atoms are alike are close, however many ordinary ones differ.
        """
        found = self.relative_to(self.typical, symbols, features)
        kinds = np.array(symbols)
        parts = []
        for element, space in sorted(self.spaces.items()):
            of = np.flatnonzero(kinds == element)
            if not len(of):
                raise InputFileError(f"a structure without {element} cannot be compared with others that have it.")
            farthest = of[int(np.argmax(found[of]))]
            scores = space.project(features[[farthest]])[0] / space.spread
            parts.append(scores / (np.sqrt(len(space.spread)) * self.typical[element]))
        return np.concatenate(parts)

    def relative_to(self, units: Mapping[str, float], symbols: Sequence[str], features: FloatArray) -> FloatArray:
        """(N,) of each atom, in other units of its element. Raises as `distances`."""
        unknown = sorted(set(symbols) - self.spaces.keys())
        if unknown:
            raise InputFileError(
                f"the training set has no {', '.join(unknown)} (it has {', '.join(sorted(self.spaces))}), so nothing "
                "can be said of these atoms. Name all files that the model was trained on."
            )
        kinds = np.array(symbols)
        found = np.zeros(len(kinds))
        for element, space in self.spaces.items():
            of = kinds == element
            if of.any():
                found[of] = space.distance(features[of]) / units[element]
        return found


def invariants(
    model: Any,
    structures: Sequence[Structure | LabelledFrame],
    *,
    head: str,
    batch_size: int = 8,
    device: str = "cpu",
) -> Iterator[FloatArray]:
    """The invariant descriptors (N, F) of each structure's atoms, in order."""
    layout = DescriptorLayout.of(model)
    for node in node_features(model, structures, head=head, batch_size=batch_size, device=device):
        yield layout.select(node.features, "invariant")
