"""Figures: the files are there, hold what was given, and leave no trace in matplotlib."""

import csv
import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import paper_classes as paper
import pytest
from ended_cases import ended, energy
from matplotlib.image import imread

from molgun_lmp.analysis.figures.impacts import draw_impacts
from molgun_lmp.analysis.figures.modes_heights_energy import HeightTrace, draw_energy_drift, draw_heights, draw_modes
from molgun_lmp.analysis.figures.structures import Snapshot, centred, draw_structures, lowering
from molgun_lmp.analysis.figures.temperatures import BIN_PS, HeatTrace, draw_temperatures
from molgun_lmp.analysis.figures.timelines import draw_timelines
from molgun_lmp.analysis.kinetics.heat import Temperatures
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.arrays import FloatArray, IntArray
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.palette import INK, PAPER, RULE
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.style import MANY
from molgun_lmp.records import Cause, Outcome, TrajectoryResult

HOSTILE = r"$\frac{<script>alert(1)</script>&"


def _outcome(index: int, mode: Mode, events: tuple[tuple[float, Mode], ...] | None = None) -> Outcome:
    return Outcome(
        trajectory_id=f"{index:06d}",
        mode=mode,
        stuck=mode == paper.OT_CY,
        contact=mode != paper.IN_FLIGHT,
        first_contact_ps=0.3 if mode != paper.IN_FLIGHT else None,
        first_bond_ps=0.5 if mode == paper.OT_CY else None,
        time_ps=2.0,
        lowest_clearance_angstrom=2.0,
        events=((0.0, paper.IN_FLIGHT), (0.5, mode)) if events is None else events,
        bonds=(),
        reason="",
        truncated=False,
        slab_snapshot=f"s{index % 3}",
        molecule_snapshot=f"m{index}",
    )


def _result(index: int, drift: float | None, *, flagged: bool = False) -> TrajectoryResult:
    return ended(index, Cause.NAN_FORCE, energy=energy(drift, excursion=drift, flagged=flagged))


def _snapshot(title: str = "000001") -> Snapshot:
    # Two dimers 2.3 Å long and an acetylene on the first one, cut by the cell's boundary.
    positions = [[1, 1, 5], [1, 3.3, 5.5], [7, 1, 5], [7, 3.3, 5.5]]
    positions += [[1, 1.5, 6.9], [1, 2.8, 7.0], [0.6, 0.7, 7.6], [9.6, 3.6, 7.7]]
    return Snapshot(
        title=title,
        mode=paper.OT_CY,
        symbols=("Si",) * 4 + ("C", "C", "H", "H"),
        positions=np.array(positions, dtype=np.float64),
        cell=np.diag([10.0, 8.0, 30.0]),
        n_slab=4,
        surface_z_angstrom=5.25,
        bonds=((4, 0), (5, 1)),
    )


def _rows(figure: FigureFiles) -> list[dict[str, str]]:
    with figure.csv.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _look(figure: FigureFiles) -> None:
    """The figure can be read in both formats and is neither blank nor a flood of ink."""
    pixels = imread(figure.png)
    paper = np.array(mpl.colors.to_rgb(PAPER))
    inked = float(np.mean(np.abs(pixels[..., :3] - paper).max(axis=2) > 0.1))
    assert 0.005 < inked < 0.6
    assert min(pixels.shape[:2]) > 300
    root = ElementTree.fromstring(figure.svg.read_bytes())
    assert root.tag.endswith("svg")
    assert len(list(root.iter())) > 50
    assert figure.caption


MODES = [paper.OT_CY, paper.OT_CY, paper.SCATTERED, paper.IN_FLIGHT, paper.UNDECIDED, paper.FAILED]
OUTCOMES = [_outcome(i, mode) for i, mode in enumerate(MODES)]


@pytest.mark.parametrize("scheme", ["weiske2026", "general"])
def test_no_two_modes_look_alike(scheme: str) -> None:
    styles = [mode.row.style for mode in load_scheme(scheme, Path()).modes]
    assert len({(style.colour, style.marker) for style in styles}) == len(styles)
    assert len({(style.colour, style.dash) for style in styles}) == len(styles), "as bars and lines"
    assert len({INK, RULE, PAPER}) == 3


