"""`molgun equilibrate`."""

from typing import Annotated

import typer
from rich.table import Table

from molgun_lmp.campaign.launch.equilibrate import equilibrate as make_pools
from molgun_lmp.cli.arguments import CampaignFile
from molgun_lmp.cli.output import AsJson, Overrides, answers, print_json, progress_console
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.pools import Part


def equilibrate_command(
    file: CampaignFile,
    *,
    slab: Annotated[bool, typer.Option("--slab", help="The slab's pool only.")] = False,
    molecule: Annotated[bool, typer.Option("--molecule", help="The molecule's pool only.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Local worker processes.")] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Make pools that exist anew, and runs of another protocol: both are kept under another name.",
        ),
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write a pool that is judged bad (temperature, structure) all the same.")
    ] = False,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Make the pools of thermal snapshots that shots are drawn from, by Langevin runs under the campaign's model.

    Ctrl-C stops; the same command goes on, and finished runs are not repeated.
    """
    loaded = load_campaign(file, overrides or ())
    wanted: dict[Part, bool] = {"slab": slab, "molecule": molecule}
    parts = [part for part, asked in wanted.items() if asked or not (slab or molecule)]
    pools = make_pools(loaded, parts, workers=workers, force=force, accept=accept, console=progress_console())
    if as_json:
        print_json({"pools": [pool.to_json() for pool in pools]})
        return
    out = answers()
    for pool in pools:
        if pool.kept is not None:
            out.print(f"The pool that was there is now {pool.kept}", markup=False)
        if pool.states is not None:
            out.print(f"Quasi-classical states of {pool.states}", markup=False)
            out.print(f"Wrote {pool.snapshots} snapshots of the {pool.part} to {pool.file}", markup=False)
            continue
        if not pool.runs:
            out.print(
                f"The {pool.part} is an atom, which has one snapshot by nature and nothing to equilibrate: wrote it to "
                f"{pool.file}",
                markup=False,
            )
            continue
        table = Table("run", "temperature / K", "correlation time / ps", "independent snapshots", box=None)
        for number, run in enumerate(pool.runs):
            table.add_row(
                str(number),
                f"{run.mean_temperature_k:.1f}",
                f"{run.correlation_time_ps:.3f}",
                f"{min(run.independent_snapshots, pool.snapshots / len(pool.runs)):.1f} of "
                f"{pool.snapshots // len(pool.runs)}",
            )
        out.print(table)
        for feature in pool.memory:
            out.print(feature.sentence(), markup=False, style=None if feature.independent else "yellow")
        for fault in pool.faults:
            out.print(f"NOT GOOD: {fault}.", markup=False, style="red")
        if pool.remark:
            out.print(pool.remark, markup=False, style="yellow")
        out.print(f"Wrote {pool.snapshots} snapshots of the {pool.part} to {pool.file}", markup=False)
        if pool.smiles is not None:
            out.print(f"The {pool.part} is {pool.smiles}", markup=False)
