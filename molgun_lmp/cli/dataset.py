"""`molgun dataset`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from molgun_lmp.cli.arguments import LostPeriodicity, ZeroedForces
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.config.loading import validated
from molgun_lmp.errors import ConfigError
from molgun_lmp.readers.common.reference_frame import Labels
from molgun_lmp.training.dataset.write import write_dataset
from molgun_lmp.training.settings import FrameLimits, Split

if TYPE_CHECKING:
    from molgun_lmp.training.dataset.write import Progress

_REDRAW_EVERY = 200


def dataset_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="vasprun.xml, OUTCAR, XDATCAR, CP2K's NAME-pos-1.xyz, extxyz, ASE databases, also packed; folders and "
            "zip or tar archives.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to make.")],
    *,
    energy_key: Annotated[
        str | None, typer.Option(help="Key of the energies, where more than one pair is there.")
    ] = None,
    forces_key: Annotated[str | None, typer.Option(help="Key of the forces that belong to it.")] = None,
    intact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PAIR[=Å]",
            help="Drop frames in which a bond of these elements, there in the first frame of the same atoms, is longer "
            "than this (default: sum of covalent radii + 0.6 Å). Repeatable; if not given, C-H; `none` for none.",
        ),
    ] = None,
    max_force: Annotated[float | None, typer.Option(help="Drop frames with a longer force vector, in eV/Å.")] = None,
    max_energy_deviation: Annotated[
        float | None,
        typer.Option(help="Stop at an energy that is farther from what its composition suggests, in eV per atom."),
    ] = None,
    energies_follow_forces: Annotated[
        bool, typer.Option(help="Stop where energies of neighbouring frames do not follow their forces.")
    ] = True,
    zeroed_forces: ZeroedForces = False,
    lost_periodicity: LostPeriodicity = False,
    by: Annotated[
        str | None, typer.Option(help="Hold out whole trajectories (trajectory), or frames at random (random).")
    ] = None,
    every: Annotated[int | None, typer.Option(help="Use every n-th of the shuffled frames.")] = None,
    validation: Annotated[
        list[str] | None, typer.Option(help="A fraction, or the name of a trajectory. Names are repeatable.")
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(help="A fraction, a number of frames (at random), or the name of a trajectory. Repeatable."),
    ] = None,
    test_random: Annotated[
        list[str] | None, typer.Option(help="A second test set at random, with --by trajectory.")
    ] = None,
    test_trajectories: Annotated[
        list[str] | None, typer.Option(help="A second test set of whole trajectories, with --by random.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of shuffling and splitting.")] = None,
    xz: Annotated[bool, typer.Option("--xz", help="Write .extxyz.xz files.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sort reference calculations into training, validation and test frames, and report every frame that is dropped.

    The paper's way: --by random --every 25 --validation 0.05 --test 10000 --seed 24. Train on the result with
    `frames: [FOLDER]` and `split: {by: given}`.
    """
    if (energy_key is None) != (forces_key is None):
        raise ConfigError("--energy-key and --forces-key belong together: give both, or neither.")
    labels = {"energy": energy_key, "forces": forces_key}
    limits = {
        "max_force_ev_per_angstrom": max_force,
        "max_energy_deviation_ev_per_atom": max_energy_deviation,
        "energies_follow_forces": energies_follow_forces,
        "zeroed_forces": zeroed_forces,
        "lost_periodicity": lost_periodicity,
        "intact_bonds": _bonds(intact or ["C-H"]),
    }
    split = {
        "by": by,
        "every": every,
        "validation": _share(validation),
        "test": _share(test),
        "test_random": _share(test_random),
        "test_trajectories": _share(test_trajectories),
        "seed": seed,
    }
    with _progress() as progress:
        report = write_dataset(
            files,
            output,
            labels=None if energy_key is None else validated(labels, Labels, where="--energy-key, --forces-key"),
            limits=validated(_given(limits), FrameLimits, where="options about limits"),
            split=validated(_given(split), Split, where="options about the split"),
            compress=xz,
            progress=progress,
        )
    if as_json:
        print_json({"folder": str(output), **report})
    else:
        _print_report(report, output)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _bonds(texts: list[str]) -> dict[str, str | None]:
    pairs = (text.partition("=") for text in texts if text != "none")
    return {pair: limit or None for pair, _, limit in pairs}


def _share(texts: list[str] | None) -> int | float | list[str] | None:
    """A number where there is one and it is one, names otherwise."""
    if texts is None or len(texts) != 1:
        return texts
    for kind in (int, float):
        try:
            return kind(texts[0])
        except ValueError:
            continue
    return texts


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Frames counted as they go by; silent when standard error is no terminal."""
    console = progress_console()
    seen: dict[str, int] = {}
    with console.status("Looking for files ...") as status:

        def show(what: str) -> None:
            seen[what] = seen.get(what, 0) + 1
            if seen[what] % _REDRAW_EVERY == 0:
                status.update(f"{what} frames: {seen[what]:,}")

        yield show


def _print_report(report: dict[str, Any], folder: Path) -> None:
    out = answers()
    out.print(
        f"{report['frames_read']} frames in {len(report['files'])} files, labels {report['labels']['energy']} and "
        f"{report['labels']['forces']}; {report['frames_usable']} usable",
        markup=False,
    )
    for name, why in report["skipped_files"].items():
        out.print(f"Not read: {name}, {why}", markup=False)
    if len(report["periodicities"]) > 1:
        counts = ", ".join(f"{n} frames along {pbc}" for pbc, n in report["periodicities"].items())
        out.print(f"Periodic: {counts}", markup=False)
    for bonds in report["intact_bonds"]:
        kinds = ", ".join(
            f"{n} {kind} (limit {bonds['limits_angstrom'][kind]} Å)" for kind, n in bonds["bonds"].items()
        )
        out.print(f"Bonds that must hold in {bonds['atoms']}: {kinds}, as in {bonds['reference']}", markup=False)
    table = Table("", "frames", "trajectories", box=None)
    for name, of in report["sets"].items():
        table.add_row(name, str(of["frames"]), str(len(of["trajectories"])))
    if report["frames_not_selected"]:
        table.add_row("not selected", str(report["frames_not_selected"]), "")
    for reason, count in report["dropped"].items():
        table.add_row(f"dropped: {reason}", str(count), "")
    out.print(table)
    if report["frames_dropped"]:
        out.print(f"Every dropped frame is in {folder / report['dropped_frames']}", markup=False)
    if report["elements_without_isolated_atom"]:
        out.print(
            f"No isolated atom of {', '.join(report['elements_without_isolated_atom'])}: say in the training file "
            "where reference energies come from (reference_energies: least_squares, or foundation_estimated)",
            markup=False,
        )
    out.print(f"Next: frames: [{folder}] and split: {{by: given}} in a training file, then molgun train", markup=False)
