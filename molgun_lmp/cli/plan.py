"""`molgun plan`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from molgun_lmp.analysis.statistics.sample_size import AS_DRAWN_CORRELATION, CORRELATION, size
from molgun_lmp.analysis.statistics.sequential import parse_target
from molgun_lmp.at_work import at_work
from molgun_lmp.campaign.launch.calibrate import CALIBRATION_S, WORTH_STEPS, calibrate
from molgun_lmp.campaign.plan import plan, projection
from molgun_lmp.campaign.plan.plan import Plan
from molgun_lmp.campaign.plan.projection import ProjectedCost, campaign_cost
from molgun_lmp.cli.arguments import CampaignFile
from molgun_lmp.cli.output import AsJson, Overrides, answers, counting, print_json, progress_console
from molgun_lmp.config import LoadedCampaign, dump_yaml, load_campaign
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.engine.targets import load_target
from molgun_lmp.errors import ConfigError, MolgunError
from molgun_lmp.geometry import formula_of
from molgun_lmp.gun.pools import read_pools


def plan_command(  # noqa: PLR0917  # a command
    file: CampaignFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The campaign folder to make; if not given, its name, beside FILE."),
    ] = None,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, write nothing, and compute no forces.")
    ] = False,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="LINE:HALF-WIDTH",
            help="Only say how many shots and snapshots it takes to know a fraction so well, such as scattered:0.02. "
            "Repeatable.",
        ),
    ] = None,
    assume: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="With --for: the fraction to expect; if not given, the worst case.")
    ] = 0.5,
    correlation: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.5,
            help="With --for: how much shots that share a slab, or a molecule, snapshot are alike (intra-cluster "
            f"correlation of each kind); if not given, {CORRELATION:g}, or {AS_DRAWN_CORRELATION:g} for molecules that "
            "are fired as drawn, which share runs.",
        ),
    ] = None,
    huge: Annotated[
        bool, typer.Option("--huge", help="Plan more than 100,000 trajectories, whose cost is said without it.")
    ] = False,
    target: Annotated[
        str | None, typer.Option(help="Check that this target of `molgun cluster` can run it: its name or its file.")
    ] = None,
    calibration: Annotated[
        bool | None,
        typer.Option(
            "--calibration/--no-calibration",
            help="Fire for ten seconds, to say what the campaign will cost on this machine; if not given, where it has "
            "10,000 steps or more.",
        ),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="Print the whole campaign file, every default resolved, which the folder holds as campaign.yaml, and "
            "what the pools are.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw every shot and write one LAMMPS deck for each, after everything was checked."""
    loaded = load_campaign(file, overrides or ())
    if dry_run and calibration:
        raise ConfigError(
            "--calibration fires for ten seconds, and --dry-run computes no forces: leave out one of them."
        )
    if targets:
        _say_sizes(loaded, targets, assume, correlation, as_json)
        return
    meant_for = None if target is None else load_target(target)
    folder = output if output is not None else plan.default_folder(loaded)
    plan.require_new(folder)
    pools = projection.require_meant(loaded, folder, huge=huge)
    checked = plan.check(loaded, pools)
    if meant_for is not None:
        plan.require_target(checked, meant_for)
    if not as_json:
        _describe(checked, verbose=verbose)
    cost = None if dry_run else _cost(checked, calibration)
    if cost is not None and not as_json:
        answers().print(f"cost     {cost.sentence()}", markup=False)
    with counting("drawing shots" if dry_run else "writing decks", loaded.config.trajectories) as advance:
        if dry_run:
            plan.draw_all(checked, advance)
        else:
            plan.write(checked, folder, advance)
    if as_json:
        print_json(
            {
                "folder": None if dry_run else str(folder),
                "trajectories": loaded.config.trajectories,
                "engine": checked.engine.kind,
                "notes": list(checked.notes),
                "details": list(checked.details),
                "cost": None if cost is None else dataclasses.asdict(cost),
                "config": checked.resolved.model_dump(mode="json"),
            }
        )
    elif dry_run:
        answers().print(f"All {loaded.config.trajectories} shots can be fired. Nothing was written (--dry-run).")
    else:
        dose = loaded.config.dose
        decks = loaded.config.trajectories if dose is None else dose.chains
        later = "" if dose is None else f", and drew {loaded.config.trajectories - decks} molecules of later doses"
        answers().print(f"Wrote {decks} decks to {folder}{later}. Next: molgun run {folder}")


