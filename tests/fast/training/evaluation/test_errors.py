"""Errors counted by hand; the worst frames; figures that hold what was given."""

import csv
import json
from pathlib import Path
from unittest.mock import ANY
from xml.etree import ElementTree

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import read
from labelled_cases import labelled, off_by, slab, slab_and_molecule

from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.models.error_reports import ErrorReport
from molgun_lmp.models.predict import Prediction
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.surface.partition import group_atoms
from molgun_lmp.training.dataset.labelled_frame import LabelledFrame
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.evaluation.cluster_mean import mean_interval
from molgun_lmp.training.evaluation.comparison import ModelComparison
from molgun_lmp.training.evaluation.errors import error_report
from molgun_lmp.training.evaluation.evaluation_figures import draw_evaluation
from molgun_lmp.training.evaluation.scan_figure import draw_scans
from molgun_lmp.training.evaluation.scans import AtomPair, curves
from molgun_lmp.training.evaluation.worst_frames import worst_frames, write_worst


def points(symbols: str, trajectory: str = "a", source: str = "f#0") -> LabelledFrame:
    return labelled(Atoms(symbols, cell=np.eye(3) * 9, pbc=True), trajectory=trajectory, source=source)


def report_of(frames: list[LabelledFrame], answers: list[Prediction]) -> ErrorReport:
    return error_report("test", ModelComparison.of("test", frames, answers), group_atoms(frames))


def test_errors_are_counted_per_component_element_trajectory_and_file() -> None:
    frames = [points("HSi", trajectory="a", source="f#0"), points("Si", trajectory="b", source="g#0")]
    report = report_of(
        frames,
        [
            off_by(frames[0], 4.0, np.array([[3.0, 0, 0], [0, 0, 0]])),
            off_by(frames[1], -1.0, np.array([[0, 0, -6.0]])),
        ],
    )
    assert report.energy_ev_per_atom.mae == 1.5
    assert report.energy_ev_per_atom.rmse == pytest.approx(2.5**0.5)
    assert report.energy_ev is not None
    assert report.energy_ev.mae == 2.5
    assert report.energy_ev.rmse == pytest.approx(8.5**0.5)
    assert (report.forces_ev_per_angstrom.mae, report.forces_ev_per_angstrom.n) == (1.0, 9)
    assert report.forces_ev_per_angstrom.rmse == pytest.approx(5**0.5)
    assert {e: r.mae for e, r in report.forces_by_element.items()} == {"H": 1.0, "Si": 1.0}
    assert report.by_trajectory["b"].forces_ev_per_angstrom.mae == 2.0
    assert report.by_trajectory["b"].energy_ev_per_atom.mae == 1.0
    assert report.by_file["g"] == report.by_trajectory["b"]
    assert ErrorReport.model_validate_json(report.model_dump_json()) == report


