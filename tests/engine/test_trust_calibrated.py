"""The example's model with its calibration: what it is wrong about is flagged, what it was trained on is not."""

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from test_descriptors import structure

import molgun_lmp
from molgun_lmp.analysis.statistics.trust import TrajectoryTrust, Trust, TrustCalibration
from molgun_lmp.models.card import read_card
from molgun_lmp.models.mace_file import load_model
from molgun_lmp.provenance import sha256_file
from molgun_lmp.training.descriptors.atom_distances import invariants
from molgun_lmp.training.descriptors.calibration import ErrorCalibration, read_calibration

pytestmark = pytest.mark.engine

EXAMPLE = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001"
MODEL = EXAMPLE / "model" / "model.model"


@pytest.fixture(scope="module")
def calibration() -> ErrorCalibration:
    found = read_calibration(EXAMPLE / "model", sha256_file(MODEL))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model(MODEL, sha256=sha256_file(MODEL))


@pytest.fixture(scope="module")
def ecco() -> Atoms:
    """The molecule alone, relaxed."""
    atoms = ase.io.read(EXAMPLE / "ecco.xyz")
    assert isinstance(atoms, Atoms)
    atoms.pbc = False
    return atoms


def farthest(model: Any, calibration: ErrorCalibration, frames: list[Atoms]) -> np.ndarray[Any, np.dtype[np.float64]]:
    spaces, shown = calibration.atom_spaces(), [structure(frame) for frame in frames]
    described = invariants(model, shown, head="Default")
    return np.array([spaces.distances(one.symbols, of).max() for one, of in zip(shown, described, strict=True)])


def stretched(atoms: Atoms, hydrogen: int, angstrom: float) -> Atoms:
    """With the bond of one hydrogen as long as that."""
    moved = atoms.copy()
    others = [k for k, symbol in enumerate(atoms.symbols) if symbol == "C"]
    carbon = others[int(np.argmin(atoms.get_distances(hydrogen, others)))]
    moved.set_distance(carbon, hydrogen, angstrom, fix=0)
    return moved


def forces_by(calculators: tuple[Any, ...], atoms: Atoms) -> list[Any]:
    found = []
    for one in calculators:
        copy = atoms.copy()
        copy.calc = one
        found.append(copy.get_forces())
    return found


def rattled(atoms: Atoms, width: float, number: int) -> list[Atoms]:
    frames = []
    for seed in range(number):
        frames.append(atoms.copy())
        frames[-1].positions += np.random.default_rng(seed).normal(0.0, width, atoms.positions.shape)
    return frames


def test_a_stretched_bond_and_a_rattled_molecule_are_beyond_the_border(
    model: Any, calibration: ErrorCalibration, ecco: Atoms
) -> None:
    hydrogens = [k for k, symbol in enumerate(ecco.symbols) if symbol == "H"]
    stretches = farthest(model, calibration, [stretched(ecco, k, 1.8) for k in hydrogens])
    assert stretches.min() > 1.0
    assert min(map(calibration.error_bound, stretches.tolist())) > 0.5
    assert farthest(model, calibration, rattled(ecco, 0.1, 12)).min() > 1.0


def test_rattled_molecules_are_as_wrong_as_it_says_by_the_reference_method_itself(
    model: Any, calibration: ErrorCalibration, ecco: Atoms
) -> None:
    """No frame of these is in any file: GFN1-xTB is asked here."""
    from mace.calculators import MACECalculator
    from tblite.ase import TBLite

    frames = [*rattled(ecco, 0.06, 24), *rattled(ecco, 0.1, 12)]
    distance = farthest(model, calibration, frames)
    calculators = (
        MACECalculator(str(MODEL), device="cpu", default_dtype="float32"),
        TBLite(method="GFN1-xTB", electronic_temperature=600.0, verbosity=0),
    )
    error = np.array([np.linalg.norm(np.subtract(*forces_by(calculators, one)), axis=1).max() for one in frames])
    assert (distance[error > 1.0] > 1.0).all() and (error > 1.0).sum() > 5
    assert (distance[error > 0.5] > 1.0).mean() >= 0.85 and (error > 0.5).sum() > 12
    bounds = np.array([calibration.error_bound(one) for one in distance.tolist()])
    assert (error <= bounds).mean() >= 0.85, "with 90 %"


def test_what_it_was_trained_on_is_within(model: Any, calibration: ErrorCalibration, ecco: Atoms) -> None:
    pool = ase.io.read(EXAMPLE / "pools" / "molecule.extxyz.xz", "::4")
    assert isinstance(pool, list)
    for one in pool:
        one.pbc = False
    apart = farthest(model, calibration, [ecco, *pool])
    assert apart.max() < 1.0


def test_the_calibration_is_of_held_out_frames_and_finds_what_is_wrong(calibration: ErrorCalibration) -> None:
    training = read_card(EXAMPLE / "model").training
    assert training is not None
    assert calibration.files == training.data.files
    assert {one.trajectory for one in calibration.held_out}.isdisjoint(training.data.trajectories["train"])
    wrong, right = calibration.found, calibration.false_alarms
    assert wrong[0] >= 0.9 * wrong[1] and wrong[1] > 30
    assert right[0] < 0.4 * right[1]
    distance = np.array([one.distance for one in calibration.held_out])
    error = np.array([one.error_ev_per_angstrom for one in calibration.held_out])
    bounds = np.array([calibration.error_bound(one) for one in distance.tolist()])
    assert (error <= bounds).mean() >= 0.88


def test_the_expected_error_is_said(calibration: ErrorCalibration) -> None:
    one = TrajectoryTrust(
        trajectory_id="000001", frames=3, farthest=1.5, time_ps=0.2, atom=130, element="C", in_molecule=True,
        beyond=1 / 3, first_beyond_ps=0.2, disagreement_ev_per_angstrom=None, expected_error_ev_per_angstrom=0.8,
        error_bound_ev_per_angstrom=2.1,
    )  # fmt: skip
    trust = Trust(
        model="m", model_sha256="ab", training_files=("a.extxyz",), training_frames=40, borders={"C": 2.1}, every=10,
        committee=(), trajectories=(one,),
        calibration=TrustCalibration(
            held_out_frames=50, limit_ev_per_angstrom=0.5, confidence=0.9, found=(9, 10), false_alarms=(8, 40)
        ),
    )  # fmt: skip
    said = trust.sentence()
    assert "beyond which 90 % of the frames lie whose forces are wrong by more than 0.5 eV/Å" in said
    assert "50 labelled frames that training had not seen: 9 of 10, and 8 of the 40 others" in said
    assert "wrong by 0.8 eV/Å, and by less than 2.1 eV/Å with 90 %." in said
    assert Trust.from_json(trust.to_json()) == trust
