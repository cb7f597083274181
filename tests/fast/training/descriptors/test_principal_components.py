"""Distances from a training set in its own units; structures from files and dumps; what the figures hold."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
from ase import Atoms
from ase.io import write
from labelled_cases import slab, slab_and_molecule

from molgun_lmp.arrays import FloatArray
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.training.dataset.structures import Structure, structures_of, without_isolated_atoms
from molgun_lmp.training.descriptors.describe import Described, DescriptorLayout
from molgun_lmp.training.descriptors.figures import Colour, draw_components, draw_distances
from molgun_lmp.training.descriptors.principal_components import TrainingSpace
from molgun_lmp.training.descriptors.report import (
    TRAINING_SET,
    DescriptorReport,
    of_one_composition,
    place,
    relative_energies,
    report_of,
)

SPREADS = np.array([3.0, 1.0, 0.2])


def cloud(points: int, seed: int) -> FloatArray:
    """Points (M, 6) in three dimensions of six, with different spreads along them, off the origin."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(6, 6)))
    return np.asarray(7.0 + (rng.normal(size=(points, 3)) * SPREADS) @ turn[:3])


@pytest.fixture
def space() -> TrainingSpace:
    return TrainingSpace.fit(cloud(2000, 0), np.array([f"t{i % 4}" for i in range(2000)]))


def test_spreads_and_shares_are_recovered(space: TrainingSpace) -> None:
    assert space.spread == pytest.approx(SPREADS, rel=0.05)
    assert space.explained == pytest.approx(SPREADS**2 / (SPREADS**2).sum(), rel=0.1)
    np.testing.assert_allclose(space.axes @ space.axes.T, np.eye(3), atol=1e-12)
    assert space.rest == 0.0
    np.testing.assert_allclose(space.project(cloud(2000, 0)), space.scores, atol=1e-9)


def test_one_is_typical_whatever_the_units_and_axes(space: TrainingSpace) -> None:
    fresh = cloud(500, 1)
    distance = space.distance(fresh)
    assert np.sqrt(np.square(distance).mean()) == pytest.approx(1.0, abs=0.05)
    assert np.median(space.nearest(fresh)) == pytest.approx(1.0, abs=0.15)
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))
    other = TrainingSpace.fit(100.0 * cloud(2000, 0) @ turn, space.trajectories)
    np.testing.assert_allclose(other.distance(100.0 * fresh @ turn), distance, rtol=1e-6)
    far = space.mean + 10.0 * space.spread[2] * space.axes[2]
    assert space.distance(far[None])[0] == pytest.approx(10 / np.sqrt(3), rel=1e-6)


def test_features_that_the_training_set_never_had_are_noticed() -> None:
    rng = np.random.default_rng(0)
    # A little noise in all directions, far below what the components are to hold.
    noisy = cloud(2000, 0) + rng.normal(0, 1e-3, (2000, 6))
    space = TrainingSpace.fit(noisy, np.full(2000, "t"))
    assert len(space.spread) == 3
    assert space.rest > 0
    inside = noisy[:1]
    outside = inside + np.linalg.svd(space.axes)[2][3:4]
    assert space.distance(inside)[0] < 3
    assert space.distance(outside)[0] > 100


def test_own_neighbours_are_of_other_trajectories() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 3))
    alike = np.repeat(centres, 10, axis=0) + rng.normal(0, 1e-4, (200, 3))
    names = np.repeat([f"t{i}" for i in range(20)], 10)
    fresh = rng.normal(size=(100, 3))
    assert np.median(TrainingSpace.fit(alike, names).nearest(fresh)) < 3
    assert np.median(TrainingSpace.fit(alike, np.full(200, "one")).nearest(fresh)) > 100


def test_too_few_or_equal_points_are_refused() -> None:
    for points in (cloud(2, 0), np.ones((5, 4))):
        with pytest.raises(InputFileError, match="at least 3 different structures"):
            TrainingSpace.fit(points, np.full(len(points), "t"))


@pytest.mark.parametrize("l_max", [0, 1, 2])
def test_layers_are_taken_apart(l_max: int) -> None:
    channels, width = 2, 2 * (l_max + 1) ** 2
    layout = DescriptorLayout(channels=channels, l_max=l_max, layers=2)
    features = np.arange(width + channels, dtype=float)[None]
    assert layout.kinds == (("invariant",) if l_max == 0 else ("invariant", "equivariant"))
    assert layout.select(features, "invariant").tolist() == [[0, 1, width, width + 1]]
    assert layout.select(features, "equivariant").tolist() == features.tolist()


DUMP = """ITEM: TIMESTEP
{step}
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp ff
0 10
0 10
0 20
ITEM: ATOMS id type element x y z
1 1 Si 1 2 3
2 2 H 1 2 {z}
"""


