"""Flow, waiting, settling, comparison and cost: what is drawn is what was counted."""

import csv
import dataclasses
import re
from pathlib import Path

import paper_classes as paper
import pytest
from report_cases import RESULTS, an_outcome

from molgun_lmp.analysis.figures.comparison import Compared, draw_mode_comparison
from molgun_lmp.analysis.figures.convergence import draw_settling, read_settling
from molgun_lmp.analysis.figures.kinetics import draw_flow, draw_waiting
from molgun_lmp.analysis.kinetics.survival import survival, wait_of
from molgun_lmp.analysis.report.costs import HEADER, costs_of
from molgun_lmp.analysis.report.paper import PAPER_COSTS
from molgun_lmp.analysis.statistics.summary import summarise
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_classes import Mode
from molgun_lmp.plotting.figure_files import FigureFiles, carry_figures, figures_of, other_figures
from molgun_lmp.plotting.inline_svg import inline_svg
from molgun_lmp.records import Outcome
from molgun_lmp.results.table_files import write_costs


def rows(figure: FigureFiles) -> list[dict[str, str]]:
    assert figure.svg.read_text().lstrip().startswith("<?xml")
    assert figure.png.read_bytes().startswith(b"\x89PNG")
    with figure.csv.open(newline="") as handle:
        return list(csv.DictReader(handle))


def walked(index: int, *modes: Mode, bond: float | None = None) -> Outcome:
    events = tuple((0.3 * n, mode) for n, mode in enumerate(modes))
    return an_outcome(index, modes[-1], events=events, first_contact_ps=0.3, first_bond_ps=bond)


FLIGHT, NEAR, PC, TOP = paper.IN_FLIGHT, paper.PHYSISORBED, paper.PC, paper.OT_CY
WALKS = [
    walked(0, FLIGHT, NEAR, PC, TOP, bond=0.6),
    walked(1, FLIGHT, NEAR, PC, NEAR, PC, bond=0.6),
    walked(2, FLIGHT, NEAR, paper.SCATTERED),
    walked(3, FLIGHT),
]


def test_the_flow_has_every_transition_and_every_end(tmp_path: Path) -> None:
    found = {(row["from"], row["to"]): int(row["count"]) for row in rows(draw_flow(WALKS, tmp_path))}
    assert found == {
        ("in flight", "physisorbed"): 3,
        ("physisorbed", "PC"): 3,
        ("physisorbed", "scattered"): 1,
        ("PC", "physisorbed"): 1,
        ("PC", "OT-CY"): 1,
        ("OT-CY", ""): 1,
        ("PC", ""): 1,
        ("scattered", ""): 1,
        ("in flight", ""): 1,
    }


@pytest.mark.parametrize(
    ("outcomes", "ends"),
    [([], 0), ([an_outcome(0, paper.FAILED, events=())], 0), ([walked(0, FLIGHT)], 1)],
)
def test_no_flow_is_a_figure_too(tmp_path: Path, outcomes: list[Outcome], ends: int) -> None:
    assert len(rows(draw_flow(outcomes, tmp_path))) == ends


def test_every_mode_that_a_sequence_can_have_has_its_place(tmp_path: Path) -> None:
    drawable = [mode for mode in paper.CLASSES if mode not in (paper.UNDECIDED, paper.FAILED)]
    figure = draw_flow([walked(n, FLIGHT, mode) for n, mode in enumerate(drawable) if mode is not FLIGHT], tmp_path)
    assert len(rows(figure)) == 2 * (len(drawable) - 1)


def test_waiting_is_the_survival_curve(tmp_path: Path) -> None:
    waits = [wait for wait in map(wait_of, WALKS) if wait is not None]
    steps = survival(waits)
    found = rows(draw_waiting(waits, steps, tmp_path))
    assert [float(row["waiting"]) for row in found] == [step.waiting for step in steps]
    for row in found:
        assert sum(float(row[share]) for share in ("waiting", "bound", "left")) == pytest.approx(1.0)


def test_settling_is_read_and_drawn(tmp_path: Path) -> None:
    file = tmp_path / "running.csv"
    assert read_settling(file, paper.SCHEME) == []
    header = "line,shots,count,fraction,cluster_low,cluster_high,bootstrap_low,bootstrap_high"
    lines = [f'"stuck, of all",{n},{n // 2},0.5,0.2,0.8,0.3,0.7' for n in (10, 20)] + ["PC,10,1,0.1,0,0.4,0,0.3"]
    file.write_text("\n".join([header, *lines]) + "\n")
    found = rows(draw_settling(read_settling(file, paper.SCHEME), tmp_path / "figures"))
    assert [(row["line"], row["shots"], row["low"], row["high"]) for row in found] == [
        ("stuck, of all", "10", "0.3", "0.7"),
        ("stuck, of all", "20", "0.3", "0.7"),
        ("PC", "10", "0.0", "0.3"),
    ]
    file.write_text(f"{header}\nPC,ten\n")
    with pytest.raises(InputFileError, match=r"running\.csv is damaged.*Analyse the campaign again"):
        read_settling(file, paper.SCHEME)


