"""The report: one HTML page that holds everything it shows, readable without a network, on paper and in the dark."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from molgun_lmp.analysis.outcomes.minima import BINDING_HEADER, Minima
from molgun_lmp.analysis.report.costs import HEADER as COST_HEADER
from molgun_lmp.analysis.report.costs import Cost
from molgun_lmp.analysis.report.movies import Cast, Movie
from molgun_lmp.analysis.report.rows import (
    COLUMN_CLASSES,
    TRAJECTORY_HEADER,
    labels_statement,
    remarks,
    settings_rows,
    summary_lines,
    trajectory_rows,
)
from molgun_lmp.analysis.report.viewer import viewer_of
from molgun_lmp.analysis.statistics.sentences import sticking_sentence, unseen_sentence
from molgun_lmp.analysis.statistics.summary import TO_QUOTE, Summary
from molgun_lmp.analysis.statistics.trust import Trust, distance_cells
from molgun_lmp.analysis.statistics.variants import VARIANTS_HEADER, Variant
from molgun_lmp.atomic_files import replace_file
from molgun_lmp.errors import InputFileError
from molgun_lmp.plotting.figure_files import FigureFiles
from molgun_lmp.plotting.inline_svg import inline_svg
from molgun_lmp.records import Outcome, Shot, TrajectoryResult
from molgun_lmp.rendering import render_page

_TEMPLATE = "report.html.j2"
_MOST_PRINTED = 20
"""Trajectories whose list is printed; that of more fills sheet after sheet and is a file already."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportContent:
    """All that the page shows. Texts may hold anything: they are escaped."""

    title: str
    created: str
    summary: Summary
    outcomes: Sequence[Outcome]
    variants: Sequence[Variant] = ()
    """How the bound molecules sit there and what the broken ones became, within their classes."""
    warnings: Sequence[str] = ()
    """What must be read before the table besides what the summary says."""
    shots: Sequence[tuple[str, Shot]] = ()
    """(trajectory id, what was drawn for it)."""
    results: Sequence[TrajectoryResult] = ()
    figures: Sequence[FigureFiles] = ()
    """In the order of the page."""
    cast: Cast | None = None
    movies: Sequence[Movie] = ()
    """Trajectories that can be turned; none without `cast`."""
    costs: Sequence[Cost] = ()
    trust: Trust | None = None
    """How far the trajectories went from the training data, where that was asked."""
    minima: Minima | None = None
    """What lies below the ends, where they were minimised."""
    doses: Sequence[str] = ()
    """What chains of doses say, in sentences; nothing where shots are by themselves."""
    replays: Sequence[str] = ()
    """What each replay of a trajectory says."""
    level_of_theory: str = ""
    """Of the labels that the model learned from, such as `GFN1-xTB`; empty where the card does not say."""
    system: str = ""
    """Molecule and slab, such as `CO at Cu48`."""
    paper_system: bool = False
    """Whether molecule and surface are the reference paper's: then labels and costs are held against it."""
    protocol: Mapping[str, object] = dataclasses.field(default_factory=dict)
    """The resolved campaign file."""
    model_card: Mapping[str, object] = dataclasses.field(default_factory=dict)
    provenance: Mapping[str, object] = dataclasses.field(default_factory=dict)
    """Versions, hashes, engine, machines, wall time."""
    lammps_files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Trajectory id -> folder of its deck, data file and dump, as the reader should see it."""


def render_report(content: ReportContent) -> str:
    """The page as text. Raises `InputFileError` where a figure's SVG or the template is missing."""
    lines, notes = summary_lines(content.summary)
    labels = labels_statement(content.level_of_theory, paper_system=content.paper_system)
    viewer = viewer_of(content.cast, content.movies)
    return render_page(
        _TEMPLATE,
        {
            "title": content.title,
            "created": content.created,
            "system": content.system,
            "labels": labels,
            "sticking": sticking_sentence(content.summary),
            "remarks": [*content.warnings, *remarks(content.summary)],
            "header": content.summary.header(),
            "lines": lines,
            "to_quote": TO_QUOTE,
            "unseen": unseen_sentence(content.summary),
            "notes": notes,
            "variants_header": VARIANTS_HEADER,
            "variants": [one.cells() for one in content.variants],
            "minima": content.minima,
            "binding_header": BINDING_HEADER,
            "viewer": viewer,
            "examples": {} if viewer is None else dict(viewer.examples),
            "turnable": frozenset() if viewer is None else viewer.ids,
            "figures": [
                (figure, Markup(inline_svg(figure.svg, figure.caption, figure.name))) for figure in content.figures
            ],
            "trust": None if content.trust is None else content.trust.sentence(),
            "doses": content.doses,
            "replays": content.replays,
            "cost_header": COST_HEADER,
            "costs": [cost.cells() for cost in content.costs],
            "paper_system": content.paper_system,
            "sections": [
                ("protocol", "Protocol", "The resolved campaign file.", settings_rows(content.protocol)),
                ("model", "Model", labels.text, settings_rows(content.model_card)),
                ("provenance", "Provenance", "Versions, hashes and machines.", settings_rows(content.provenance)),
            ],
            "trajectory_header": TRAJECTORY_HEADER,
            "most_printed": _MOST_PRINTED,
            "column_classes": {title: COLUMN_CLASSES.get(title, "") for title in TRAJECTORY_HEADER},
            "trajectories": trajectory_rows(
                content.outcomes, content.shots, content.results, content.lammps_files, distance_cells(content.trust)
            ),
        },
    )


def write_report(path: Path, content: ReportContent) -> Path:
    """Write the page, whole or not at all, and give its path. Raises `InputFileError` where that is impossible."""
    text = render_report(content)
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise InputFileError(f"the report cannot be written to {path}: {error}. Choose another place.") from error
    return path
