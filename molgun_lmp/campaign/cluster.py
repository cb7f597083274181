"""`molgun cluster`: a campaign's open trajectories as a folder of job arrays that needs nothing but LAMMPS."""

import re
import shlex
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, NonNegativeInt, PositiveInt

from molgun_lmp.analysis.stopping import Stopping, stopping_sentence
from molgun_lmp.campaign.durable import json_bytes
from molgun_lmp.campaign.integrity import planned_hashes, require_planned
from molgun_lmp.campaign.manifest import MANIFEST_NAME
from molgun_lmp.campaign.opening import campaign_work
from molgun_lmp.campaign.store import ENGINE_NAME, Store
from molgun_lmp.config.section import Section
from molgun_lmp.engine.dispersion import with_dispersion
from molgun_lmp.engine.targets import Target, check_target, target_include
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.names import DATA_NAME, INPUT_NAME
from molgun_lmp.provenance import sha256_file
from molgun_lmp.rendering import render_script, templates_folder
from molgun_lmp.training.card import check_elements, model_file, read_card

CLUSTER_NAME: Final = "cluster.json"
_MOST_TASKS: Final = 1000
"""SLURM's default MaxArraySize is 1001."""
_TIME: Final = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)")
_OPTION: Final = r"^[a-z][a-z-]*(=[\w.,:/@+*%=-]+)?$"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Site(Section):
    """What a cluster wants to be told."""

    time: Annotated[str, Field(pattern=r"^(\d+-)?\d+:\d\d:\d\d$")] = "24:00:00"
    """Of one job, as HH:MM:SS or D-HH:MM:SS."""
    margin_s: NonNegativeInt = 120
    """LAMMPS is stopped this long before the end of the job, and writes a restart file."""
    at_a_time: PositiveInt = 1
    """Trajectories that one task runs side by side, a processor each; on a GPU they share it through NVIDIA's MPS."""
    options: tuple[Annotated[str, Field(pattern=_OPTION)], ...] = ()
    """More options of sbatch without dashes, such as partition=gpu and account=chem."""
    modules: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)

    @property
    def limit_s(self) -> int:
        """The time in seconds."""
        match = _TIME.fullmatch(self.time)
        if match is None:
            raise ConfigError(f"time: {self.time!r} is neither HH:MM:SS nor D-HH:MM:SS.")
        days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class ClusterRecord(Section):
    """What a cluster folder was made from."""

    campaign: str
    manifest: str
    """Hash of the campaign's manifest."""
    engine: str
    """As it stands in the results."""
    model: str
    """Hash of the model file; of engine.in where there is none."""
    trajectories: tuple[str, ...]
    chunk: PositiveInt
    """Trajectories of one task, in this order."""
    files: dict[str, str]
    """Files that all trajectories share -> SHA-256."""