def test_structures_come_from_files_and_dumps(tmp_path: Path) -> None:
    frames = [Atoms("H"), slab(), slab_and_molecule(4.0), slab()]
    for atoms in frames[2:]:
        atoms.info["trajectory"] = "run7"
    write(tmp_path / "unlabelled.extxyz", frames)
    read = without_isolated_atoms(list(structures_of(tmp_path / "unlabelled.extxyz")), "x")
    assert [(one.formula, one.trajectory, one.source) for one in read] == [
        ("H2Si8", "unlabelled.extxyz", "unlabelled.extxyz#1"),
        ("C2H4Si8", "run7", "unlabelled.extxyz#2"),
        ("H2Si8", "run7", "unlabelled.extxyz#3"),
    ]
    np.testing.assert_allclose(read[1].atoms().positions, frames[2].positions, atol=1e-7)

    dump = tmp_path / "traj.dump"
    dump.write_text("".join(DUMP.format(step=step, z=4.0 + step) for step in range(5)))
    every = list(structures_of(dump, every=2))
    assert [one.positions[1, 2] for one in every] == [4.0, 6.0, 8.0]
    assert [one.source for one in every] == ["traj.dump#0", "traj.dump#2", "traj.dump#4"]
    assert every[0].pbc == (True, True, False)

    write(tmp_path / "atom.extxyz", Atoms("H"))
    with pytest.raises(InputFileError, match="no structure of more than one atom"):
        without_isolated_atoms(list(structures_of(tmp_path / "atom.extxyz")), "atom.extxyz")


def structure(atoms: Atoms, set_name: str, trajectory: str = "t", mode: Mode | None = None) -> Structure:
    return Structure(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions=atoms.positions,
        cell=np.array(atoms.cell),
        pbc=(True, True, True),
        set_name=set_name,
        source="s",
        trajectory=trajectory,
        mode=mode,
    )


def test_means_are_compared_within_one_composition() -> None:
    clean, covered = slab(), slab_and_molecule(4.0)
    own = [structure(clean, TRAINING_SET), structure(clean, TRAINING_SET), structure(covered, TRAINING_SET)]
    formula, kept, left_out = of_one_composition([*own, structure(covered, "new")], None)
    assert (formula, len(kept), left_out) == ("C2H4Si8", 2, {"H2Si8": 2})
    assert of_one_composition(own, None)[0] == "H2Si8"
    assert of_one_composition([*own, structure(covered, "new")], "Si8H2")[0] == "H2Si8"
    with pytest.raises(ConfigError, match="no formula"):
        of_one_composition(own, "Si(001")
    with pytest.raises(InputFileError, match=r"no structure HSi.*--element"):
        of_one_composition([*own, structure(Atoms("SiH"), "new")], None)


@pytest.fixture
def described() -> Described:
    """Forty training structures, twenty others farther out, half of them with a mode."""
    features = np.concatenate([cloud(40, 0), cloud(20, 1) + 2.0])
    structures = [structure(slab(), TRAINING_SET, f"t{i % 4}") for i in range(40)]
    structures += [structure(slab(), "$x$<b>", "u", paper.OT_CY if i % 2 else None) for i in range(20)]
    return Described(
        structures=tuple(structures),
        features={"invariant": features, "equivariant": np.hstack([features, features**2])},
        structure=np.arange(60),
        energy_ev_per_atom=np.linspace(-5.0, -4.0, 60),
    )


def test_the_report_tells_near_from_far(described: Described) -> None:
    placed = place(described)
    report = report_of(
        described, placed, model="m", sha256="0", level_of_theory="PBE", points="H2Si8", left_out={"H": 1}
    )
    near, far = report.kinds["invariant"].sets.values()
    assert near.median < 1.5 < far.median
    assert near.outside < 0.05
    assert far.outside > 0.9
    assert report.kinds["equivariant"].features == 12
    assert DescriptorReport.model_validate_json(report.model_dump_json()) == report
    assert relative_energies(described).mean() == pytest.approx(0.0)
    with pytest.raises(InputFileError, match="training set has no such points"):
        others = tuple(dataclasses.replace(one, set_name="x") for one in described.structures)
        place(dataclasses.replace(described, structures=others))


def rows(file: Path) -> list[dict[str, Any]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("colour", ["set", "energy", "mode"])
def test_figures_hold_every_point(described: Described, tmp_path: Path, colour: Colour) -> None:
    placed = place(described)
    figure = draw_components(described, placed, tmp_path, colour=colour, footer="labels: PBE")
    table = rows(figure.csv)
    assert len(table) == 2 * 60
    assert [float(row["distance"]) for row in table[:60]] == placed["invariant"].distance.tolist()
    assert {row["mode"] for row in table} == {"", "OT-CY"}
    assert "labels: PBE" in figure.caption
    assert figure.png.stat().st_size > 5000


def test_shares_fall_from_one(described: Described, tmp_path: Path) -> None:
    figure = draw_distances(described, place(described), tmp_path, footer="labels: PBE")
    own = [row for row in rows(figure.csv) if (row["kind"], row["set"]) == ("invariant", TRAINING_SET)]
    shares = [float(row["share"]) for row in own]
    assert (shares[0], shares[-1]) == pytest.approx((1.0, 1 / 40))
    assert [float(row["distance"]) for row in own] == sorted(float(row["distance"]) for row in own)
