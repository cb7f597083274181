"""`molgun cluster`: a campaign's open trajectories as a folder of job arrays that needs nothing but LAMMPS."""

import re
import shlex
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, NonNegativeInt, PositiveInt

from molgun_lmp.analysis.statistics.stopping import Stopping, stopping_sentence
from molgun_lmp.atomic_files import folder_whole, json_bytes
from molgun_lmp.batch import BATCH_SYSTEMS, Scheduler
from molgun_lmp.batch.system import BatchSystem, JobRequest, limit_seconds
from molgun_lmp.campaign.store.campaign_folder import ENGINE_NAME, MODEL_FOLDER, Store
from molgun_lmp.campaign.store.integrity import planned_hashes, require_planned
from molgun_lmp.campaign.store.manifest import MANIFEST_NAME
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.config.section import Section
from molgun_lmp.engine.dispersion import with_dispersion
from molgun_lmp.engine.multistep import NOT_SENT
from molgun_lmp.engine.targets import LammpsTarget, check_model, check_target, target_include
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME
from molgun_lmp.models.card import CARD_NAME, model_file, read_card
from molgun_lmp.provenance import sha256_file
from molgun_lmp.rendering import render_script
from molgun_lmp.shipped_templates import templates_folder

CLUSTER_NAME: Final = "cluster.json"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ClusterSite(Section):
    """What a cluster wants to be told."""

    time: Annotated[str, Field(pattern=r"^(\d+-)?\d+:\d\d:\d\d$")] = "24:00:00"
    """Of one job, as HH:MM:SS or D-HH:MM:SS."""
    margin_s: NonNegativeInt = 120
    """LAMMPS is stopped this long before the end of the job, and writes a restart file."""
    at_a_time: PositiveInt = 1
    """Trajectories that one task runs side by side, a processor each; on a GPU they share it through NVIDIA's MPS."""
    options: tuple[str, ...] = ()
    """More options without dashes: of sbatch such as partition=gpu and account=chem, of qsub q=gpu and A=chem."""
    modules: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)

    @property
    def limit_s(self) -> int:
        """The time in seconds."""
        return limit_seconds(self.time)


class ClusterRecord(Section):
    """What a cluster folder was made from."""

    campaign: str
    manifest: str
    """Hash of the campaign's manifest."""
    engine: str
    """Target and precision, such as `ml-mace float64`, as results of this folder name it."""
    model: str
    """Hash of the model file; of engine.in where there is none."""
    trajectories: tuple[str, ...]
    chunk: PositiveInt
    """Trajectories of one task, in this order."""
    files: dict[str, str]
    """Files that all trajectories share -> SHA-256."""
    scheduler: Scheduler = "slurm"
    """Whose job arrays it holds."""

    @property
    def batch(self) -> BatchSystem:
        """The batch system of its job arrays."""
        return BATCH_SYSTEMS[self.scheduler]

    def to_json(self) -> dict[str, Any]:
        """As it is written. SLURM goes without saying, as in the folders that know no other batch system."""
        return self.model_dump(mode="json", exclude_defaults=True)