def job_name(campaign: str) -> str:
    """What the job of a campaign is called."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", campaign)


def chunks_until(trajectories: Sequence[str], size: int, wanted: Collection[str]) -> list[int]:
    """The numbers of the chunks of `size` in which some of the `wanted` trajectories are."""
    return sorted({place // size for place, name in enumerate(trajectories) if name in wanted})


def array_of(chunks: Sequence[int]) -> str:
    """Ascending numbers as `sbatch --array` wants them, such as `0-2,5`."""
    ranges: list[list[int]] = []
    for chunk in chunks:
        if ranges and chunk == ranges[-1][1] + 1:
            ranges[-1][1] = chunk
        else:
            ranges.append([chunk, chunk])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def write_cluster(
    store: Store,
    output: Path,
    *,
    target: Target,
    target_name: str,
    site: Site,
    chunk: int | None = None,
    model: Path | None = None,
    beside: Path | None = None,
    stopping: Stopping | None = None,
) -> ClusterRecord:
    """Write the folder; it appears whole or not at all.

    With `stopping`, a rule that is not over, it holds all open trajectories, and its job fires those of the next look.
    `model` is the exported model's folder, where the campaign holds no file of the target's format; `beside` the folder
    from which the target's own files are copied. Raises `ConfigError`, `ModelError` or `CampaignError`.
    """
    if output.exists():
        raise CampaignError(f"{output} exists already. Name another folder, or remove this one first.")
    engine = store.manifest.engine
    check_target(target, engine.dtype)
    if site.limit_s <= site.margin_s:
        raise ConfigError(f"time: {site.time} leaves nothing beside margin_s ({site.margin_s}).")
    wrong = [name for name in site.environment if not _VARIABLE.fullmatch(name)]
    if wrong:
        raise ConfigError(f"environment: {wrong[0]!r} is no name of a variable.")
    work = campaign_work(store)
    folders = [folder for folder in work.folders if not folder.result_file.exists()]
    if not folders:
        raise CampaignError(f"every trajectory of campaign {store.manifest.name} has ended: nothing to send.")
    if stopping is not None and stopping.over:
        raise CampaignError(
            f"campaign {store.manifest.name} has no look left: nothing to send. {stopping_sentence(stopping)} Without "
            "--until, everything that is open is sent."
        )
    size = chunk or max(10, site.at_a_time, -(-len(folders) // _MOST_TASKS))
    dynamics = store.config().dynamics
    checkpoints = dynamics.checkpoint_every_steps is not None
    values = {
        "margin_s": site.margin_s,
        "launch": shlex.join(target.command),
        "checkpoints": "yes" if checkpoints else "no",
        "steps": dynamics.steps if checkpoints else 0,  # no restart file that no deck would read
        "whole_steps": dynamics.steps,
        "chunk_size": size,
        "job_name": job_name(store.manifest.name),
        "array": array_of(range((len(folders) - 1) // size + 1)),
        "rule": "",
        "gpu": target.gpu,
        "at_a_time": site.at_a_time,
        "options": (f"time={site.time}", *site.options),
        "modules": [shlex.quote(name) for name in site.modules],
        "environment": [f"{name}={shlex.quote(value)}" for name, value in site.environment.items()],
        "limit_s": site.limit_s,
    }
    if stopping is not None:
        wanted = {one.id for one in folders if int(one.id) < stopping.next_look}
        values["array"] = array_of(chunks_until([one.id for one in folders], size, wanted))
        values["rule"] = f"{stopping.rule.named()}: it looks after {stopping.next_look} shots"
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as aside:
        folder = Path(aside) / "cluster"
        folder.mkdir()
        name = _model_file(store, target, folder, model)
        include = target_include(target, model_file=name, elements=engine.elements)
        (folder / ENGINE_NAME).write_text(with_dispersion(include, engine.dispersion, engine.elements))
        for file in target.files:
            shutil.copyfile((beside or Path()) / file, folder / file.name)
        _write_scripts(folder, values)
        record = ClusterRecord(
            campaign=store.manifest.name,
            manifest=sha256_file(store.root / MANIFEST_NAME),
            engine=f"{target_name} {engine.dtype}",
            model=sha256_file(folder / "model" / name) if name else sha256_file(folder / ENGINE_NAME),
            trajectories=tuple(one.id for one in folders),
            chunk=size,
            files={
                str(file.relative_to(folder)): sha256_file(file) for file in sorted(folder.rglob("*")) if file.is_file()
            },
        )
        for one in folders:
            (folder / "trajectories" / one.id).mkdir(parents=True)
            for file_name in (INPUT_NAME, DATA_NAME):
                copy = folder / "trajectories" / one.id / file_name
                shutil.copyfile(one.path / file_name, copy)
                require_planned(copy, planned_hashes(work, one)[file_name])
        (folder / "trajectories.txt").write_text("".join(f"{one.id}\n" for one in folders))
        (folder / CLUSTER_NAME).write_bytes(json_bytes(record.model_dump(mode="json")))
        folder.rename(output)
    return record


def _model_file(store: Store, target: Target, folder: Path, model: Path | None) -> str:
    if target.model is None:
        return ""
    source = model or store.model
    card = read_card(source)
    if card != read_card(store.model):
        raise CampaignError(f"{source} holds another model than campaign {store.manifest.name} was planned with.")
    check_elements(card, store.manifest.engine.elements)
    file = model_file(source, card, target.model, store.manifest.engine.dtype)
    if not file.is_file():
        raise CampaignError(f"{file} is not in the campaign: name the exported model's folder with --model.")
    require_planned(file, card.find(target.model, store.manifest.engine.dtype).sha256)
    (folder / "model").mkdir()
    shutil.copyfile(file, folder / "model" / file.name)
    return file.name


def _write_scripts(folder: Path, values: Mapping[str, Any]) -> None:
    for name in ("run.sh", "job.slurm"):
        text = render_script(f"cluster/{name}.j2", values)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(templates_folder() / "cluster" / "start.in", folder / "start.in")
