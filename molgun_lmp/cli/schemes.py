"""`molgun schemes`."""

from typing import Annotated, Any

import typer
from rich.table import Table

from molgun_lmp.cli.output import AsJson, answers, print_json
from molgun_lmp.condition_words import in_words
from molgun_lmp.config.schemes import load_scheme, scheme_names
from molgun_lmp.outcome_classes import Kind, Mode
from molgun_lmp.outcome_scheme import OutcomeScheme

_BY_COURSE = {
    Kind.IN_FLIGHT: "intact and unbound, never in contact",
    Kind.LEFT: "intact and unbound, out of reach after contact",
    Kind.NEAR: "intact and unbound, within reach",
    Kind.UNDECIDED: "the trajectory does not tell",
    Kind.FAILED: "the run failed",
    Kind.BLOWN_UP: "or the run blew up",
}
"""What a trajectory's course says besides, or in place of, a class's conditions."""


def schemes_command(
    scheme: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE.yaml", help="A scheme, or a file of your own; none lists all."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the outcome schemes, or explain one: every class in its order, what it means, and when a molecule is of it.

    A file of your own is checked, too. `outcomes.scheme` of the campaign file names a scheme; `molgun analyse CAMPAIGN
    --scheme` decides a campaign by another one.
    """
    found = [load_scheme(name) for name in (scheme_names() if scheme is None else (scheme,))]
    if as_json:
        print_json({"schemes": [_document(one) for one in found]})
    elif scheme is None:
        _list(found)
    else:
        _explain(found[0])


def _list(schemes: list[OutcomeScheme]) -> None:
    table = Table("scheme", "classes", "for", box=None)
    for one in schemes:
        table.add_row(one.name, str(len(one.modes)), one.title)
    answers().print(table)
    answers().print("`molgun schemes NAME` explains one, docs/schemes.md how to write your own.", markup=False)


def _explain(scheme: OutcomeScheme) -> None:
    out = answers()
    source = f" ({scheme.source})" if scheme.source else ""
    out.print(f"{scheme.name}: {scheme.title or 'no title'}{source}", markup=False)
    out.print("The first class that fits is the molecule's.", markup=False)
    for mode in scheme.modes:
        out.print(f"\n{mode.label}  [{mode.row.group}]", markup=False)
        out.print(f"    {mode.row.meaning}", markup=False)
        out.print(f"    when: {_when(scheme, mode)}", markup=False)
        if scheme.rules[mode].detail:
            out.print(f"    detail: {scheme.rules[mode].detail}", markup=False)
    for name, kind in scheme.sets.items():
        out.print(f"\nset {name}: counted as {kind}", markup=False)
    before: dict[Mode, list[str]] = {}
    for first, later in scheme.overlapping():
        before.setdefault(first, []).append(later.label)
    if before:
        out.print("\nWhere two fit one structure, their order alone tells them apart:", markup=False)
    for first, others in before.items():
        out.print(f"    {first!s} before {', '.join(others)}", markup=False)


def _when(scheme: OutcomeScheme, mode: Mode) -> str:
    """All that has to hold, in words."""
    when, among = scheme.rules[mode].when, scheme.rules[mode].among
    if among:
        return f"{' or '.join(sorted(among))} for as long as a class has to last, and of no class of these for so long"
    clauses = [] if when is None else in_words(when)
    if mode.kind is Kind.BLOWN_UP and clauses:
        return f"{'; '.join(clauses)}; {_BY_COURSE[mode.kind]}"
    course = _BY_COURSE.get(mode.kind)
    return "; ".join([*([course] if course else []), *clauses])


def _document(scheme: OutcomeScheme) -> dict[str, Any]:
    return {
        "name": scheme.name,
        "title": scheme.title,
        "source": scheme.source,
        "classes": [
            {
                "label": mode.label,
                "set": mode.row.group,
                "counted_as": mode.kind.value,
                "meaning": mode.row.meaning,
                "when": _when(scheme, mode),
            }
            for mode in scheme.modes
        ],
        "sets": {name: kind.value for name, kind in scheme.sets.items()},
        "told_apart_by_order": [[first.label, later.label] for first, later in scheme.overlapping()],
    }