def test_modes(tmp_path: Path) -> None:
    summary = summarise(paper.SCHEME, OUTCOMES)
    figure = draw_modes(summary, tmp_path)
    _look(figure)
    assert "No shot ended as explosion, " in figure.caption
    high = float(ElementTree.fromstring(figure.svg.read_bytes()).attrib["height"].removesuffix("pt"))
    assert high < 72 * 2.5, "no room for bars that are not there"
    rows = _rows(figure)
    assert [row["mode"] for row in rows] == [mode.label for mode in paper.CLASSES]
    for row, mode in zip(rows, paper.CLASSES, strict=True):
        estimate = summary.mode(mode)
        assert int(row["count"]) == estimate.count
        assert (float(row["low"]), float(row["high"])) == estimate.cluster
        assert float(row["fraction"]) == estimate.fraction


def test_timelines(tmp_path: Path) -> None:
    silent = _outcome(9, paper.FAILED, events=())
    figure = draw_timelines([*OUTCOMES, silent], tmp_path)
    _look(figure)
    spans = [(r["trajectory"], float(r["start_ps"]), float(r["end_ps"]), r["mode"]) for r in _rows(figure)]
    assert spans[:2] == [("000000", 0.0, 0.5, "in flight"), ("000000", 0.5, 2.0, "OT-CY")]
    assert ("000009", 0.0, 2.0, "failed") in spans
    assert {span[0] for span in spans} == {f"{i:06d}" for i in (*range(6), 9)}
    assert sum(end - start for _, start, end, _ in spans) == pytest.approx(7 * 2.0)


def test_many_trajectories_stay_small(tmp_path: Path) -> None:
    figure = draw_timelines([_outcome(i, MODES[i % 6]) for i in range(MANY + 1)], tmp_path)
    assert b"<image" in figure.svg.read_bytes()
    assert figure.svg.stat().st_size < 400_000
    assert len(_rows(figure)) == 2 * (MANY + 1)


