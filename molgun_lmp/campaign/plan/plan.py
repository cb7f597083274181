"""`molgun plan`: what can be checked before any shot, then each of them drawn, checked and written in one pass.

The campaign folder appears whole or not at all.
"""

import dataclasses
import datetime
import functools
from collections.abc import Iterator
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from molgun_lmp.analysis.outcomes.intact_molecule import MoleculeReference
from molgun_lmp.atomic_files import folder_whole, write_json
from molgun_lmp.campaign.plan import multistep
from molgun_lmp.campaign.plan.engine_choice import (
    campaign_card,
    choose_engine,
    level_with_dispersion,
    settle_together,
    shared_files,
)
from molgun_lmp.campaign.plan.notes import details_of, notes_of
from molgun_lmp.campaign.plan.scheme_notes import scheme_notes
from molgun_lmp.campaign.plan.shot_files import Advance, write_shots
from molgun_lmp.campaign.store.campaign_folder import (
    CONFIG_NAME,
    MODEL_FOLDER,
    SCHEME_NAME,
    SLAB_NAME,
    TRAJECTORIES_FOLDER,
    Store,
)
from molgun_lmp.campaign.store.manifest import MANIFEST_NAME, EngineChoice, Manifest, is_campaign
from molgun_lmp.config import Campaign, LoadedCampaign, dump_yaml
from molgun_lmp.config.schemes import load_scheme
from molgun_lmp.engine.multistep import NOT_SENT
from molgun_lmp.engine.targets import LammpsTarget, check_model
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.cell import contact_clearance
from molgun_lmp.gun.initial_conditions import Newcomer, aim, draw, draw_newcomer
from molgun_lmp.gun.pool_temperature import pool_temperatures, require_thermal
from molgun_lmp.gun.pools import Pool, Pools, read_pools
from molgun_lmp.gun.setup import Setup, atom_types, prepare
from molgun_lmp.models.card import ModelCard
from molgun_lmp.outcome_scheme import OutcomeScheme
from molgun_lmp.plotting.figure_files import carry_figures
from molgun_lmp.provenance import sha256_file, versions
from molgun_lmp.records import InitialCondition
from molgun_lmp.shipped_templates import templates_folder

