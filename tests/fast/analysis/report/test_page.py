"""The report page: complete, self-contained, escaped, and clear where there is nothing to show."""

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import paper_classes as paper
import pytest
from report_cases import OUTCOMES, a_result, an_outcome, movies, small_report

from molgun_lmp.analysis.outcomes.minima import Minima, Quenched
from molgun_lmp.analysis.report.costs import costs_of
from molgun_lmp.analysis.report.page import ReportContent, render_report, write_report
from molgun_lmp.analysis.report.paper import is_paper_system
from molgun_lmp.analysis.report.rows import TRAJECTORY_HEADER, labels_statement, remarks, settings_rows, trajectory_rows
from molgun_lmp.analysis.statistics.sentences import unseen_sentence
from molgun_lmp.analysis.statistics.summary import STICKING_LINES, summarise
from molgun_lmp.analysis.statistics.variants import variants
from molgun_lmp.errors import InputFileError
from molgun_lmp.plotting.inline_svg import inline_svg
from molgun_lmp.records import Cause

HOSTILE = "<script>alert('x')</script><img src=http://evil.example/ onerror=alert(1)>\"'&{{ 7*7 }}"
VOID = {"meta", "link", "br", "img", "hr", "input", "col"}


class Page(HTMLParser):
    """The page's elements; fails on elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.cells.append([])
        elif tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self.cells[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    return write_report(folder / "report.html", small_report(folder)).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_table_is_first_with_what_was_seen_and_what_sticks(page: Page) -> None:
    summary = small_report().summary
    assert page.cells[0] == list(summary.header()[:5])
    labels = ["OT-CY", "scattered", "undecided", "failed", "bound, intact", *STICKING_LINES]
    cells = {row.label: list(row.cells()[:5]) for row in summary.table()}
    assert page.cells[1 : 1 + len(labels)] == [cells[label] for label in labels]
    assert page.text.index("How the shots ended") < page.text.index("Figure 1.")


def test_what_was_not_seen_is_one_line_that_opens_to_every_line(page: Page) -> None:
    summary = small_report().summary
    assert unseen_sentence(summary).startswith("No shot ended as explosion, C-C broken, H abstraction, SL-DB,")
    assert f"{unseen_sentence(summary)}. Every line with all intervals" in page.text
    assert [tag for tag, _ in page.elements].count("details") == 1
    first = page.cells.index(list(summary.header())) + 1
    shown = page.cells[first : first + len(summary.table())]
    assert [tuple(cells) for cells in shown] == [row.cells() for row in summary.table()]


def test_the_answer_and_its_limits_are_said(page: Page) -> None:
    assert "Molecular-gun campaign: C12H14 at H32Si96" in page.text
    assert "2 of 5 shots are bound to the surface at the end: 40.0 %" in page.text
    assert "Labels: GFN1-xTB, not PBE-D3: numbers are not comparable with the reference paper's." in page.text
    assert "5 of 8 planned trajectories are in this table." in page.text
    assert "1 trajectory failed: 1 nan-force." in page.text
    assert "1 trajectory moved in energy beyond the limits." in page.text


def test_protocol_model_and_provenance_are_tables(page: Page) -> None:
    for row in (
        ["gun.kick.energy_ev", "0.2"], ["stop", "–"], ["elements", "H, C, Si"], ["versions.ase", "3.29.0"],
        ["hashes.model", "ab12"],
    ):  # fmt: skip
        assert row in page.cells


def test_every_trajectory_has_its_row(page: Page) -> None:
    rows = {cells[0]: cells for cells in page.cells if len(cells) == len(TRAJECTORY_HEADER)}
    assert rows["000000"] == [
        "000000", "OT-CY", "–", "0.42", "0.61", "130–12 1.94 Å, 131–13 1.95 Å", "both CY carbons bind one dimer",
        "12.3", "0.205", "-1.2e-06", "completed", "trajectories/000000",
    ]  # fmt: skip
    assert rows["000003"][9] == "-1.2e-06 (flagged)"
    assert rows["000004"][10] == "nan-force: step 7"
    assert len(rows) == 1 + len(OUTCOMES)


def test_nothing_is_fetched_and_nothing_runs(page: Page, text: str) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                assert (value or "").startswith(("#", "data:")), (tag, name, value)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_binding_energies_are_shown_with_their_reference_where_there_are_some(page: Page) -> None:
    assert "What lies below the ends" not in page.text, "nobody asked for minima"
    quenched = Quenched(
        trajectory_id="000000", mode_at_end=paper.PC, mode=paper.OT_CY, detail="", reason="", energy_ev=-33.25,
        slab_energy_ev=-20.0, molecule_energy_ev=-10.0, binding_energy_ev=-3.25, steps=9, converged=True, dump="",
    )  # fmt: skip
    minima = Minima(quenched=(quenched,), missing=1, level_of_theory="GFN1-xTB")
    asked = Page(render_report(dataclasses.replace(small_report(), minima=minima)))
    assert ["OT-CY", "1", "-3.25", "–", "-3.25", "-3.25"] in asked.cells
    assert "Reference: one slab of -20.000 eV and one molecule of -10.000 eV." in asked.text
    assert "1 that ended as PC fell to OT-CY." in asked.text
    unfinished = Minima(
        quenched=(dataclasses.replace(quenched, converged=False),), missing=0, level_of_theory="GFN1-xTB"
    )
    none = Page(render_report(dataclasses.replace(small_report(), minima=unfinished)))
    assert "No end has a binding energy." in none.text
    assert "-3.25" not in none.text


def test_how_the_bound_molecules_sit_follows_the_table_where_their_classes_have_variants(page: Page) -> None:
    assert "variants.csv" not in page.text
    content = small_report()
    outcomes = [an_outcome(0, paper.PC, stuck=True, detail="CO <hollow>"), *content.outcomes[1:]]
    shown = Page(render_report(dataclasses.replace(content, outcomes=outcomes, variants=variants(outcomes))))
    rows = [row for row in shown.cells if row[:2] == ["PC", "CO <hollow>"]]
    assert [row[2:5] for row in rows] == [["1", str(len(outcomes)), f"{100 / len(outcomes):.1f} %"]]
    assert "variants.csv" in shown.text


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {v[1:] for _, a in page.elements for n, v in a.items() if n.endswith("href") and v and v.startswith("#")}
    assert links <= set(ids)
    assert {"table", "figures", "protocol", "model", "provenance", "trajectories"} <= links


def test_figures_follow_the_theme(page: Page, text: str) -> None:
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(drawings) == 2
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    body = text[text.index("<svg") :]
    assert "var(--ink)" in body
    assert "#1b1f24" not in body
    assert "modes.csv" in page.text


def test_hostile_names_are_text() -> None:
    outcome = an_outcome(0, paper.FAILED, trajectory_id=HOSTILE, reason=HOSTILE, slab_snapshot=HOSTILE)
    content = ReportContent(
        title=HOSTILE,
        created=HOSTILE,
        summary=summarise(paper.SCHEME, [outcome]),
        outcomes=[outcome],
        level_of_theory=HOSTILE,
        protocol={HOSTILE: {HOSTILE: [HOSTILE]}},
        model_card={"name": HOSTILE},
        provenance={"host": HOSTILE},
        lammps_files={HOSTILE: HOSTILE},
    )
    page = Page(render_report(content))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img"}
    assert all("evil" not in str(value) for _, attributes in page.elements for value in attributes.values())
    assert page.text.count("{{ 7*7 }}") >= 9
    assert "49" not in page.text


def test_a_page_about_nothing_says_so() -> None:
    empty = ReportContent(title="empty", created="", summary=summarise(paper.SCHEME, [], planned=10), outcomes=[])
    page = Page(render_report(empty))
    assert "No trajectory was analysed" in page.text
    assert "0 of 10 planned trajectories" in page.text
    assert "There are no analysed trajectories." in page.text
    assert "level of theory not stated" in page.text
    assert page.text.count("Nothing was recorded here.") == 3
    assert "#figures" not in {attributes.get("href") for _, attributes in page.elements}


def test_all_failed_says_so() -> None:
    outcomes = [an_outcome(i, paper.FAILED, contact=False) for i in range(3)]
    results = [a_result(i, cause=Cause.LOST_ATOMS) for i in range(3)]
    content = ReportContent(
        title="f", created="", summary=summarise(paper.SCHEME, outcomes, results), outcomes=outcomes, results=results
    )
    page = Page(render_report(content))
    assert "All 3 trajectories failed: nothing can be said about sticking." in page.text
    assert "3 trajectories failed: 3 lost-atoms." in page.text


def test_a_long_list_of_trajectories_is_for_the_screen_alone() -> None:
    for number in (20, 21):
        outcomes = [an_outcome(i, paper.FAILED, contact=False) for i in range(number)]
        content = ReportContent(title="f", created="", summary=summarise(paper.SCHEME, outcomes), outcomes=outcomes)
        page = Page(render_report(content))
        assert (f"leaves the list of {number} trajectories out" in page.text) == (number == 21)
        assert any(
            "screen" in (attributes.get("class") or "").split()
            and tag == "div"
            and "full" in (attributes.get("class") or "")
            for tag, attributes in page.elements
        ) == (number == 21)


@pytest.mark.parametrize(
    ("level", "words", "mind"),
    [
        ("GFN1-xTB", "not PBE-D3: numbers are not comparable", True),
        ("PBE-D3(BJ)/PAW", "as in the reference paper", False),
        ("r2SCAN", "not comparable", True),
        (" ", "not stated", True),
        ("unknown", "not stated", True),
    ],
)
def test_the_labels_are_named(level: str, words: str, mind: bool) -> None:
    said = labels_statement(level, paper_system=True)
    assert words in said.text
    assert said.mind is mind
    other = labels_statement(level, paper_system=False)
    assert "paper" not in other.text
    assert "PBE-D3:" not in other.text
    assert other.mind is ("not stated" in words)


ECCO, GROUPS = ["C"] * 12 + ["H"] * 14, {"CY": (0, 1), "ET": (2, 3)}


@pytest.mark.parametrize(
    ("slab", "molecule", "groups", "expected"),
    [
        (["Si"] * 4, ECCO, GROUPS, True),
        (["H", *["Si"] * 4], ECCO[::-1], GROUPS, True),
        (["Cu"] * 4, ECCO, GROUPS, False),
        (["Si", "Ge"], ECCO, GROUPS, False),
        (["H"], ECCO, GROUPS, False),
        (["Si"] * 4, ["C"] * 8 + ["H"] * 12, {"CY": (0, 1)}, False),
        (["Si"] * 4, ["C"] * 8 + ["H"] * 12, GROUPS, False),
        (["Si"] * 4, ECCO, {}, False),
        (["Ni"] * 4, ["Cl", "Cl"], {}, False),
    ],
)
def test_the_paper_is_held_against_its_own_system_only(
    slab: list[str], molecule: list[str], groups: dict[str, tuple[int, int]], expected: bool
) -> None:
    assert is_paper_system([*slab, *molecule], len(slab), groups) is expected


def test_another_systems_page_does_not_speak_of_the_paper() -> None:
    costs = costs_of([a_result(0)], cores=1.0)
    content = dataclasses.replace(small_report(), costs=costs, paper_system=False)
    page = Page(render_report(content))
    assert "Labels: GFN1-xTB." in page.text
    assert "Time at work on the trajectories" in page.text
    assert "reference paper" not in page.text
    own = Page(render_report(dataclasses.replace(content, paper_system=True)))
    assert "beside what the reference paper" in own.text


def test_settings_are_flat_and_in_order() -> None:
    document = {"b": {"y": True, "x": [1, 2]}, "a": None, "pools": [{"file": "s.xyz"}, {"file": "t.xyz"}], "none": {}}
    assert settings_rows(document) == [
        ("b.y", "yes"), ("b.x", "1, 2"), ("a", "–"), ("pools.0.file", "s.xyz"), ("pools.1.file", "t.xyz"),
        ("none", "–"),
    ]  # fmt: skip


def test_unknown_things_are_dashes() -> None:
    (row,) = trajectory_rows([an_outcome(0, paper.IN_FLIGHT, first_contact_ps=None, reason="")], [], [], {}, {})
    assert row == ("000000", "in flight", *("–",) * 10)
    assert remarks(summarise(paper.SCHEME, [])) == ()


def test_an_svg_loses_whatever_could_act(tmp_path: Path) -> None:
    path = tmp_path / "bad one.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)">'
        '<script>alert(1)</script><a xlink:href="http://evil.example"><text>x</text></a><!-- -->'
        '<defs><path id="p"/></defs><use xlink:href="#p" clip-path="url(#c)"/><image xlink:href="http://evil.example/x.png"/></svg>'
    )
    text = inline_svg(path, "label")
    assert "evil" not in text
    assert "alert" not in text
    assert "<!--" not in text
    assert 'id="bad_one-p"' in text
    assert 'href="#bad_one-p"' in text
    assert 'clip-path="url(#bad_one-c)"' in text


@pytest.mark.parametrize(
    ("width", "share"), [("496.8pt", "1.000"), ("248.4pt", "0.500"), ("900pt", "1.000"), ("10cm", "1.000")]
)
def test_letters_of_all_figures_are_of_one_size(tmp_path: Path, width: str, share: str) -> None:
    path = tmp_path / "figure.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="10pt"/>')
    text = inline_svg(path, "label")
    assert f'style="--share: {share}"' in text
    assert " width=" not in text


@pytest.mark.parametrize("wrong", [None, "not xml", "<html/>"])
def test_a_figure_that_is_none_is_named(tmp_path: Path, wrong: str | None) -> None:
    path = tmp_path / "figure.svg"
    if wrong is not None:
        path.write_text(wrong)
    with pytest.raises(InputFileError, match=r"figure\.svg.*Draw it again"):
        inline_svg(path, "label")


def test_an_unwritable_place_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(InputFileError, match=r"cannot be written to .*report\.html"):
        write_report(tmp_path / "report.html", small_report())
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_page_with_trajectories_to_turn_runs_its_own_script_only(tmp_path: Path) -> None:
    cast, shown = movies()
    text = render_report(dataclasses.replace(small_report(tmp_path), cast=cast, movies=shown))
    page = Page(text)
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "viewer-data"}, {}]
    code = text[text.index("<script>") + 8 : text.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert policy.endswith(f"script-src 'sha256-{digest}'")
    ids = {attributes.get("id") for _, attributes in page.elements}
    tints = [attributes.get("style") for _, attributes in page.elements if attributes.get("class") == "tint"]
    assert tints == ["background: #d0e0f4", "background: #909090", "background: #f0c8a0"], "H, C and Si are explained"
    links = [attributes.get("href") for tag, attributes in page.elements if tag == "a"]
    assert links.count("#view-000001") == 3  # of the table of modes, of the viewer, of the table of trajectories
    assert {link[1:] for link in links if link} <= ids
    assert '<span class="screen">Turn by dragging' in text, "a printed picture is not turned"
    for word in ("fetch(", "XMLHttpRequest", "import(", "WebSocket", "eval(", "http://", "https://"):
        assert word not in code


def test_texts_in_the_data_cannot_end_their_element(tmp_path: Path) -> None:
    cast, (one, _) = movies()
    shown = [dataclasses.replace(one, trajectory_id="</script><script>alert(1)</script>")]
    text = render_report(dataclasses.replace(small_report(tmp_path), cast=cast, movies=shown))
    assert "<script>alert" not in text
    data = text[text.index('id="viewer-data">') + 17 :]
    assert json.loads(data[: data.index("</script>")])["movies"][0]["id"] == shown[0].trajectory_id