def _cost(checked: Plan, asked: bool | None) -> ProjectedCost | None:
    """What the campaign costs here, or None where it is not worth ten seconds, or nobody wants to know, or it fails."""
    config, engine = checked.loaded.config, checked.engine
    worth = config.trajectories * config.dynamics.steps >= WORTH_STEPS
    if not config.trajectories or not (worth if asked is None else asked):
        return None
    console = progress_console()
    console.print(f"calibrating for {CALIBRATION_S:.0f} s; --no-calibration leaves it out", markup=False)
    try:
        with at_work("measuring what a step costs here; kernels are compiled before, where there are none", console):
            found = calibrate(checked)
    except MolgunError as error:
        console.print(f"no cost can be said: {error}", markup=False, style="yellow")
        return None
    return campaign_cost(
        found,
        config.dynamics,
        trajectories=config.trajectories,
        threads=engine.threads,
        together=engine.together,
        dose=config.dose,
    )


def _describe(checked: Plan, *, verbose: bool) -> None:
    setup = checked.setup
    a, b, c = setup.cell
    out = answers()
    if verbose:
        out.print(dump_yaml(checked.resolved), markup=False)
    config = checked.loaded.config
    kick = config.gun.kick.model_dump(mode="json")
    formula = formula_of(checked.molecule_pool.symbols)
    numbers = ", ".join(f"{key} {value}" for key, value in kick.items() if isinstance(value, int | float))
    number = 0 if config.dose is None else config.dose.chains
    chains = "" if not number else " in 1 chain" if number == 1 else f" in {number} chains"
    out.print(
        f"fired    {config.trajectories} shots of {formula}{chains}, kick {kick['kind']}"
        f"{f' ({numbers})' if numbers else ''}, {config.dynamics.duration_ps:g} ps at most, "
        f"{config.dynamics.ensemble.upper()}",
        markup=False,
    )
    out.print(f"engine   {checked.engine}, {checked.engine.threads} thread(s) a worker", markup=False)
    cutoff = checked.card.architecture.r_max_angstrom
    reach = f", dispersion felt to {setup.cutoff_angstrom:.1f} Å" if setup.cutoff_angstrom > cutoff else ""
    out.print(f"model    {checked.card.name}, cutoff {cutoff:g} Å{reach}", markup=False)
    out.print(
        f"cell     {a[0]:.2f} x {b[1]:.2f} x {c[2]:.2f} Å, {len(setup.slab.symbols)} slab atoms "
        f"({int(setup.slab.frozen.sum())} frozen) and {len(setup.molecule.symbols)} of the molecule"
    )
    for detail in checked.details if verbose else ():
        out.print(f"detail   {detail}", markup=False)
    for note in checked.notes:
        out.print(f"note     {note}", markup=False)


def _say_sizes(
    loaded: LoadedCampaign, targets: list[str], assume: float, correlation: float | None, as_json: bool
) -> None:
    """Answer how many shots and snapshots each target takes with the campaign file's pools."""
    scheme = load_scheme(loaded.config.outcomes.scheme, loaded.file.parent)
    wanted, pools = [parse_target(target, scheme) for target in targets], read_pools(loaded)
    as_drawn = loaded.config.gun.orientation == "as_drawn"
    assumed = AS_DRAWN_CORRELATION if as_drawn else CORRELATION
    sizes = [
        size(
            target,
            fraction=assume,
            correlation=assumed if correlation is None else correlation,
            slabs=len(pools.slab),
            molecules=pools.molecule.independent(as_drawn=as_drawn),
            molecule_unit="run" if as_drawn else "snapshot",
            planned=loaded.config.trajectories,
        )
        for target in wanted
    ]
    gun = loaded.config.gun
    if gun.grid is not None:  # each point by itself, and no stop rule
        sizes = [dataclasses.replace(one, shots_until=None) for one in sizes]
        if not as_json:
            answers().print(f"For each of the {len(gun.points)} points of gun.grid:")
    if as_json:
        print_json({"sizes": [dataclasses.asdict(one) | {"sentences": one.sentences()} for one in sizes]})
        return
    for one in sizes:
        for sentence in one.sentences():
            answers().print(sentence, markup=False)