_DECK_TEMPLATE = "trajectory.in.j2"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A campaign that can be fired if its shots can: nothing of it is written yet.

    `first` is its first shot where that was drawn already.
    """

    loaded: LoadedCampaign
    setup: Setup
    slab_pool: Pool
    molecule_pool: Pool
    model_folder: Path
    card: ModelCard
    engine: EngineChoice
    scheme: OutcomeScheme
    inner: multistep.InnerModel | None = None
    first: InitialCondition | None = None

    def shots(self) -> Iterator[InitialCondition | Newcomer]:
        """All shots, each drawn and checked when its turn comes. Raises `GeometryError`.

        Of a later dose of a chain it is the molecule alone, which was tried above the clean slab: what it will meet is
        not known before.
        """
        dose = self.loaded.config.dose
        for index in range(self.loaded.config.trajectories):
            if dose is None or dose.place(index)[1] == 0:
                yield self.first if index == 0 and self.first is not None else draw(index, self.setup)
            else:
                newcomer, k_slab = draw_newcomer(index, self.setup)
                aim(newcomer, k_slab, self.setup)
                yield newcomer

    @functools.cached_property
    def resolved(self) -> Campaign:
        """The campaign file with what was worked out: the engine, the cell's height, the place of the model's copy, and
        beside a dispersion correction the distance at which a molecule has left, beyond all that it feels, and a scheme
        of the user's own as its copy.

        Pool paths stay as they were given; the manifest has their hashes.
        """
        config = self.loaded.config
        height = float(self.setup.cell[2, 2])
        molecule = config.system.molecule.model_copy(update={"groups": self.groups, "patterns": {}})
        left = config.outcomes.departed_angstrom
        scheme = config.outcomes.scheme if self.scheme.shipped else SCHEME_NAME
        if config.model.dispersion is not None:
            left = max(left, contact_clearance(self.setup.cutoff_angstrom))
        return config.model_copy(
            update={
                "model": config.model.model_copy(update={"folder": Path(MODEL_FOLDER)}),
                "engine": config.engine.model_copy(
                    update={
                        **{key: getattr(self.engine, key) for key in ("kind", "together", "commands")},
                        "multistep": multistep.resolved_multistep(config.engine.multistep),
                    }
                ),
                "dynamics": config.dynamics.model_copy(update={"thermostat": config.dynamics.acting_thermostat}),
                "outcomes": config.outcomes.model_copy(update={"departed_angstrom": left, "scheme": scheme}),
                "system": config.system.model_copy(update={"cell_height_angstrom": height, "molecule": molecule}),
            }
        )

    @functools.cached_property
    def groups(self) -> dict[str, tuple[int, int]]:
        """The molecule's groups by index, those of patterns found in its first snapshot. Raises `ConfigError`."""
        molecule, first = self.loaded.config.system.molecule, self.molecule_pool.snapshots[0]
        found = MoleculeReference.named(
            self.molecule_pool.symbols,
            first.positions,
            molecule.patterns,
            self.setup.lattice,
            self.loaded.config.outcomes,
        )
        return {**molecule.groups, **found}

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be minded before firing, in sentences."""
        scheme = scheme_notes(self.scheme, self.groups)
        notes = notes_of(self.loaded.config, self.setup, self.molecule_pool, self.card, scheme)
        return (*notes, *multistep.multistep_notes(self.engine, self.setup, self.card, self.inner))

    @property
    def details(self) -> tuple[str, ...]:
        """What else is known of what will be fired, in sentences."""
        pools = Pools(slab=self.slab_pool, molecule=self.molecule_pool)
        return details_of(self.setup, pools, self.card, self.engine)


def check(loaded: LoadedCampaign, pools: Pools | None = None) -> Plan:
    """Read and check all that a campaign needs, and draw its first shot. `pools` are its pools if they were read.

    Raises `ConfigError`, `InputFileError`, `ModelError`, `GeometryError` or `EngineError`, each saying what to change.
    """
    config = loaded.config
    model_folder = loaded.path(config.model.folder)
    slab_pool, molecule_pool = pools or read_pools(loaded)
    types, _ = atom_types(
        slab_pool.symbols, molecule_pool.symbols, config.system.molecule.isotopes, config.system.slab.adsorbates
    )
    card = campaign_card(loaded, types.elements)
    setup = prepare(config, slab_pool, molecule_pool, card.architecture.r_max_angstrom)
    states = config.system.molecule.states
    thermal = tuple(one for one in pool_temperatures(setup) if states is None or one.part == "slab")
    require_thermal(thermal, config.system.equilibration.temperature_k)
    first = draw(0, setup) if config.trajectories else None
    inner = multistep.inner_model(loaded)
    engine = choose_engine(config, card, model_folder, setup.elements)
    engine = multistep.with_inner(engine, config, card, inner)
    if first is not None:
        engine = settle_together(engine, config, model_folder, first)
    plan = Plan(
        loaded=loaded,
        setup=setup,
        slab_pool=slab_pool,
        molecule_pool=molecule_pool,
        model_folder=model_folder,
        card=card,
        engine=engine,
        scheme=load_scheme(config.outcomes.scheme, loaded.file.parent),
        inner=inner,
        first=first,
    )
    _ = plan.groups  # patterns that fit nothing are refused before anything is written
    return plan


def draw_all(plan: Plan, advance: Advance | None = None) -> None:
    """Draw every shot and write nothing. Raises `GeometryError` for one that cannot be fired."""
    for number, _ in enumerate(plan.shots(), start=1):
        if advance is not None:
            advance(number)


def require_target(plan: Plan, target: LammpsTarget) -> None:
    """Refuse a campaign that the target's LAMMPS could not run, or would run with wrong forces.

    Raises `ConfigError` or `ModelError`: what to change in the campaign, in the target or in the exported model.
    """
    if plan.engine.multistep is not None:
        raise ConfigError(NOT_SENT)
    check_model(target, plan.card, plan.engine.dtype, plan.engine.elements, plan.engine.dispersion)


def default_folder(loaded: LoadedCampaign) -> Path:
    """Where a campaign goes when nothing else is said: its name, beside its file."""
    return loaded.file.parent / loaded.config.name


def require_new(folder: Path) -> None:
    """Raise `CampaignError` where a campaign folder, or anything else, exists already."""
    if is_campaign(folder):
        raise CampaignError(
            f"{folder} exists already. To go on with its campaign: `molgun run {folder}`. For a new one name another "
            "folder (--output), or remove this one first."
        )
    if folder.exists() or folder.is_symlink():
        raise CampaignError(
            f"{folder} exists already, and is no campaign folder: nothing is written there. Name a new one (--output)."
        )


def write(plan: Plan, folder: Path, advance: Advance | None = None) -> Store:
    """Draw and check every shot, and write the campaign folder: decks, data files, shots, model, and the manifest with
    all hashes.

    Raises `GeometryError` for a shot that cannot be fired, `CampaignError` where the folder exists or cannot be
    written; then nothing is left behind.
    """
    require_new(folder)
    try:
        with folder_whole(folder) as work:
            _write_all(plan, work, advance)
            require_new(folder)
    except OSError as error:
        raise CampaignError(
            f"cannot write the campaign folder {folder}: {error}. Nothing was left behind; name another place with "
            "--output, or make room."
        ) from error
    return Store.open(folder)


def _write_all(plan: Plan, work: Path, advance: Advance | None) -> None:
    (work / CONFIG_NAME).write_text(dump_yaml(plan.resolved), encoding="utf-8")
    loaded = plan.loaded
    shared = shared_files(loaded.config, plan.engine, plan.card, plan.model_folder, loaded.file.parent)
    shared |= multistep.inner_files(plan.engine, plan.inner)
    for name, content in shared.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_bytes(content)
    carry_figures(plan.model_folder, work / MODEL_FOLDER)
    if not plan.scheme.shipped:
        (work / SCHEME_NAME).write_text(plan.scheme.yaml(), encoding="utf-8")
    _write_reference_slab(plan.setup, work / SLAB_NAME)
    shards = write_shots(plan.shots(), plan.setup, work / TRAJECTORIES_FOLDER, advance)
    own = () if plan.scheme.shipped else (SCHEME_NAME,)
    files = {name: sha256_file(work / name) for name in (CONFIG_NAME, SLAB_NAME, *own, *shared)}
    manifest = _manifest(plan, files, shards)
    write_json(manifest.model_dump(mode="json"), work / MANIFEST_NAME)


def _write_reference_slab(setup: Setup, file: Path) -> None:
    """The slab's own atoms at the mean of its snapshots, where heat no longer blurs its layers and dimers."""
    own = setup.slab.surface.symbols
    positions = setup.slab.positions[:, : len(own)]
    mean = positions[0] + setup.lattice.shortest(positions - positions[0]).mean(axis=0)
    ase.io.write(file, Atoms(own, positions=mean, cell=setup.cell, pbc=True), format="extxyz")


def _manifest(plan: Plan, files: dict[str, str], shards: dict[str, str]) -> Manifest:
    config, setup = plan.loaded.config, plan.setup
    n_slab = len(setup.slab.surface.symbols)
    n_atoms = n_slab + len(setup.molecule.symbols)
    a, b, c = (tuple(float(length) for length in vector) for vector in setup.cell)
    return Manifest(
        name=config.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        trajectories=config.trajectories,
        seed=config.seed,
        engine=plan.engine,
        model=plan.card.name,
        level_of_theory=level_with_dispersion(plan.card, plan.engine),
        cutoff_angstrom=setup.cutoff_angstrom,
        n_slab=n_slab,
        n_atoms=n_atoms,
        n_mobile=n_atoms - int(np.count_nonzero(setup.slab.frozen)),
        cell=(a, b, c),
        pools={"slab": plan.slab_pool.sha256, "molecule": plan.molecule_pool.sha256},
        template=sha256_file(templates_folder() / _DECK_TEMPLATE),
        config=plan.resolved.model_dump(mode="json"),
        files=files,
        shards=shards,
        versions=versions(),
    )
