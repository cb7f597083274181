"""What `molgun analyse` answers for files that no campaign has made."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from molgun_lmp.cli.output import answers, counting, print_json, progress_console

if TYPE_CHECKING:
    from molgun_lmp.analysis.foreign import FrameClass
    from molgun_lmp.records import Mode, Outcome

_FEW = 30


def analyse_files(
    files: Sequence[Path],
    config: Path | None,
    overrides: Sequence[str],
    *,
    one_trajectory: bool,
    table: Path | None,
    as_json: bool,
) -> None:
    """Decide the trajectory in each file, or the one in all of them."""
    from molgun_lmp.campaign.foreign import load_settings, trajectories, write_table  # noqa: PLC0415

    settings, folder = load_settings(config, overrides)
    outcomes: list[Outcome] = []
    said = set()
    with counting("reading trajectories", 1 if one_trajectory else len(files)) as advance:
        for outcome, found in trajectories(files, settings, folder, one=one_trajectory):
            outcomes.append(outcome)
            if found.sentence() not in said and not as_json:
                said.add(found.sentence())
                progress_console().print(f"{outcome.trajectory_id}: {found.sentence()}", markup=False)
            advance(len(outcomes))
    if table is not None:
        write_table(table, outcomes, each_frame=False)
    if as_json:
        print_json({"outcomes": [one.to_json() for one in outcomes]})
        return
    rows = [
        (
            *(one.trajectory_id, one.mode.value, one.detail),
            "–" if one.first_contact_ps is None else f"{one.first_contact_ps:.3f}",
            f"{one.time_ps:.3f}",
            one.reason + (" (the file is cut in its last frame)" if one.truncated else ""),
        )
        for one in outcomes
    ]
    _print(("trajectory", "mode", "detail", "contact / ps", "time / ps", "why"), rows, [one.mode for one in outcomes])


def analyse_each_frame(
    files: Sequence[Path], config: Path | None, overrides: Sequence[str], *, table: Path | None, as_json: bool
) -> None:
    """Classify every frame of all files by itself."""
    from molgun_lmp.campaign.foreign import frames, load_settings, write_table  # noqa: PLC0415

    settings, folder = load_settings(config, overrides)
    with counting("reading files", len(files)) as advance:
        found: list[FrameClass] = list(frames(files, settings, folder, advance))
    if table is not None:
        write_table(table, found, each_frame=True)
    if as_json:
        print_json({"frames": [one.to_json() for one in found]})
        return
    rows = [(one.file, str(one.step), one.mode.value, one.detail, one.reason) for one in found]
    _print(("file", "step", "mode", "detail", "why"), rows, [one.mode for one in found])


def _print(titles: Sequence[str], rows: Sequence[Sequence[str]], modes: "Sequence[Mode]") -> None:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from molgun_lmp.campaign.foreign import counts  # noqa: PLC0415

    table = Table(*titles, box=None)
    for row in rows[:_FEW]:
        table.add_row(*map(Text, row))
    out = answers()
    out.print(table)
    if len(rows) > _FEW:
        out.print(f"... and {len(rows) - _FEW} more: --csv FILE.csv has them all.")
    out.print(", ".join(f"{mode.value}: {number}" for mode, number in counts(modes)), markup=False)
