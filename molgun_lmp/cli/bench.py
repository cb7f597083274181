"""`molgun bench`."""

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.bench.cases import BenchInner
from molgun_lmp.bench.course import measure_all
from molgun_lmp.bench.effort import FULL, FULL_GRID, QUICK, QUICK_GRID, DeviceGrid
from molgun_lmp.bench.figure import bench_figure
from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console
from molgun_lmp.models.card import load_card
from molgun_lmp.processes import thread_environment


def bench_command(  # noqa: PLR0917  # a command
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write bench.json and the figure into this folder, after each part; an interrupted measurement there "
            "goes on.",
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A minute at most: small and few, for a first look.")] = False,
    budget: Annotated[
        float | None,
        typer.Option(min=1.0, help="About how many minutes it may take; what does not fit is left out, and said."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of every way.")] = 1,
    inner: Annotated[
        Path | None,
        typer.Option(
            help="The folder of an inner model (engine.multistep) for the example's, measured beside it; beside the "
            "untrained one, too, where its cost alone means something."
        ),
    ] = None,
    device: Annotated[
        Literal["cpu", "cuda"] | None,
        typer.Option(
            help="Write the whole table of one device instead, engines by sizes by numbers at once: bench-DEVICE.json "
            "and .md. Within --budget, 8 minutes if not given; what is left out is named."
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=2, help="With --inner: steps from one full evaluation to the next.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Measure side by side what a step costs here: ASE, TorchSim, the pair style, symmetrix, and many at once.

    20 minutes, if nothing else is said.
    """
    os.environ.update(thread_environment(threads))  # before any library counts the cores

    if device is not None:
        if inner is not None:
            raise typer.BadParameter("an inner model is measured without --device.", param_hint="--inner")
        _table(device, QUICK_GRID if quick else FULL_GRID, budget, threads=threads, folder=folder, as_json=as_json)
        return
    effort = QUICK if quick else FULL
    if budget is not None:
        effort = dataclasses.replace(effort, budget_s=60.0 * budget)
    console = progress_console()

    def say(what: str) -> None:
        console.print(f"measuring: {what}", markup=False)

    with_inner = None if inner is None else BenchInner(folder=inner, card=load_card(inner), every=every)
    with tempfile.TemporaryDirectory() as work:
        document = measure_all(effort, threads=threads, work=Path(work), folder=folder, say=say, inner=with_inner)
    if folder is not None:
        bench_figure(document, folder)
    if as_json:
        print_json(document)
        return
    _print(document)


def _table(
    device: str, grid: DeviceGrid, budget: float | None, *, threads: int, folder: Path | None, as_json: bool
) -> None:
    from molgun_lmp.bench.device_table import as_markdown, measure_table  # noqa: PLC0415 - it is asked for seldom

    if budget is not None:
        grid = dataclasses.replace(grid, budget_s=60.0 * budget)
    console = progress_console()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    keep = None if folder is None else folder / f"bench-{device}.json"
    with tempfile.TemporaryDirectory() as work:
        document = measure_table(
            grid,
            device=device,
            threads=threads,
            work=Path(work),
            say=lambda what: console.print(f"measuring: {what}", markup=False),
            keep=keep,
        )
    text = as_markdown(document)
    if keep is not None:
        replace_file(keep.with_suffix(".md"), text.encode())
    if as_json:
        print_json(document)
    else:
        answers().print(text, markup=False, end="")


def _print(document: dict[str, Any]) -> None:
    table = Table(
        "times faster", "over float32", "model", "atoms", "way", "ms a step", "lowest to highest", "beside the model",
        box=None,
    )  # fmt: skip
    for row in document["steps"]:
        table.add_row(
            _ratio(row["speedup"]),
            _ratio(row["over_float32"]),
            row["model"],
            str(row["atoms"]),
            row["way"],
            f"{row['median_ms']:.2f}",
            f"{row['lowest_ms']:.2f} to {row['highest_ms']:.2f}",
            "" if row["overhead"] is None else f"{100 * row['overhead']:.1f} %",
        )
    out = answers()
    out.print(table)
    clock = "core time" if document["machine"]["threads"] == 1 else "wall time"
    out.print(
        f"Medians of interleaved repeats, {clock}. "
        "Times faster than ASE + MACECalculator in float64, the paper's driver, and than the same in float32."
    )
    for model, way in dict.fromkeys((p["model"], p["way"]) for p in document["together"]):
        points = [p for p in document["together"] if (p["model"], p["way"]) == (model, way)]
        shown = ", ".join(f"{p['together']}: {p['ms']:.1f}" for p in points)
        out.print(f"At once, {model}, {points[0]['atoms']} atoms, {way}, ms a step of one: {shown}", markup=False)
    for crew in document["workers"]:
        if crew["workers"] > 1:
            out.print(
                f"{crew['workers']} workers do {crew['times']} times the work of one ({crew['lowest']} to "
                f"{crew['highest']}; {crew['way']})"
            )
    for one in document["reading"]:
        out.print(
            f"Reading a {one['kind']} dump of {one['atoms']} atoms, frames a second: {one['decided']:.0f} read and "
            f"decided, {one['read']:.0f} only read, {one['ase']:.0f} by ase.io.read"
        )
    for one in document["left_out"]:
        out.print(f"Left out: {one['model']}, {one['atoms']} atoms, {one['way']}: {one['why']}.", markup=False)
    for why in document["not_measured"]:
        out.print(why, markup=False)
    here, loads = document["machine"], [load for pair in document["loads"] for load in pair]
    out.print(
        f"{here['processor']}, {here['cores']} cores, {here['threads']} thread(s); load {min(loads)} to {max(loads)}",
        markup=False,
    )


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"