def chunks_until(trajectories: Sequence[str], size: int, wanted: Collection[str]) -> list[int]:
    """The numbers of the chunks of `size` in which some of the `wanted` trajectories are."""
    return sorted({place // size for place, name in enumerate(trajectories) if name in wanted})


def write_cluster(
    store: Store,
    output: Path,
    *,
    target: LammpsTarget,
    target_name: str,
    site: ClusterSite,
    scheduler: Scheduler = "slurm",
    chunk: int | None = None,
    model: Path | None = None,
    beside: Path | None = None,
    stopping: Stopping | None = None,
    approve: Callable[[Path], None] = lambda _: None,
) -> ClusterRecord:
    """Write the folder; it appears whole or not at all.

    With `stopping`, a rule that is not over, it holds all open trajectories, and its job fires those of the next look.
    `model` is the exported model's folder, where the campaign holds no file of the target's format; `beside` the folder
    from which the target's own files are copied. `approve` is called with the finished folder, which does not appear
    where it raises. Raises `ConfigError`, `ModelError` or `CampaignError`.
    """
    if output.exists():
        raise CampaignError(f"{output} exists already. Name another folder, or remove this one first.")
    if store.config().dose is not None:
        raise CampaignError(
            f"campaign {store.manifest.name} doses a surface (dose): what stays on it, and the deck of the next "
            "molecule, are worked out after each shot, for which LAMMPS alone is not enough. It is fired by molgun_lmp "
            "there: leave --target out, and a job script is written that does so."
        )
    batch = BATCH_SYSTEMS[scheduler]
    require_site(site, batch)
    engine = store.manifest.engine
    if engine.multistep is not None:
        raise ConfigError(NOT_SENT)
    check_target(target, engine.dtype, engine.dispersion)
    work = campaign_work(store)
    folders = [folder for folder in work.folders if not folder.result_file.exists()]
    if not folders:
        raise CampaignError(f"every trajectory of campaign {store.manifest.name} has ended: nothing to send.")
    if stopping is not None and stopping.over:
        raise CampaignError(
            f"campaign {store.manifest.name} has no look left: nothing to send. {stopping_sentence(stopping)} Without "
            "--until, everything that is open is sent."
        )
    size = chunk or max(10, site.at_a_time, -(-len(folders) // batch.most_tasks))
    names = [one.id for one in folders]
    tasks = (len(names) - 1) // size + 1
    rule = ""
    if stopping is not None:
        # The first ones: the shots of the next look go before all others.
        tasks = len(chunks_until(names, size, {name for name in names if int(name) < stopping.next_look}))
        rule = f"{stopping.rule.named()}: it looks after {stopping.next_look} shots"
    values = _script_values(store, batch, target, site, tasks=tasks, size=size, rule=rule)
    with folder_whole(output) as folder:
        name = _model_file(store, target, folder, model)
        if target.include is None:
            _copy_engine(store, folder)
        else:
            include = target_include(target, model_file=name, elements=engine.elements)
            (folder / ENGINE_NAME).write_text(with_dispersion(include, engine.dispersion, engine.elements))
        for file in target.files:
            shutil.copyfile((beside or Path()) / file, folder / file.name)
        _write_scripts(folder, batch, values)
        record = ClusterRecord(
            campaign=store.manifest.name,
            manifest=sha256_file(store.root / MANIFEST_NAME),
            engine=f"{target_name} {engine.dtype}",
            model=sha256_file(folder / "model" / name) if name else sha256_file(folder / ENGINE_NAME),
            trajectories=tuple(names),
            chunk=size,
            files={
                str(file.relative_to(folder)): sha256_file(file) for file in sorted(folder.rglob("*")) if file.is_file()
            },
            scheduler=scheduler,
        )
        for one in folders:
            (folder / "trajectories" / one.id).mkdir(parents=True)
            for file_name in (INPUT_NAME, DATA_NAME):
                copy = folder / "trajectories" / one.id / file_name
                shutil.copyfile(one.path / file_name, copy)
                require_planned(copy, planned_hashes(work, one)[file_name])
        (folder / "trajectories.txt").write_text("".join(f"{name}\n" for name in names))
        (folder / CLUSTER_NAME).write_bytes(json_bytes(record.to_json()))
        approve(folder)
    return record


def require_site(site: ClusterSite, batch: BatchSystem) -> None:
    """Raise `ConfigError` for what a job script of this batch system cannot say."""
    batch.require_options(site.options)
    if site.limit_s <= site.margin_s:
        raise ConfigError(f"time: {site.time} leaves nothing beside margin_s ({site.margin_s}).")
    wrong = [name for name in site.environment if not _VARIABLE.fullmatch(name)]
    if wrong:
        raise ConfigError(f"environment: {wrong[0]!r} is no name of a variable.")


def _script_values(
    store: Store, batch: BatchSystem, target: LammpsTarget, site: ClusterSite, *, tasks: int, size: int, rule: str
) -> dict[str, Any]:
    """What the templates of run.sh and the job are filled in with."""
    dynamics = store.config().dynamics
    checkpoints = dynamics.checkpoint_every_steps is not None
    job = JobRequest(
        name=batch.job_name(store.manifest.name),
        cpus=site.at_a_time if site.at_a_time > 1 else None,
        gpus=int(target.gpu),
        tasks=tasks,
        time=site.time,
        options=site.options,
    )
    return {
        "margin_s": site.margin_s,
        "launch": shlex.join(target.command),
        "checkpoints": "yes" if checkpoints else "no",
        "steps": dynamics.steps if checkpoints else 0,  # no restart file that no deck would read
        "whole_steps": dynamics.steps,
        "chunk_size": size,
        "batch": batch,
        "header": batch.header(job),
        "rule": rule,
        "gpu": target.gpu,
        "at_a_time": site.at_a_time,
        "modules": [shlex.quote(name) for name in site.modules],
        "environment": [f"{name}={shlex.quote(value)}" for name, value in site.environment.items()],
        "limit_s": site.limit_s,
    }


def _model_file(store: Store, target: LammpsTarget, folder: Path, model: Path | None) -> str:
    if target.model is None:
        if target.include is None:
            check_model(target, read_card(store.model), store.manifest.engine.dtype, store.manifest.engine.elements)
        return ""
    source = model or store.model
    card = read_card(source)
    if card != read_card(store.model):
        raise CampaignError(f"{source} holds another model than campaign {store.manifest.name} was planned with.")
    engine = store.manifest.engine
    check_model(target, card, engine.dtype, engine.elements, engine.dispersion)
    file = model_file(source, card, target.model, engine.dtype)
    if not file.is_file():
        raise CampaignError(f"{file} is not in the campaign: name the exported model's folder with --model.")
    require_planned(file, card.find(target.model, engine.dtype).sha256)
    (folder / "model").mkdir()
    shutil.copyfile(file, folder / "model" / file.name)
    return file.name


def _copy_engine(store: Store, folder: Path) -> None:
    """The campaign's own engine.in, and the potentials that it reads."""
    (folder / MODEL_FOLDER).mkdir()
    for name, expected in store.manifest.files.items():
        if name == ENGINE_NAME or (name.startswith(f"{MODEL_FOLDER}/") and name != f"{MODEL_FOLDER}/{CARD_NAME}"):
            shutil.copyfile(store.root / name, folder / name)
            require_planned(folder / name, expected)


def _write_scripts(folder: Path, batch: BatchSystem, values: Mapping[str, Any]) -> None:
    for name, template in (("run.sh", "run.sh.j2"), (batch.script, "job.j2")):
        text = render_script(f"cluster/{template}", values)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(templates_folder() / "cluster" / "start.in", folder / "start.in")
