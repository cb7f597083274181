"""What a MACE sees of structures: its invariant and equivariant features, averaged or atom by atom."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import InputFileError, ModelError
from molgun_lmp.models.mace_file import model_facts
from molgun_lmp.models.predict import NodeFeatures, node_features
from molgun_lmp.training.dataset.structures import Structure

Kind = Literal["invariant", "equivariant"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescriptorLayout:
    """Where a model's node features are: of each layer `channels` scalars first, then those of order 1 to `l_max`.

    The last layer has scalars only. As mace's own calculator reads them (`MACECalculator.get_descriptors`).
    """

    channels: int
    l_max: int
    layers: int

    @classmethod
    def of(cls, model: Any) -> "DescriptorLayout":
        """From a loaded model."""
        irreps = model.products[0].linear.irreps_out
        return cls(
            channels=irreps.dim // (irreps.lmax + 1) ** 2, l_max=int(irreps.lmax), layers=int(model.num_interactions)
        )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What the model has: equivariant features only with l_max > 0, between two layers."""
        return ("invariant", "equivariant") if self.l_max > 0 and self.layers > 1 else ("invariant",)

    def select(self, features: FloatArray, kind: Kind) -> FloatArray:
        """(N, F) of one kind: the scalars of all layers, or all features, which turn with the structure."""
        width = self.channels * (self.l_max + 1) ** 2
        if kind == "equivariant":
            return features[:, : width * (self.layers - 1) + self.channels]
        return np.concatenate(
            [features[:, layer * width : layer * width + self.channels] for layer in range(self.layers)], axis=1
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Described:
    """Descriptors of M points: structures (means over their atoms), or all their atoms of one element.

    `features`: kind -> (M, F); `structure` (M,): which structure a point belongs to; `energy_ev_per_atom` (S,) of the S
    structures, by the model.
    """

    structures: tuple[Structure, ...]
    features: dict[Kind, FloatArray]
    structure: np.ndarray[Any, np.dtype[np.int64]]
    energy_ev_per_atom: FloatArray


def describe(
    model: Any,
    structures: Sequence[Structure],
    *,
    head: str,
    element: str | None = None,
    batch_size: int = 8,
    device: str = "cpu",
    advance: Callable[[int], None] | None = None,
) -> Described:
    """Descriptors of structures by a loaded `.model`; `element`: of its atoms, one by one, instead of means.

    Raises `ModelError` for structures with an element that the model does not know, `InputFileError` where no atom is
    of `element`.
    """
    known = model_facts(model).elements
    unknown = sorted({symbol for one in structures for symbol in one.symbols} - set(known))
    if unknown:
        raise ModelError(
            f"the model was never trained on {', '.join(unknown)}; it knows {', '.join(known)}. Leave these structures "
            "out, or use a model that knows them."
        )
    layout = DescriptorLayout.of(model)
    blocks: dict[Kind, list[FloatArray]] = {kind: [] for kind in layout.kinds}
    energies: list[float] = []
    found = node_features(model, structures, head=head, batch_size=batch_size, device=device)
    for structure, node in _counted(structures, found, advance):
        chosen = np.array([element in (None, symbol) for symbol in structure.symbols])
        for kind, rows in blocks.items():
            selected = layout.select(node.features, kind)[chosen]
            rows.append(selected.mean(axis=0, keepdims=True) if element is None else selected)
        energies.append(node.energy_ev / len(structure.symbols))
    counts = [len(block) for block in blocks["invariant"]]
    if not sum(counts):
        raise InputFileError(f"none of the structures holds {element}: name an element that they have.")
    return Described(
        structures=tuple(structures),
        features={kind: np.concatenate(rows) for kind, rows in blocks.items()},
        structure=np.repeat(np.arange(len(counts)), counts),
        energy_ev_per_atom=np.array(energies),
    )


def _counted(
    structures: Sequence[Structure], nodes: Iterable[NodeFeatures], advance: Callable[[int], None] | None
) -> Iterable[tuple[Structure, NodeFeatures]]:
    for done, pair in enumerate(zip(structures, nodes, strict=True), start=1):
        if advance is not None:
            advance(done)
        yield pair
