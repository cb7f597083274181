"""Does an exported file compute what mace does where atoms come close? Two atoms, pushed together pair by pair.

Frames hold hardly a distance below that of a bond, and a shot of the gun goes there. Splines and tables of radial
functions are worst at short distance, and forces are so large that only a share of them can be asked for.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ModelError
from molgun_lmp.model_formats import MODEL_FORMATS, Dtype, ExportedFormat
from molgun_lmp.models.error_reports import ContactParity
from molgun_lmp.models.predict import Prediction
from molgun_lmp.training.dataset.labelled_frame import DEFAULT_CONFIG_TYPE, LabelledFrame

CLOSEST_ANGSTROM: Final = 0.5
_DISTANCES: Final[FloatArray] = np.concatenate(
    [np.arange(CLOSEST_ANGSTROM, 1.25, 0.1), np.arange(1.4, 3.05, 0.2), np.arange(3.5, 20.0, 0.5)]
)
_DIRECTION: Final[FloatArray] = np.array([0.36, 0.48, 0.8])  # along no axis, where most spherical harmonics vanish
_MOST_ELEMENTS: Final = 8
"""Of a model whose pairs are all compared; a universal model has thousands of pairs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClosePair:
    """Two atoms at a distance."""

    pair: tuple[str, str]
    distance_angstrom: float

    def frame(self) -> LabelledFrame:
        """The atoms alone, without labels that mean anything."""
        return LabelledFrame(
            symbols=self.pair,
            positions=np.array([np.zeros(3), self.distance_angstrom * _DIRECTION]),
            cell=np.zeros((3, 3)),
            pbc=(False, False, False),
            energy_ev=0.0,
            forces=np.zeros((2, 3)),
            trajectory="contacts",
            config_type=DEFAULT_CONFIG_TYPE,
            source=f"{'-'.join(self.pair)} at {self.distance_angstrom:.1f} Å",
        )


def contact_dimers(elements: Sequence[str], in_frames: Iterable[str], cutoff_angstrom: float) -> tuple[ClosePair, ...]:
    """Each pair of a model's elements from 0.5 Å to its cutoff, by pair and then by distance.

    Of a model of more than eight elements, the pairs of those that its frames hold.
    """
    return tuple(
        ClosePair(pair=pair, distance_angstrom=float(distance))
        for pair in itertools.combinations_with_replacement(compared_elements(elements, in_frames), 2)
        for distance in _DISTANCES[0.98 * cutoff_angstrom > _DISTANCES]
    )


def compared_elements(elements: Sequence[str], in_frames: Iterable[str]) -> tuple[str, ...]:
    """The elements of a model whose pairs are compared: all, or of more than eight those that its frames hold."""
    if len(elements) <= _MOST_ELEMENTS:
        return tuple(elements)
    held = set(in_frames)
    return tuple(symbol for symbol in elements if symbol in held)


def compare_contacts(
    dimers: Sequence[ClosePair],
    reference: Sequence[Prediction],
    found: Sequence[Prediction],
    *,
    format: ExportedFormat,  # noqa: A002  # the field's name
    dtype: Dtype,
) -> ContactParity | None:
    """How a file's forces on dimers compare with mace's, at the distance where they differ most; None for no dimers.

    The size of a force is the largest one at a distance and its neighbours in the scan, since on the way in forces pass
    through zero. Where mace itself gives no numbers nothing is compared; raises `ModelError` where the file alone does.
    """
    sizes = np.array([np.abs(one.forces).max() for one in reference])
    limits = MODEL_FORMATS[format].parity[dtype]
    worst: tuple[float, float, int, float] | None = None
    for number, (dimer, expected, answer) in enumerate(zip(dimers, reference, found, strict=True)):
        if not np.isfinite(expected.forces).all():
            continue
        near = [other for other in (number - 1, number, number + 1) if 0 <= other < len(dimers)]
        of_pair = [sizes[other] for other in near if dimers[other].pair == dimer.pair and np.isfinite(sizes[other])]
        difference = float(np.abs(expected.forces - answer.forces).max())
        share = difference / (limits.force + limits.contact * max(of_pair))
        if not np.isfinite(difference):
            raise ModelError(
                f"the {format} {dtype} file gives forces that are not numbers for {'-'.join(dimer.pair)} at "
                f"{dimer.distance_angstrom:.1f} Å, where mace's are. Do without this format."
            )
        if worst is None or share > worst[0]:
            worst = (share, difference, number, float(max(of_pair)))
    if worst is None:
        return None
    _, difference, number, size = worst
    compared = [dimer for dimer, size_there in zip(dimers, sizes, strict=True) if np.isfinite(size_there)]
    return ContactParity(
        format=format,
        dtype=dtype,
        elements=tuple(dict.fromkeys(symbol for dimer in compared for symbol in dimer.pair)),
        dimers=len(compared),
        from_angstrom=max(
            min(dimer.distance_angstrom for dimer in compared if dimer.pair == pair)
            for pair in {dimer.pair for dimer in compared}
        ),
        worst_pair=dimers[number].pair,
        worst_angstrom=dimers[number].distance_angstrom,
        force_ev_per_angstrom=difference,
        force_there_ev_per_angstrom=size,
        force_limit_ev_per_angstrom=limits.force,
        force_limit_share=limits.contact,
    )


def require_contacts(report: ContactParity) -> None:
    """Raise `ModelError` for a file whose forces on close atoms are not mace's."""
    if report.passed:
        return
    raise ModelError(
        f"the {report.format} {report.dtype} file does not compute what mace does where atoms are close: for "
        f"{'-'.join(report.worst_pair)} at {report.worst_angstrom:.1f} Å a force differs by "
        f"{report.force_ev_per_angstrom:.2e} eV/Å, where forces are as large as "
        f"{report.force_there_ev_per_angstrom:.2e} (limit {report.force_limit_share:.0e} of that and "
        f"{report.force_limit_ev_per_angstrom:.0e}). Do without this format, or try another version of what reads it."
    )