def test_campaigns_side_by_side(tmp_path: Path) -> None:
    one, other = summarise(paper.SCHEME, WALKS), summarise(paper.SCHEME, WALKS[:2])
    figure = draw_mode_comparison([Compared("a", one, "PBE"), Compared("b_$x$", other, "GFN1-xTB")], tmp_path)
    found = {(row["campaign"], row["mode"]): row["count"] for row in rows(figure)}
    assert found[("a", "OT-CY")] == found[("b_$x$", "OT-CY")] == "1"
    assert found[("b_$x$", "scattered")] == "0"
    assert ("a", "DB") not in found  # nobody saw it
    assert "a: PBE; b_$x$: GFN1-xTB. Not one level of theory: a is of PBE, b_$x$ of GFN1-xTB." in figure.caption
    assert [float(row["low"]) for row in rows(figure) if row["campaign"] == "a"] == [
        one.mode(paper.SCHEME.named(row["mode"])).cluster[0] for row in rows(figure) if row["campaign"] == "a"
    ]
    same = draw_mode_comparison([Compared("a", one, "PBE"), Compared("b", other, "PBE")], tmp_path)
    assert "Not one" not in same.caption


def test_a_model_brings_its_figures_along(tmp_path: Path) -> None:
    model = tmp_path / "model"
    draw_flow(WALKS, model, name="learning-curve")
    draw_flow(WALKS, model / "space", name="principal-components")
    draw_flow(WALKS, model / "space", name="something-else")
    carry_figures(model, tmp_path / "campaign")
    found = figures_of(tmp_path / "campaign")
    assert [one.svg.relative_to(tmp_path / "campaign").as_posix() for one in found] == [
        "learning-curve.svg",
        "space/principal-components.svg",
    ]
    assert all(one.csv.is_file() and one.png.is_file() for one in found)
    assert found[0].caption == (
        "Learning curve: the model's error on held-out frames against the number of training frames. "
        "From the model's folder."
    )
    carry_figures(tmp_path / "none", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_figures_of_other_commands_are_taken_with_their_numbers(tmp_path: Path) -> None:
    draw_flow(WALKS, tmp_path / "space", name="principal-components")
    draw_flow(WALKS, tmp_path / "other", name="principal-components")
    (tmp_path / "space" / "without-numbers.svg").write_text("<svg/>")
    found = other_figures([tmp_path / "space", tmp_path / "other"])
    assert [one.name for one in found] == ["space-principal-components", "other-principal-components"]
    assert found[0].caption.startswith("First two principal components of the model's descriptors")
    ids = [set(re.findall(r'\bid="([^"]+)"', inline_svg(one.svg, one.caption, one.name))) for one in found]
    assert ids[0] and ids[1] and not ids[0] & ids[1]
    with pytest.raises(InputFileError, match=r"nothing has no figure with its numbers"):
        other_figures([tmp_path / "nothing"])


def test_costs_are_per_core_and_of_what_was_computed(tmp_path: Path) -> None:
    resumed = dataclasses.replace(RESULTS[0], trajectory_id="000009", resumed_at=(1000, 3000), host="node2")
    costs = costs_of([*RESULTS, resumed], cores=2.0)
    assert [cost.what for cost in costs] == ["pair_style mace, node1", "pair_style mace, node2", "all"]
    assert costs[1].steps == 1000
    assert costs[1].seconds_per_step == pytest.approx(0.06)
    assert costs[1].core_hours == costs[1].core_hours_per_shot == pytest.approx(2 * 60 / 3600)
    assert costs[2].core_hours == pytest.approx(2 * 6 * 60 / 3600)
    assert costs_of([], cores=1.0)[0].core_hours_per_step is None
    with write_costs([*costs, *PAPER_COSTS], tmp_path / "costs.csv").open(newline="") as handle:
        found = list(csv.DictReader(handle))
    assert [row["what"] for row in found[3:]] == [cost.what for cost in PAPER_COSTS]
    assert float(found[-2]["core_hours_per_step"]) == 2.2e-4
    assert all(len(cost.cells()) == len(HEADER) for cost in costs)
