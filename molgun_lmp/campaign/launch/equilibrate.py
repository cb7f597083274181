"""`molgun equilibrate`: snapshot pools from independent Langevin runs under the campaign's own model."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms
from rich.console import Console

from molgun_lmp.campaign.launch.equilibrated_pool import EquilibratedPool, place_for, pool_file
from molgun_lmp.campaign.launch.local import supervise, workers_for
from molgun_lmp.campaign.launch.pool_faults import Equilibrated, bonds_of, faults_of
from molgun_lmp.campaign.launch.pools_without_runs import atom_pool, state_pool
from molgun_lmp.campaign.plan.engine_choice import campaign_card, choose_engine, shared_files
from molgun_lmp.campaign.store.equilibration_folder import Equilibrations, open_or_write
from molgun_lmp.campaign.store.integrity import verify_open, verify_shared
from molgun_lmp.config import LoadedCampaign
from molgun_lmp.errors import CampaignError, ConfigError, InputFileError
from molgun_lmp.gun.builders import build_molecule, build_slab
from molgun_lmp.gun.equilibration_deck import (
    SNAPSHOTS_NAME,
    equilibration_deck,
    equilibration_frozen,
    equilibration_masses_u,
    equilibration_types,
    steps_of,
)
from molgun_lmp.gun.equilibration_output import EquilibrationStats, equilibration_stats, read_equilibration_dump
from molgun_lmp.gun.equilibration_verdict import few_snapshots
from molgun_lmp.gun.names import LOG_NAME
from molgun_lmp.gun.pool_memory import FeatureMemory, dimer_memory, orientation_memory, ring_memory
from molgun_lmp.gun.pools import Part, read_pool, write_pool
from molgun_lmp.gun.smiles import smiles_of
from molgun_lmp.isotopes import AtomTypes
from molgun_lmp.models.card import ModelCard
from molgun_lmp.readers.lammps.log import thermo_tables
from molgun_lmp.records import Stop
from molgun_lmp.units import FS_PER_PS


def equilibrate(
    loaded: LoadedCampaign,
    parts: Sequence[Part],
    *,
    workers: int | None,
    force: bool,
    console: Console,
    accept: bool = False,
) -> list[EquilibratedPool]:
    """Run the equilibrations of `parts` (those that are finished are not repeated) and write their pools.

    With `force` a pool that exists is kept under another name, and so are runs of another protocol. Raises
    `ConfigError` for a part without a start, `InputFileError` for a pool that exists or has a name that cannot be
    written, `ModelError`, `EngineError`, `CampaignError` where a run failed or left what is no good pool (not with
    `accept`), and `InterruptedRunError`; the same command then goes on.
    """
    for part in parts:
        _require_writable(pool_file(loaded, part), force)
    if parts == ["molecule"] and _is_atom(molecule := _structure(loaded, "molecule", needed=True)):
        return [atom_pool(loaded, molecule)]  # needs no slab, and no model
    structures: dict[Part, Atoms] = {part: _structure(loaded, part, part in parts) for part in ("slab", "molecule")}
    types = equilibration_types(structures["slab"], structures["molecule"], loaded.config)
    card = campaign_card(loaded, types.elements)
    pools = []
    for part in parts:
        if part == "molecule" and _is_atom(structures[part]):
            pools.append(atom_pool(loaded, structures[part]))
            continue
        if part == "molecule" and loaded.config.system.molecule.states is not None:
            pools.append(state_pool(loaded, structures[part], types, card))
            continue
        if part == "slab" and loaded.config.system.slab.adsorbates:
            raise ConfigError(
                f"{loaded.file}: a pool with system.slab.adsorbates is not equilibrated from a structure: `molgun "
                "covered` makes it of a dosing campaign, or name a file of snapshots with velocities."
            )
        runs = _prepared(loaded, part, structures[part], types, card, anew=force)
        work = runs.work()
        verify_shared(work)
        verify_open(work)
        built = structures[part].info
        if _built_as(structures[part]):
            console.print(f"{part}: {built['smiles']}, {built['chosen']}", highlight=False, markup=False)
        console.print(f"{part}: {runs.manifest.runs} runs of {work.steps:,} steps in {runs.root}", highlight=False)
        supervise(work, workers=workers or workers_for(work.engine), console=console)
        pools.append(_pooled(loaded, part, structures[part], runs, accept=accept))
    return pools


def _require_writable(file: Path, force: bool) -> None:
    if not file.name.endswith((".extxyz", ".extxyz.xz", ".extxyz.gz")):
        raise InputFileError(f"{file}: pools are written as .extxyz, .extxyz.xz or .extxyz.gz. Change the pool's name.")
    if file.exists() and not force:
        raise InputFileError(
            f"the pool {file} exists already. Name another file in the campaign file or with --set "
            "system.molecule.pool=FILE (system.slab.pool), or give --force: the pool that is there gets another name."
        )


def _structure(loaded: LoadedCampaign, part: Part, needed: bool) -> Atoms:
    """What a part starts from; where it is not to be equilibrated, its pool will do."""
    slab, molecule = loaded.config.system.slab, loaded.config.system.molecule
    if part == "slab" and slab.start is not None:
        return build_slab(slab.start, loaded.path)
    if part == "molecule" and molecule.start is not None:
        return build_molecule(molecule.start, loaded.path)
    if needed:
        raise ConfigError(
            f"{loaded.file}: system.{part}.start is missing: it says which structure `molgun equilibrate` starts from, "
            "such as {kind: file, path: start.xyz}."
        )
    return read_pool(pool_file(loaded, part), part).snapshots[0]


def _is_atom(start: Atoms) -> bool:
    return len(start) == 1


def _prepared(
    loaded: LoadedCampaign, part: Part, start: Atoms, types: AtomTypes, card: ModelCard, *, anew: bool
) -> Equilibrations:
    config = loaded.config
    settings = config.system.equilibration
    model_folder = loaded.path(config.model.folder)
    engine = choose_engine(config, card, model_folder, types.elements)
    decks = [
        equilibration_deck(
            part, run, start, campaign=config, types=types, cutoff_angstrom=card.architecture.r_max_angstrom
        )
        for run in range(settings.runs)
    ]
    return open_or_write(
        loaded.file.parent / f"{config.name}.equilibration" / part,
        part=part,
        campaign_file=loaded.file,
        engine=engine,
        shared=shared_files(config, engine, card, model_folder, loaded.file.parent),
        decks=decks,
        n_atoms=len(start),
        steps=steps_of(settings.duration_ps, settings.timestep_fs),
        anew=anew,
    )


def _pooled(
    loaded: LoadedCampaign, part: Part, start: Atoms, runs: Equilibrations, *, accept: bool
) -> EquilibratedPool:
    settings = loaded.config.system.equilibration
    frozen = equilibration_frozen(part, start, loaded.config)
    masses = equilibration_masses_u(part, tuple(start.get_chemical_symbols()), loaded.config)
    snapshots: list[tuple[Atoms, ...]] = []
    stats: list[EquilibrationStats] = []
    for number in range(runs.manifest.runs):
        folder = runs.run(number)
        result = folder.result()
        if result is None:
            raise CampaignError(
                f"run {number} of the {part} has not ended: another `molgun equilibrate` is at work on it. Give the "
                "same command when it is done."
            )
        if result.stop is not Stop.COMPLETED:
            raise CampaignError(
                f"run {number} of the {part} did not complete ({result.stop or result.cause}: {result.message}). See "
                f"{folder.run_folder(result.attempt) / LOG_NAME}; is the model good for this structure? Remove "
                f"{runs.root} to begin anew."
            )
        left = folder.run_folder(result.attempt)
        snapshots.append(
            read_equilibration_dump(left / SNAPSHOTS_NAME, part, number, settings, frozen=frozen, masses_u=masses)
        )
        stats.append(_stats(left / LOG_NAME, settings.burn_in_ps, settings.timestep_fs))
    found = Equilibrated(part=part, start=start, runs=tuple(snapshots), stats=tuple(stats), frozen=frozen)
    faults = faults_of(found, loaded.config)
    if faults and not accept:
        raise CampaignError(
            f"the {part} was equilibrated to what is no good pool, and none was written: {'; '.join(faults)}. Its runs "
            f"are in {runs.root}. Change system.equilibration, the start or the model, and equilibrate again with "
            "--force; --accept writes the pool as it is."
        )
    pool = [atoms for run in snapshots for atoms in run]
    for snapshot in pool:
        snapshot.info |= _built_as(start)
    file = pool_file(loaded, part)
    kept = place_for(file)
    write_pool(file, pool, frozen if part == "slab" else None)
    return EquilibratedPool(
        part=part,
        file=file,
        snapshots=len(pool),
        runs=tuple(stats),
        faults=faults,
        remark=few_snapshots(stats, len(pool)),
        kept=kept,
        memory=_memory(loaded, part, snapshots),
        smiles=smiles_of(pool[0]) if part == "molecule" else None,
        chosen=start.info["chosen"] if _built_as(start) else None,
    )


def _memory(loaded: LoadedCampaign, part: Part, runs: Sequence[Sequence[Atoms]]) -> tuple[FeatureMemory, ...]:
    """How long the slow features of a pool last."""
    spacing, first = loaded.config.system.equilibration.snapshot_every_ps, runs[0][0]
    if part == "slab":
        found = [dimer_memory(runs, spacing)]
    else:
        bonded = bonds_of(first, loaded.config.outcomes)
        found = [orientation_memory(runs, spacing), ring_memory(runs, bonded, spacing)]
    return tuple(one for one in found if one is not None)


def _built_as(start: Atoms) -> dict[str, str]:
    """What a structure that was built from a SMILES string says of itself, for the header of an extended XYZ file."""
    if not start.info.keys() >= {"smiles", "chosen"}:
        return {}
    # ASE's reader takes a backslash for the mark of the next letter, and its writer does not mark it.
    return {key: str(start.info[key]).replace("\\", "\\\\") for key in ("smiles", "chosen")}


def _stats(log: Path, burn_in_ps: float, timestep_fs: float) -> EquilibrationStats:
    thermo = thermo_tables(log.read_text(encoding="utf-8", errors="replace"))[-1]  # earlier ones are of the minimiser
    column = {name: thermo.rows[:, number] for number, name in enumerate(thermo.columns)}
    time_ps = column["Step"] * timestep_fs / FS_PER_PS
    kept = time_ps > burn_in_ps
    return equilibration_stats(column["Temp"][kept], column["PotEng"][kept], float(time_ps[1] - time_ps[0]))
