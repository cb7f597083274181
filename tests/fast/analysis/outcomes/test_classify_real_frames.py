"""The example's own frames of bound ECCO: each mode is recognised, also where the cyclopropane ring has opened."""

import io
import lzma
from pathlib import Path

import ase.io
import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms

import molgun_lmp
from molgun_lmp.analysis.outcomes.bonds import BondLimits
from molgun_lmp.analysis.outcomes.classify import Classified
from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.config import OutcomeCriteria
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.surface.clean_surface import find_surface

FRAMES = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "data" / "frames.extxyz.xz"
N_SLAB = 128
GROUPS = {"CY": (7, 8), "ET": (0, 1)}
CRITERIA = OutcomeCriteria()


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    # Unpacked first: ASE seeks while it reads, and each step back in an .xz stream unpacks it from the start.
    text = io.StringIO(lzma.decompress(FRAMES.read_bytes()).decode())
    read: list[Atoms] = ase.io.read(text, index=":", format="extxyz")
    return read


def classified(bound: Atoms, molecule: Atoms) -> Classified:
    surface = find_surface(bound[:N_SLAB])
    symbols = molecule.get_chemical_symbols()
    reference = MoleculeReference.find(symbols, molecule.positions, GROUPS, surface.lattice, CRITERIA)
    limits = BondLimits.of(symbols, bound.get_chemical_symbols()[:N_SLAB], CRITERIA)
    bonds = limits.bonds(bound.positions[N_SLAB:], bound.positions[:N_SLAB], surface.lattice)
    return paper.classified(bonds, reference, surface, CRITERIA.max_fragments)


@pytest.mark.parametrize(
    ("trajectory", "mode"),
    [
        ("th-otcy", paper.OT_CY),
        ("th-brcy", paper.BR_CY),
        ("th-otet", paper.OT_ET),
        ("th-pccy", paper.PC),
        ("th-pcet", paper.PC),
    ],
)
def test_each_bound_mode_is_recognised(frames: list[Atoms], trajectory: str, mode: Mode) -> None:
    molecule = next(frame for frame in frames if frame.info.get("trajectory") == "molecule_opt")
    bound = [frame for frame in frames if frame.info.get("trajectory") == trajectory]
    assert len(bound) >= 3
    for frame in bound:
        found = classified(frame, molecule)
        carbons = frame.positions[N_SLAB : N_SLAB + 12]
        # the three bonds of the cyclopropane ring: C2, C4 and C11
        opened = max(np.linalg.norm(carbons[a] - carbons[b]) for a, b in ((2, 4), (2, 11), (4, 11))) > 2.12
        expected = (paper.CC_BROKEN, f"bound as {mode}") if opened else (mode, found.detail)
        assert (found.mode, found.detail) == expected


def test_molecule_in_flight_is_intact_and_unbound(frames: list[Atoms]) -> None:
    molecule = next(frame for frame in frames if frame.info.get("trajectory") == "molecule_opt")
    early = [frame for frame in frames if str(frame.info.get("trajectory")) == "11-6"]
    assert early
    assert all(classified(frame, molecule).mode is None for frame in early)
