"""What `molgun analyse` answers for files that no campaign has made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.output import answers, counting, print_json, progress_console
from molgun_lmp.readers.vasp_trajectories import given_files
from molgun_lmp.results.external import counts, frames, load_settings, molecule_of, trajectories, write_table

if TYPE_CHECKING:
    from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
    from molgun_lmp.analysis.outcomes.single_frames import FrameClass
    from molgun_lmp.config.external import ForeignFiles
    from molgun_lmp.outcome_classes import Mode
    from molgun_lmp.records import Outcome

_FEW = 30


def analyse_files(
    files: Sequence[Path],
    config: Path | None,
    overrides: Sequence[str],
    *,
    like: Path | None,
    one_trajectory: bool,
    processes: int | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Decide the trajectory in each file, or the one in all of them; what a table holds already is not read again."""
    settings, folder, molecule = _settings(config, overrides, like)
    outcomes: list[Outcome] = []
    said, levels = {""}, list[str]()
    memory = None if table is None else table.with_name(f"{table.name}.cache.jsonl")
    with (
        given_files(files) as given,
        counting("reading trajectories", 1 if one_trajectory else len(given)) as advance,
    ):
        for one in trajectories(
            given, settings, folder, one=one_trajectory, like=molecule, memory=memory, processes=processes
        ):
            outcomes.append(one.outcome)
            levels.append(one.level_of_theory)
            for note in one.notes:
                progress_console().print(note, markup=False)
            if one.found not in said and not as_json:
                said.add(one.found)
                progress_console().print(f"{one.outcome.trajectory_id}: {one.found}", markup=False)
            advance(len(outcomes))
    if table is not None:
        write_table(table, outcomes, each_frame=False)
    if as_json:
        print_json({"outcomes": [one.to_json() for one in outcomes], "levels_of_theory": levels})
        return
    rows = [
        (
            *(outcome.trajectory_id, outcome.mode.label, outcome.detail),
            "–" if outcome.first_contact_ps is None else f"{outcome.first_contact_ps:.3f}",
            f"{outcome.time_ps:.3f}",
            outcome.reason + (" (the file is cut in its last frame)" if outcome.truncated else ""),
        )
        for outcome in outcomes
    ]
    _print(("trajectory", "mode", "detail", "contact / ps", "time / ps", "why"), rows, [one.mode for one in outcomes])
    for level in dict.fromkeys(filter(None, levels)):
        answers().print(f"Forces: {level}", markup=False)


def analyse_each_frame(
    files: Sequence[Path],
    config: Path | None,
    overrides: Sequence[str],
    *,
    like: Path | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Classify every frame of all files by itself."""
    settings, folder, molecule = _settings(config, overrides, like)
    with given_files(files) as given, counting("reading files", len(given)) as advance:
        found: list[FrameClass] = list(frames(given, settings, folder, advance, molecule))
    if table is not None:
        write_table(table, found, each_frame=True)
    if as_json:
        print_json({"frames": [one.to_json() for one in found]})
        return
    rows = [(one.file, str(one.step), one.mode.label, one.detail, one.reason) for one in found]
    _print(("file", "step", "mode", "detail", "why"), rows, [one.mode for one in found])


def _settings(
    config: Path | None, overrides: Sequence[str], like: Path | None
) -> "tuple[ForeignFiles, Path, MoleculeReference | None]":
    store = None if like is None else Store.open(like)
    settings, folder = load_settings(config, overrides, store)
    return settings, folder, None if store is None else molecule_of(store)


def _print(titles: Sequence[str], rows: Sequence[Sequence[str]], modes: "Sequence[Mode]") -> None:

    table = Table(*titles, box=None)
    for row in rows[:_FEW]:
        table.add_row(*map(Text, row))
    out = answers()
    out.print(table)
    if len(rows) > _FEW:
        out.print(f"... and {len(rows) - _FEW} more: --csv FILE.csv has them all.")
    out.print(", ".join(f"{mode!s}: {number}" for mode, number in counts(modes)), markup=False)