def test_heights(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    traces = [
        HeightTrace(trajectory_id=str(i), mode=mode, time_ps=np.linspace(0, 1, 5), height_angstrom=rng.normal(3, 1, 5))
        for i, mode in enumerate(MODES)
    ]
    figure = draw_heights(traces, tmp_path)
    _look(figure)
    rows = _rows(figure)
    assert [float(row["height_angstrom"]) for row in rows] == np.concatenate(
        [t.height_angstrom for t in traces]
    ).tolist()
    assert [float(row["time_ps"]) for row in rows[:5]] == traces[0].time_ps.tolist()


def test_energy_drift(tmp_path: Path) -> None:
    drifts = [1e-6, -2e-5, 0.0, None, 3e-3]
    results = [_result(i, drift, flagged=i == 4) for i, drift in enumerate(drifts)]
    figure = draw_energy_drift(results, tmp_path, drift_limit=1e-4, excursion_limit=1e-3)
    _look(figure)
    rows = _rows(figure)
    assert [
        float(row["drift_ev_per_atom_per_ps"]) if row["drift_ev_per_atom_per_ps"] else None for row in rows
    ] == drifts
    assert [row["flagged"] for row in rows] == ["False"] * 4 + ["True"]
    assert "flagged (1)" in figure.caption
    assert "not known and not drawn: 1" in figure.caption


def _surface() -> tuple[FloatArray, FloatArray, IntArray]:
    cell = np.array([[8.0, 0, 0], [2.0, 7.0, 0], [0, 0, 30.0]])
    return cell, np.array([[1.0, 0.5, 5.0], [3.3, 0.5, 5.6]]), np.array([[0, 1]])


def test_impacts_are_wrapped_into_a_tilted_cell(tmp_path: Path) -> None:
    cell, top_layer, dimers = _surface()
    inside = np.array([[0.3, 0.4], [0.9, 0.1], [0.5, 0.99]]) @ cell[:2, :2]
    moved = inside + np.array([[1, 0], [-2, 1], [0, -1]]) @ cell[:2, :2]
    modes = [paper.OT_CY, paper.PC, paper.FAILED]
    figure = draw_impacts(moved, modes, tmp_path, cell=cell, top_layer=top_layer, dimers=dimers)
    _look(figure)
    rows = _rows(figure)
    assert np.array([[float(r["x_angstrom"]), float(r["y_angstrom"])] for r in rows]) == pytest.approx(inside)
    assert [row["mode"] for row in rows] == [mode.label for mode in modes]


def test_a_surface_without_dimers_has_atoms_only(tmp_path: Path) -> None:
    _, top_layer, dimers = _surface()
    cell = np.diag([10.2, 8.8, 30.0])
    told: dict[str, list[str]] = {}
    for name, pairs in (("with", dimers), ("without", dimers[:0])):
        figure = draw_impacts(
            np.ones((1, 2)), [paper.PC], tmp_path, cell=cell, top_layer=top_layer, dimers=pairs, name=name
        )
        # Letters are outlines; Matplotlib notes each text in a comment.
        told[name] = re.findall(r"<!-- (surface \w+) -->", figure.svg.read_text(encoding="utf-8"))
        assert imread(figure.png)[:, :3, :3].min() > 0.9, "no label is cut off at the edge"
    assert told == {"with": ["surface dimer"], "without": ["surface atom"]}


def test_numbers_of_trajectories_are_whole(tmp_path: Path) -> None:
    figure = draw_energy_drift([_result(0, 1e-6), _result(1, 2e-6)], tmp_path, drift_limit=None, excursion_limit=None)
    ticks = re.findall(r"<!-- (−?[0-9.]+) -->", figure.svg.read_text(encoding="utf-8"))
    assert "1" in ticks
    assert not [tick for tick in ticks if "." in tick and tick.startswith(("0.", "1.", "−"))]


def test_structures(tmp_path: Path) -> None:
    snapshots = [_snapshot(f"{i:06d}") for i in range(3)]
    figure = draw_structures(snapshots, tmp_path)
    _look(figure)
    text = figure.svg.read_text(encoding="utf-8")
    faded = set(re.findall(r"fill: (#[0-9a-f]{6}); fill-opacity: 0", text))
    assert faded <= {"#f0c8a0", "#7d848f"}, "atoms of the slab fade into the page, whatever its colour"
    assert "#f0c8a0" in faded
    assert "#ffffff" not in text
    rows = _rows(figure)
    assert len(rows) == 3 * 8
    drawn = np.array([[float(row[f"{axis}_angstrom"]) for axis in "xyz"] for row in rows[:8]])
    assert np.array_equal(drawn, snapshots[0].positions)
    assert [row["symbol"] for row in rows[:8]] == list(snapshots[0].symbols)
    # The bonds to the surface are drawn in both views: their colour is in the file beyond the legend's one line.
    assert figure.svg.read_text(encoding="utf-8").count("#d55e00") > 3


def test_hydrogen_is_not_lost_beside_carbon(tmp_path: Path) -> None:
    pixels = imread(draw_structures([_snapshot()], tmp_path).png)[..., :3]
    hydrogen, carbon = (
        int((np.abs(pixels - np.array(mpl.colors.to_rgb(colour))).max(axis=2) < 0.02).sum())
        for colour in ("#d0e0f4", "#909090")
    )
    assert hydrogen > 0.3 * carbon > 0, "two atoms each"


def test_at_most_twelve_structures_are_drawn_and_the_caption_says_so(tmp_path: Path) -> None:
    figure = draw_structures([_snapshot(str(i)) for i in range(13)], tmp_path)
    assert "The first 12 of 13." in figure.caption
    assert len({row["structure"] for row in _rows(figure)}) == 12


def test_a_molecule_that_left_is_drawn_whole_and_not_into_the_surface(tmp_path: Path) -> None:
    bound = _snapshot()
    left = dataclasses.replace(bound, positions=bound.positions + np.outer(np.arange(8) >= 4, [0, 0, 20.0]), bonds=())
    assert lowering(bound) == 0.0
    highest = left.positions[:, 2].max() - left.surface_z_angstrom
    assert 9.0 < highest - lowering(left) < 11.0, "at the upper edge of the picture"
    upright = left.positions.copy()
    upright[7, 2] += 12.0  # longer than the picture is high
    lowest = upright[4:, 2].min() - left.surface_z_angstrom
    assert lowest - lowering(dataclasses.replace(left, positions=upright)) == pytest.approx(3.5)
    assert lowering(dataclasses.replace(left, bonds=bound.bonds)) == 0.0, "a bond is never bent"
    _look(draw_structures([bound, left], tmp_path))


def test_what_stood_there_before_is_drawn_paler_and_the_molecule_above_it(tmp_path: Path) -> None:
    bound = _snapshot()
    positions = np.vstack([bound.positions, bound.positions[4:] + np.array([5.0, 0.0, 0.0])])
    positions[8:, 2] += 25.0
    met = dataclasses.replace(
        bound, symbols=(*bound.symbols, *bound.symbols[4:]), positions=positions, bonds=(), n_adsorbed=4
    )
    highest, lowest = positions[4:8, 2].max(), positions[8:, 2].min()
    assert met.first == 8
    assert lowest - lowering(met) > highest, "never drawn into them"
    assert centred(met)[8:, :2] == pytest.approx(centred(bound)[4:, :2]), "the newcomer is in the middle"
    figure = draw_structures([met], tmp_path)
    _look(figure)
    assert "What stood on the surface before it is paler." in figure.caption
    assert "paler" not in draw_structures([bound], tmp_path).caption


def test_the_molecule_is_whole_in_the_middle_wherever_the_cell_is_cut() -> None:
    snapshot = _snapshot()
    here = centred(snapshot)
    molecule = here[snapshot.n_slab :]
    assert np.linalg.norm(molecule[1] - molecule[3]) < 1.8  # C-H across the boundary
    assert np.abs(here[:, 0]).max() <= 5.0
    assert here[:, 2] == pytest.approx(snapshot.positions[:, 2] - 5.25)
    rng = np.random.default_rng(0)
    for _ in range(5):
        shift = rng.integers(-2, 3, (8, 2)) @ snapshot.cell[:2, :2] + rng.uniform(0, 10, 2)
        positions = snapshot.positions + np.hstack([shift, np.zeros((8, 1))])
        moved = Snapshot(**{**vars(snapshot), "positions": positions})
        assert centred(moved) == pytest.approx(here, abs=1e-9)


def test_nothing_to_draw_is_still_a_figure(tmp_path: Path) -> None:
    cell, top_layer, dimers = _surface()
    figures = [
        draw_modes(summarise(paper.SCHEME, []), tmp_path),
        draw_timelines([], tmp_path),
        draw_heights([], tmp_path),
        draw_energy_drift([], tmp_path),
        draw_impacts(np.empty((0, 2)), [], tmp_path, cell=cell, top_layer=top_layer, dimers=dimers),
        draw_structures([], tmp_path),
    ]
    for figure in figures:
        ElementTree.fromstring(figure.svg.read_bytes())
        assert figure.png.stat().st_size > 500


def test_names_are_text_and_never_formulas(tmp_path: Path) -> None:
    outcome = Outcome(**{**vars(OUTCOMES[0]), "trajectory_id": HOSTILE})
    _look(draw_timelines([outcome], tmp_path))
    figure = draw_structures([_snapshot(HOSTILE)], tmp_path)
    _look(figure)
    assert _rows(figure)[0]["structure"] == HOSTILE


def test_matplotlib_is_left_as_it_was_and_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    first = draw_modes(summarise(paper.SCHEME, OUTCOMES), tmp_path / "first")
    second = draw_modes(summarise(paper.SCHEME, OUTCOMES), tmp_path / "second")
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []
    for kind in ("svg", "png", "csv"):
        assert getattr(first, kind).read_bytes() == getattr(second, kind).read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputFileError, match=r"figure 'modes' cannot be written into .*file.*another folder"):
        draw_modes(summarise(paper.SCHEME, OUTCOMES), tmp_path / "file")


