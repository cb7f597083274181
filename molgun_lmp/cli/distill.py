"""`molgun distill`."""

import dataclasses
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
import yaml
from ase import Atoms
from rich.table import Table

from molgun_lmp.campaign.launch.few_shots import few_shots, fire_few
from molgun_lmp.campaign.store.manifest import is_campaign
from molgun_lmp.cli.output import AsJson, answers, counting, print_json, progress_console
from molgun_lmp.config import LoadedCampaign, load_campaign
from molgun_lmp.config.loading import load_section_or_defaults
from molgun_lmp.engine.registry import runs_no_model
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.pools import Pool, Pools, read_pools
from molgun_lmp.gun.setup import prepare
from molgun_lmp.models.card import ModelCard, check_elements
from molgun_lmp.processes import default_workers
from molgun_lmp.results.structures import campaign_structures
from molgun_lmp.training.dataset.structures import Structure, structures_of, without_isolated_atoms
from molgun_lmp.training.distillation.distill import (
    MODEL_FOLDER,
    REPORT_NAME,
    export_inner,
    full_card,
    judge_inner,
    label_frames,
    require_same_settings,
    train_inner,
)
from molgun_lmp.training.distillation.frames import POOL
from molgun_lmp.training.distillation.settings import DistillationConfig, FlightSettings

if TYPE_CHECKING:
    from molgun_lmp.training.distillation.free_flights import Flights
    from molgun_lmp.training.distillation.judgement import InnerJudgement

_LONGEST_OUTER_STEP: Final = 20
_WITHIN_A_LAYER_ANGSTROM: Final = 0.3
"""What a frozen layer's atoms may stand higher where a frame comes from elsewhere and its own slab was free."""


