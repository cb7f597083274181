"""Frames that are not used, each with its reason."""

import dataclasses
from enum import StrEnum


class DropReason(StrEnum):
    """Why a frame is not used."""

    NO_ENERGY = "no energy"
    NO_FORCES = "no forces"
    SCF_NOT_CONVERGED = "SCF not converged"
    MACHINE_LEARNED = "labelled by a machine-learned force field"
    CUT = "the file ends or breaks within the frame"
    NOT_FINITE = "energy, forces or positions not finite"
    BOND_FISSION = "bond fission in the molecule"
    LARGE_FORCE = "force above the limit"
    DUPLICATE = "duplicate of an earlier frame"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dropped:
    """One frame that is not used. `source` as in `LabelledFrame`."""

    source: str
    reason: DropReason
    detail: str