def test_the_interval_of_a_mean_error_is_of_trajectories_not_of_frames() -> None:
    """Frames of one trajectory are wrong alike: 95 of 100 intervals hold the mean that all trajectories would give."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        sizes = rng.integers(2, 12, size=15)
        of_trajectory = np.repeat(rng.gamma(4.0, 1.0, size=15), sizes)  # mean 4
        values = of_trajectory * rng.uniform(0.8, 1.2, size=len(of_trajectory))
        found = mean_interval(values, np.repeat(np.arange(15), sizes).astype(str))
        assert found is not None
        held += found[0] <= 4.0 <= found[1]
    assert 0.90 <= held / 400 <= 0.99
    assert mean_interval(np.ones(3), np.array(["a", "a", "a"])) is None


def test_binding_energies_are_held_against_both_parts_where_they_have_the_lowest_label() -> None:
    ethyne, both = molecule("C2H2"), slab_and_molecule(3.0)
    frames = [
        labelled(ethyne, energy_ev=-10.0, trajectory="w"),
        labelled(ethyne, energy_ev=-9.0, trajectory="w"),
        labelled(slab(), energy_ev=-40.0, trajectory="s"),
        labelled(both, energy_ev=-52.0, trajectory="b"),
        labelled(both, energy_ev=-51.0, trajectory="c"),
    ]
    errors = (1.0, 7.0, 2.0, 3.5, 2.0)
    answers = [off_by(frame, error, np.zeros((len(frame), 3))) for frame, error in zip(frames, errors, strict=True)]
    report = report_of(frames, answers)
    assert report.binding_parts == {"C2H4Si8": ("H2Si8", "C2H2")}
    assert report.binding_energy_ev is not None
    assert report.binding_energy_ev.n == 2
    assert report.binding_energy_ev.mae == pytest.approx((0.5 + 1.0) / 2)  # 3.5 - 2 - 1 and 2 - 2 - 1
    assert report_of(frames[1:], answers[1:]).binding_energy_ev == report.binding_energy_ev.model_copy(
        update={"mae": pytest.approx((5.5 + 7.0) / 2), "rmse": ANY, "mae_interval": ANY}
    )
    assert report_of(frames[2:], answers[2:]).binding_energy_ev is None


def test_a_scan_of_wrapped_frames_says_that_an_image_is_nearer(caplog: pytest.LogCaptureFixture) -> None:
    def pair(x: float) -> LabelledFrame:
        atoms = Atoms("CO", positions=[(1, 0, 0), (x, 0, 0)], cell=[8, 8, 8], pbc=True)
        return labelled(atoms, energy_ev=x, trajectory="wrapped")

    frames = [pair(x) for x in (1.9, 2.0, 7.9)]
    comparison = ModelComparison.of("t", frames, [off_by(frame, 0.0, np.zeros((2, 3))) for frame in frames])
    curves(comparison, AtomPair.parse("0,1"))
    assert "in 1 of 3 frames of wrapped" in caplog.text and "1.10 Å in place of 6.90 Å" in caplog.text


def test_a_scan_is_a_curve_of_each_trajectory_by_distance(tmp_path: Path) -> None:
    def pair(distance: float, trajectory: str) -> LabelledFrame:
        atoms = Atoms("CHSi", positions=[(0, 0, 0), (0, 0, distance), (5, 0, 0)])
        return labelled(atoms, energy_ev=(distance - 1.1) ** 2 - 3.0, trajectory=trajectory)

    frames = [pair(distance, "C-H") for distance in (2.0, 1.1, 0.9, 1.5)] + [pair(1.0, "short"), pair(1.2, "short")]
    comparison = ModelComparison.of("t", frames, [off_by(frame, 1.0, np.zeros((3, 3))) for frame in frames])
    found = curves(comparison, AtomPair.parse("0,1"))
    assert list(found) == ["C-H"]
    curve = found["C-H"]
    assert curve.atoms == ("C", "H")
    np.testing.assert_allclose(curve.distance_angstrom, [0.9, 1.1, 1.5, 2.0])
    np.testing.assert_allclose(curve.label_ev, [0.04, 0, 0.16, 0.81], atol=1e-12)
    np.testing.assert_allclose(curve.model_ev, curve.label_ev, atol=1e-12)  # a constant is no error of a curve
    drawn = draw_scans(found, tmp_path, labels="made up")
    assert [row["distance_angstrom"] for row in csv.DictReader(drawn.csv.open())] == ["0.9", "1.1", "1.5", "2.0"]
    for wrong in ("0", "0,0", "a,b", "0,1,2"):
        with pytest.raises(ConfigError, match="two different atoms"):
            AtomPair.parse(wrong)
    with pytest.raises(ConfigError, match="no trajectory has 3 frames"):
        curves(comparison, AtomPair.parse("0,7"))


def test_errors_by_group() -> None:
    frame = labelled(slab_and_molecule(4.0))
    errors = np.zeros((14, 3))
    errors[:8, 0], errors[8:10, 1], errors[10:, 2] = 3.0, 6.0, -9.0
    report = report_of([frame], [off_by(frame, 0.0, errors)])
    assert {group: (of.mae, of.n) for group, of in report.forces_by_group.items()} == {
        "surface": (1.0, 24),
        "surface hydrogen": (2.0, 6),
        "molecule": (3.0, 12),
    }


def test_a_model_that_gives_nan_has_no_error() -> None:
    with pytest.raises(ModelError, match="not numbers"):
        ModelComparison.of("x", [points("H")], [Prediction(energy_ev=np.nan, forces=np.zeros((1, 3)))])
    with pytest.raises(ModelError, match="no frames"):
        ModelComparison.of("x", [], [])


@pytest.fixture
def comparison() -> ModelComparison:
    """A dozen frames of slab, molecule on slab: errors of 0.1 eV/Å, of 5 eV/Å on one atom of frame 7."""
    rng = np.random.default_rng(1)
    frames, answers = [], []
    for index in range(12):
        atoms = slab() if index % 3 == 0 else slab_and_molecule(4.0)
        atoms.positions += rng.normal(0, 0.05, atoms.positions.shape)
        forces = rng.normal(0, 1.0, atoms.positions.shape)
        name = rf"$\frac{{{index % 2}}}<b>"
        frame = labelled(atoms, energy_ev=-100.0 + rng.normal(), forces=forces, trajectory=name, source=f"f#{index}")
        errors = rng.normal(0, 0.1, forces.shape)
        if index == 7:
            errors[11] = [3.0, 0.0, -4.0]
        frames.append(frame)
        answers.append(off_by(frame, 0.014 * index, errors))
    return ModelComparison.of("x", frames, answers)


def test_the_worst_frame_is_the_one_with_the_worst_atom(comparison: ModelComparison, tmp_path: Path) -> None:
    worst = worst_frames(comparison, 3)
    assert (worst[0].index, worst[0].worst_atom, worst[0].worst_element) == (7, 11, "C")
    assert worst[0].largest_force_error_ev_per_angstrom == pytest.approx(5.0)
    assert worst[0].energy_error_ev_per_atom == pytest.approx(0.014 * 7 / 14)
    assert [one.largest_force_error_ev_per_angstrom for one in worst] == sorted(
        (one.largest_force_error_ev_per_angstrom for one in worst), reverse=True
    )
    assert len(worst_frames(comparison, 100)) == 12

    file = tmp_path / "worst.extxyz"
    write_worst(comparison, worst, file)
    first = read(file, index=0)
    np.testing.assert_allclose(first.arrays["forces_of_model"][11] - first.arrays["REF_forces"][11], [3, 0, -4])
    assert first.info["energy_of_model"] - first.info["REF_energy"] == pytest.approx(0.014 * 7)
    assert first.arrays["force_error"].argmax() == first.info["worst_atom"] == 11
    again = read_dataset([file])
    assert [frame.energy_ev for frame in again.frames] == [comparison.frames[one.index].energy_ev for one in worst]
    np.testing.assert_allclose(again.frames[0].forces, comparison.frames[7].forces, atol=1e-7)


def rows(figure: FigureFiles) -> list[dict[str, str]]:
    with figure.csv.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_figures_hold_the_numbers_and_say_the_level_of_theory(comparison: ModelComparison, tmp_path: Path) -> None:
    report = error_report("x", comparison, group_atoms(comparison.frames))
    energies, forces, by_force, parts = draw_evaluation(comparison, report, tmp_path, labels="PBE, of $x$")
    for figure in (energies, forces, by_force, parts):
        assert "PBE, of $x$" in figure.caption
        assert figure.png.stat().st_size > 5000
        ElementTree.fromstring(figure.svg.read_bytes())
    assert [float(row["model_energy_ev"]) for row in rows(energies)] == comparison.energy_ev.tolist()
    relative = [float(row["label_relative_mev_per_atom"]) for row in rows(energies) if row["formula"] == "H2Si8"]
    assert sum(relative) == pytest.approx(0.0, abs=1e-6)
    assert sum(int(row["components"]) for row in rows(forces)) == comparison.forces.size
    atoms = sum(int(row["atoms"]) for row in rows(by_force))
    assert 0.8 * len(comparison.forces) < atoms <= len(comparison.forces)
    everything, *_ = rows(parts)
    assert float(everything["force_mae_ev_per_angstrom"]) == report.forces_ev_per_angstrom.mae
    assert {row["kind"] for row in rows(parts)} == {"all", "element", "group", "trajectory"}


def test_a_perfect_model_can_be_drawn(tmp_path: Path) -> None:
    frame = points("H")
    comparison = ModelComparison.of("x", [frame], [off_by(frame, 0.0, np.zeros((1, 3)))])
    report = error_report("x", comparison, group_atoms([frame]))
    assert len(draw_evaluation(comparison, report, tmp_path, labels="?")) == 4
    assert json.loads(report.model_dump_json())["forces_ev_per_angstrom"]["mae"] == 0.0