def distill_command(
    model: Annotated[Path, typer.Argument(metavar="MODEL_FOLDER", help="The full model, as `molgun export` makes it.")],
    campaign: Annotated[Path, typer.Argument(metavar="CAMPAIGN.yaml", help="The campaign file that it is meant for.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The distillation's folder; what is there is kept.")],
    *,
    frames: Annotated[
        list[Path] | None,
        typer.Option(help="Frames in place of fired ones: files, dumps or campaign folders. Repeatable."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Settings of the distillation; if not given, the defaults.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One of them, such as optimisation.epochs=20. Repeatable."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side; if not given, one for each core.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a small inner model on a full one's own forces, for engine.multistep. Ctrl-C stops; the same command goes
    on with what is there."""
    loaded = load_campaign(campaign)
    if runs_no_model(loaded.config.engine.kind):
        raise ConfigError(
            f"{campaign}: the engine {loaded.config.engine.kind} runs no model, so none can be distilled."
        )
    config = load_section_or_defaults(settings, DistillationConfig, overrides or (), what="settings of a distillation")
    if config.foundation is not None:  # the saved settings, and the training that goes on, stand elsewhere
        start = (Path() if settings is None else settings.parent) / config.foundation
        config = config.model_copy(update={"foundation": start.resolve()})
    card = full_card(model, config)
    number = workers or default_workers(1)
    require_same_settings(config, output)

    pools = read_pools(loaded)
    structures = _of_pools(pools) + _structures(loaded, model, config, output, frames or (), workers=number)
    check_elements(card, {symbol for structure in structures for symbol in structure.symbols})
    with counting("labelling", len(structures)) as show:
        labelled = label_frames(model, card, structures, output, workers=number, on_progress=show)
    usable = [structure for structure in structures if structure.source not in labelled.failed]
    record = train_inner(config, card, usable, output, threads=min(number, 4), console=progress_console())
    inner = export_inner(record, output)
    molecules = flying(pools.molecule, config.flights)
    with counting("flying", len(molecules) * (1 + len(config.flights.outer_steps_fs))) as show:
        judged = judge_inner(
            model,
            config,
            record,
            output,
            timestep_fs=loaded.config.dynamics.timestep_fs,
            dtype=loaded.config.model.dtype,
            candidates=_outer_steps(loaded),
            molecules=molecules,
            held_below_angstrom=_held_below(loaded, pools, card.architecture.r_max_angstrom),
            advance=show,
        )
    if as_json:
        print_json(judged.model_dump(mode="json"))
        return
    for source, reason in labelled.failed.items():
        answers().print(f"Not used: {source}: {reason}", markup=False)
    _print(judged, inner, output, loaded)


def _structures(
    loaded: LoadedCampaign,
    model: Path,
    config: DistillationConfig,
    output: Path,
    given: "list[Path] | tuple[()]",
    *,
    workers: int,
) -> list[Structure]:
    """Frames of shots: those that were given, or of two small campaigns."""
    console = progress_console()
    found: list[Structure] = []
    folders = list(given)
    if not given:
        fired = config.fired
        for kind, shots, temperature in (("shots", fired.shots, None), ("hot", fired.hot, fired.hot_temperature_k)):
            if not shots:
                continue
            small = few_shots(
                loaded,
                name=kind,
                model=model,
                shots=shots,
                seed=fired.seed,
                longest_ps=fired.longest_ps,
                frame_every_fs=fired.frame_every_fs,
                temperature_k=temperature,
            )
            folders.append(fire_few(small, output / kind, workers=workers, console=console).root)
    for path in folders:
        found += without_isolated_atoms(list(_of(path)), str(path))
    return found


def _of(path: Path) -> Iterator[Structure]:
    if not is_campaign(path):
        yield from structures_of(path)
        return
    for structure in campaign_structures(path):  # two campaigns call their trajectories alike
        name = structure.set_name
        yield dataclasses.replace(
            structure, trajectory=f"{name}-{structure.trajectory}", source=f"{name}-{structure.source}"
        )


def _of_pools(pools: Pools) -> list[Structure]:
    """The slab alone and the molecule alone; a molecule of one atom has nothing to learn."""
    return [
        Structure(
            symbols=pool.symbols,
            positions=atoms.positions,
            cell=atoms.cell.array,
            pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
            set_name=pool.source.name,
            source=f"{pool.source.name}#{number}",
            trajectory=pool.source.name,
            config_type=POOL,
        )
        for pool in pools
        for number, atoms in enumerate(pool.snapshots)
        if len(atoms) > 1
    ]


def flying(pool: Pool, flights: FlightSettings) -> list[Atoms]:
    """As many snapshots of a molecule's pool, far from each other in it, with more energy; none of an atom."""
    if flights.molecules == 0 or len(pool.symbols) == 1:
        return []
    chosen = [atoms.copy() for atoms in pool.snapshots[:: max(1, len(pool) // flights.molecules)]][: flights.molecules]
    for atoms in chosen:
        atoms.set_velocities(math.sqrt(flights.kinetic_energy_times) * atoms.get_velocities())
    return chosen


def _held_below(loaded: LoadedCampaign, pools: Pools, cutoff_angstrom: float) -> float | None:
    """How far above the lowest atom of a frame the campaign's frozen layers end, in Å; None where nothing is frozen."""
    slab = prepare(loaded.config, *pools, cutoff_angstrom).slab
    if not slab.frozen.any():
        return None
    heights = slab.positions[0, :, 2]
    return float(heights[slab.frozen].max() - heights.min()) + _WITHIN_A_LAYER_ANGSTROM


def _outer_steps(loaded: LoadedCampaign) -> list[int]:
    """What the campaign's dumps, thermo lines, checkpoints and stop rules allow: they fall on outer steps."""
    common = math.gcd(*loaded.config.intervals_steps.values())
    return [every for every in range(1, min(common, _LONGEST_OUTER_STEP) + 1) if common % every == 0]


def campaign_lines(loaded: LoadedCampaign, inner: Path, every: int) -> str:
    """What the campaign file has to say to be fired with an inner model: lines of YAML, the folder relative to it."""
    engine: dict[str, object] = {"multistep": {"inner": os.path.relpath(inner, loaded.file.parent), "every": every}}
    if loaded.config.engine.kind == "mace":  # which LAMMPS computes by itself, so that there is nothing to split
        engine = {"kind": "auto", **engine}
    text: str = yaml.safe_dump({"engine": engine}, default_flow_style=None, sort_keys=False, width=math.inf)
    return text


def _print(judged: "InnerJudgement", inner: ModelCard, output: Path, loaded: LoadedCampaign) -> None:
    out, left = answers(), judged.remaining_force
    out.print(f"{inner.name}: the remaining force on {left.name} frames, F_full - F_inner", markup=False)
    table = Table("", "", "MAE", "RMSE / meV/Å", box=None)
    for kind, parts in (
        ("all", {"": left.forces_ev_per_angstrom}),
        ("element", left.forces_by_element),
        ("group", left.forces_by_group),
    ):
        for name, errors in parts.items():
            table.add_row(kind, name, f"{1000 * errors.mae:.1f}", f"{1000 * errors.rmse:.1f}")
    out.print(table)
    slow = "none" if judged.slow_period_fs is None else f"{judged.slow_period_fs:.0f} fs"
    out.print(
        f"Fastest period of the full force {judged.fastest_period_fs:.1f} fs, of the remaining one {slow}; a step of "
        f"{judged.timestep_fs:g} fs alone lets the energy of the stiffest motion swing by "
        f"{100 * judged.swing_of_timestep:.2g} %.",
        markup=False,
    )
    table = Table("every", "outer step / fs", "swing / %", "core time of the full step", box=None)
    for step in judged.outer_steps:
        swing = "unstable" if step.swing is None else f"{100 * step.swing:.2g}"
        table.add_row(str(step.every), f"{step.every * judged.timestep_fs:g}", swing, f"{step.core_time:.2f}")
    out.print(table)
    if judged.flights is not None:
        _print_flights(judged.flights, output)
    out.print(
        f"Core time of an evaluation: full {judged.full_core_ms:.1f} ms ({judged.full_engine}), inner "
        f"{judged.inner_core_ms:.1f} ms ({judged.inner_engine}).",
        markup=False,
    )
    if judged.advised_every > 1:
        out.print(f"Advised, as lines for the section `engine` of {loaded.file.name}:\n", markup=False)
        out.print(campaign_lines(loaded, output / MODEL_FOLDER, judged.advised_every), markup=False)
    else:
        out.print(
            "Advised: no outer step; the remaining force is too stiff. Train longer, on more frames, or a larger inner "
            "model (architecture.num_channels).",
            markup=False,
        )
    out.print(f"Numbers: {output / REPORT_NAME}", markup=False)


def _print_flights(flights: "Flights", output: Path) -> None:
    def mev(value: float | None) -> str:
        return "apart" if value is None else f"{value:.1f}"

    table = Table("outer step / fs", "steps of / fs", "half of them", "the worst / meV", box=None)
    for step in (flights.alone, *flights.outer_steps):
        name = "full model alone" if step.every == 1 else f"{step.outer_step_fs:g}"
        table.add_row(name, f"{step.timestep_fs:.3g}", mev(step.median_mev), mev(step.largest_mev))
    out = answers()
    out.print(
        f"How far the total energy of {flights.molecules} molecules alone goes from its start within "
        f"{flights.duration_ps:g} ps:",
        markup=False,
    )
    out.print(table)
    longest = flights.longest_fs
    up_to = "at no outer step that was tried" if longest is None else f"up to an outer step of {longest:g} fs"
    out.print(f"They keep it as with the full model alone {up_to} (figure: {output / 'flights.png'}).", markup=False)
