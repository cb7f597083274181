"""Distance from the training set, atom by atom, of a real (untrained) model."""

from pathlib import Path
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from engine_cases import TinyModel, structures
from test_descriptors import structure

from molgun_lmp.analysis.figures.trust import DistanceTrace, draw_trust, read_traces
from molgun_lmp.analysis.statistics.trust import TrajectoryTrust, Trust
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import InputFileError
from molgun_lmp.models.mace_file import load_model
from molgun_lmp.models.predict import predict_mace
from molgun_lmp.results.table_files import read_trust, write_trust
from molgun_lmp.training.descriptors.atom_distances import AtomSpaces, invariants

pytestmark = pytest.mark.engine


def thermal(atoms: Atoms, seed: int, width: float = 0.05) -> Atoms:
    moved = atoms.copy()
    moved.positions += np.random.default_rng(seed).normal(0.0, width, moved.positions.shape)
    return moved


@pytest.fixture(scope="module")
def model(tiny_mace: TinyModel) -> Any:
    return load_model(tiny_mace.model, trust=True, dtype="float64")


@pytest.fixture(scope="module")
def spaces(model: Any) -> AtomSpaces:
    rest = structures()["molecule on slab"]
    seen: list[int] = []
    found = AtomSpaces.fit(
        model, [structure(thermal(rest, seed)) for seed in range(40)], head="Default", advance=seen.append
    )
    assert seen == list(range(1, 41))
    return found


def distances(model: Any, spaces: AtomSpaces, atoms: Atoms) -> np.ndarray[Any, np.dtype[np.float64]]:
    (features,) = invariants(model, [structure(atoms)], head="Default")
    return np.asarray(spaces.distances(atoms.get_chemical_symbols(), features))


def test_frames_like_those_of_the_training_are_within_the_border(model: Any, spaces: AtomSpaces) -> None:
    rest = structures()["molecule on slab"]
    assert set(spaces.borders) == {"H", "C", "Si"}
    own = [distances(model, spaces, thermal(rest, seed)).max() for seed in range(40)]
    assert sum(one <= 1.0 for one in own) >= 38  # 99 % of them, element by element
    assert np.median([distances(model, spaces, thermal(rest, seed)).max() for seed in range(100, 110)]) < 1.3


def test_an_atom_where_none_ever_was_is_found(model: Any, spaces: AtomSpaces) -> None:
    rest = structures()["molecule on slab"]
    strange = thermal(rest, 7)
    hydrogen = int(np.flatnonzero(strange.numbers == 1)[0])
    strange.positions[hydrogen] = strange.positions[0] + [0.0, 0.0, 1.0]  # into the slab
    found = distances(model, spaces, strange)
    assert int(np.argmax(found)) in (0, hydrogen)
    assert found.max() > 3.0


def test_turning_and_order_do_not_matter(model: Any, spaces: AtomSpaces) -> None:
    atoms = thermal(structures()["molecule on slab"], 3)
    order = np.random.default_rng(1).permutation(len(atoms))
    turned = atoms[order]
    turned.rotate(90, "z", rotate_cell=True)
    np.testing.assert_allclose(
        distances(model, spaces, turned), distances(model, spaces, atoms)[order], rtol=1e-6, atol=1e-9
    )


def test_an_element_without_training_is_said(model: Any, spaces: AtomSpaces) -> None:
    slab = structures()["molecule on slab"]
    bare = AtomSpaces.fit(
        model, [structure(thermal(slab[slab.numbers == 14], seed)) for seed in range(5)], head="Default"
    )
    with pytest.raises(InputFileError, match=r"the training set has no C, H \(it has Si\)"):
        distances(model, bare, slab)
    with pytest.raises(InputFileError, match="no structures"):
        AtomSpaces.fit(model, [], head="Default")


def test_forces_of_structures_without_labels(model: Any) -> None:
    """What the committee's disagreement is made of."""
    atoms = structures()["molecule on slab"]
    (answer,) = predict_mace(model, [structure(atoms)], head="Default")
    assert answer.forces.shape == (len(atoms), 3)
    assert np.abs(answer.forces).max() > 0


def test_records_and_figure_are_read_again(tmp_path: Path) -> None:
    one = TrajectoryTrust(
        trajectory_id="000001", frames=3, farthest=1.5, time_ps=0.2, atom=130, element="C", in_molecule=True,
        beyond=1 / 3, first_beyond_ps=0.2, disagreement_ev_per_angstrom=0.4,
    )  # fmt: skip
    trust = Trust(
        model="m", model_sha256="ab", training_files=("a.extxyz",), training_frames=40, borders={"C": 2.1}, every=10,
        committee=("n",), trajectories=(one,),
    )  # fmt: skip
    assert read_trust(tmp_path) is None
    write_trust(trust, tmp_path)
    assert read_trust(tmp_path) == trust
    assert trust.of("000001") == one and trust.of("000002") is None
    assert "1 of 1 trajectories went beyond" in trust.sentence()
    assert "beyond the border that 99 % of the 40 training frames keep within; farthest 000001" in trust.sentence()
    assert "The model has no calibration on labelled frames" in trust.sentence()
    assert "(the molecule's C, atom 130)." in trust.sentence()
    assert "The committee's forces differ by 0.40 eV/Å" in trust.sentence()
    assert read_traces(tmp_path / "figures", {"000001": paper.PC}) == []
    trace = DistanceTrace(
        trajectory_id="000001", mode=paper.PC, time_ps=np.array([0.0, 0.1]), distance=np.array([0.5, 1.5])
    )
    figure = draw_trust([trace], tmp_path / "figures", model="m", border=trust.border)
    (again,) = read_traces(tmp_path / "figures", {"000001": paper.PC})
    assert read_traces(tmp_path / "figures", {"000002": paper.PC}) == []
    (other,) = read_traces(tmp_path / "figures", {"000001": load_scheme("general").named("adsorbed")})
    assert other.mode == "adsorbed", "decided by another scheme since"
    assert (again.trajectory_id, again.mode, again.distance.tolist()) == ("000001", paper.PC, [0.5, 1.5])
    figure.csv.write_text("trajectory,mode\n1,2\n")
    (tmp_path / "trust.json").write_text("{}")
    with pytest.raises(InputFileError, match=r"trust\.csv is damaged"):
        read_traces(tmp_path / "figures", {"000001": paper.PC})
    with pytest.raises(InputFileError, match=r"trust\.json is damaged"):
        read_trust(tmp_path)
