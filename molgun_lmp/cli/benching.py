"""The command `bench`: what a step costs on this machine, next to what others would use."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from molgun_lmp.cli.output import AsJson, answers, print_json, progress_console


def register(app: typer.Typer) -> None:
    """Add the command to `molgun`."""
    app.command(rich_help_panel="Help")(bench)


def bench(
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write bench.json and the figure into this folder.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A minute at most: small and few, for a first look.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure side by side what a step costs here: ASE, the pair style, symmetrix, and many at once. Minutes."""
    from molgun_lmp.bench.cases import demo_model, medium_model  # noqa: PLC0415
    from molgun_lmp.bench.figure import bench_figure  # noqa: PLC0415
    from molgun_lmp.bench.measuring import (  # noqa: PLC0415
        FULL,
        QUICK,
        compare,
        machine,
        structures_of,
        together_curve,
        workers_ratio,
    )

    effort = QUICK if quick else FULL
    console = progress_console()

    def say(what: str) -> None:
        console.print(f"measuring: {what}", markup=False)

    here = machine()
    rows, together = [], {}
    with tempfile.TemporaryDirectory() as work:
        models = [demo_model(), *([] if quick else [medium_model(Path(work))])]
        for number, model in enumerate(models):
            structures = structures_of(effort)
            rows += compare(model, structures if number == 0 else structures[:1], effort, say)
            # 64 structures of the larger model take minutes and gigabytes on a processor.
            curve = effort if number == 0 else dataclasses.replace(effort, together=effort.together[:3])
            together[model.name] = together_curve(model, structures[0], curve, say)
    workers = workers_ratio(effort, say)
    document: dict[str, Any] = {
        "machine": here,
        "quick": quick,
        "steps": [dataclasses.asdict(row) for row in rows],
        "together_torchscript": together,
        "two_workers_over_one": workers,
    }
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        bench_figure(rows, together, folder)
    if as_json:
        print_json(document)
        return
    _print(document)


def _print(document: dict[str, Any]) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(
        "times faster", "model", "atoms", "way", "ms a step", "lowest to highest", "LAMMPS and callback", box=None
    )
    for row in document["steps"]:
        table.add_row(
            "" if row["speedup"] is None else f"{row['speedup']:.1f}",
            row["model"],
            str(row["atoms"]),
            row["way"],
            f"{row['median_ms']:.2f}",
            f"{row['lowest_ms']:.2f} to {row['highest_ms']:.2f}",
            "" if row["overhead"] is None else f"{100 * row['overhead']:.1f} %",
        )
    out = answers()
    out.print(table)
    for model, curve in document["together_torchscript"].items():
        out.print(f"TorchScript at once, {model}: " + ", ".join(f"{p['together']}: {p['ms']:.1f} ms" for p in curve))
    workers = document["two_workers_over_one"]
    if workers is not None:
        out.print(
            f"two workers do {workers['median']} times the work of one ({workers['lowest']} to {workers['highest']})"
        )
    here = document["machine"]
    out.print(
        f"{here['processor']}, {here['cores']} cores, threads {here['threads']}, load before {here['load_before']}"
    )