def test_temperatures_are_bin_means_of_every_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    traces = []
    for index, (mode, length) in enumerate(((paper.OT_CY, 100), (paper.SCATTERED, 40), (paper.PC, 0))):
        slab, molecule, translation = rng.uniform(100, 500, (3, length))
        traces.append(
            HeatTrace(
                trajectory_id=f"{index:06d}",
                mode=mode,
                stuck=mode == paper.OT_CY,
                after_contact_ps=np.asarray(np.arange(length) * 0.02 - 0.3, dtype=np.float64),
                temperatures=Temperatures(slab_k=slab, molecule_k=molecule, translation_ev=translation),
            )
        )
    figure = draw_temperatures(traces, tmp_path, sentence=HOSTILE)
    with figure.csv.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["trajectory"] for row in rows] == ["000000"] * 20 + ["000001"] * 8
    assert [float(row["after_contact_ps"]) for row in rows[:20]] == pytest.approx((np.arange(20) - 2.5) * BIN_PS)
    for name in ("slab_k", "molecule_k", "translation_ev"):
        each = getattr(traces[0].temperatures, name).reshape(20, 5).mean(axis=1)
        assert [float(row[name]) for row in rows[:20]] == pytest.approx(each)
    assert HOSTILE in figure.caption
    assert "kinetic energy" not in figure.caption
    atom = dataclasses.replace(traces[0].temperatures, molecule_k=np.zeros(100))
    of_atom = [dataclasses.replace(traces[0], temperatures=atom)]
    assert "kinetic energy of the atom" in draw_temperatures(of_atom, tmp_path, sentence="", name="atom").caption
    empty = draw_temperatures([], tmp_path, sentence="", name="empty")
    assert empty.svg.is_file()
