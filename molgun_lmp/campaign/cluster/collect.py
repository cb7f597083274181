"""`molgun collect`: results of a cluster folder into the campaign, each trajectory once, its files checked."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from molgun_lmp.campaign.cluster.write import CLUSTER_NAME, ClusterRecord
from molgun_lmp.campaign.store.campaign_folder import Store, TrajectoryFolder
from molgun_lmp.campaign.store.completeness import require_whole
from molgun_lmp.campaign.store.integrity import planned_hashes, require_planned
from molgun_lmp.campaign.store.left_out import record_left_out
from molgun_lmp.campaign.store.manifest import MANIFEST_NAME
from molgun_lmp.campaign.store.opening import campaign_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker.energy_conservation import energy_of
from molgun_lmp.engine.chosen_lammps import ChosenLammps
from molgun_lmp.engine.failure_causes import cause_of
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.names import DATA_NAME, DUMP_NAME, END_NAME, INPUT_NAME, LOG_NAME, STOP_OF_FIX
from molgun_lmp.gun.noise import resumed_noise
from molgun_lmp.provenance import sha256_file
from molgun_lmp.readers.lammps.log import Halt, joined_thermo, last_halt, thermo_tables
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Cause, Stop, TrajectoryResult

_MARK: Final = b"ITEM: TIMESTEP\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
    """Trajectory ids: taken now, in the campaign before, not ended yet, and what is damaged (id -> why)."""

    taken: tuple[str, ...]
    before: tuple[str, ...]
    missing: tuple[str, ...]
    damaged: dict[str, str]


def collect(store: Store, folder: Path) -> Collected:
    """Take what has ended; what cannot be taken is remembered in the campaign, so that its tables say so.

    Raises `CampaignError` for a folder of another campaign, or one with changed files.
    """
    if store.config().dose is not None:
        raise CampaignError(
            f"campaign {store.manifest.name} doses a surface (dose): its chains are fired by molgun_lmp, and their "
            "results are in the campaign's folder at once. There is nothing to collect: copy that folder back."
        )
    record = read_record(store, folder)
    work = campaign_work(store)
    taken: list[str] = []
    before: list[str] = []
    missing: list[str] = []
    damaged: dict[str, str] = {}
    for name in record.trajectories:
        one, there = store.trajectory(name), folder / "trajectories" / name
        if one.result_file.exists():
            before.append(name)
        elif not (there / "done").is_file():
            missing.append(name)
        else:
            try:
                (taken if _take(work, one, there, record) else before).append(name)
            except (CampaignError, OSError, ValueError) as error:
                damaged[name] = str(error)
    record_left_out(store, damaged)
    return Collected(taken=tuple(taken), before=tuple(before), missing=tuple(missing), damaged=damaged)


def read_record(store: Store, folder: Path) -> ClusterRecord:
    """What a cluster folder was made from. Raises `CampaignError` for one of another campaign or with changed files."""
    try:
        record = ClusterRecord.model_validate_json((folder / CLUSTER_NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise CampaignError(f"{folder} is no folder of `molgun cluster` ({error}).") from error
    if record.manifest != sha256_file(store.root / MANIFEST_NAME):
        raise CampaignError(f"{folder} was made from another campaign ({record.campaign}), or from another plan of it.")
    for name, expected in record.files.items():
        if (folder / name).is_file() and sha256_file(folder / name) != expected:
            raise CampaignError(f"{folder / name} was changed after `molgun cluster`: other results.")
    return record


def _take(work: Work, one: TrajectoryFolder, there: Path, record: ClusterRecord) -> bool:
    planned = planned_hashes(work, one)
    for name in (INPUT_NAME, DATA_NAME):
        require_planned(there / name, planned[name])
    _check_hashes(there)
    parts = _chain(there)
    logs = [(part / LOG_NAME).read_text(encoding="utf-8", errors="replace") for part in parts]
    starts = [_first_step(part, text) for part, text in zip(parts, logs, strict=True)]
    text = "".join(logs)
    thermo = joined_thermo(thermo_tables(text))
    # The last line of the thermo output need not be the end: a rule may act between two of them.
    halt = last_halt(logs[-1])
    steps = int(thermo["Step"][-1]) if halt is None else halt.step
    stop, cause, message = _end(parts[-1], logs[-1], halt)
    number = 1 + max(
        (int(path.name.rpartition("-")[2].removesuffix(".json")) for path in one.path.glob("[rc]*-[0-9]*")), default=0
    )
    run = one.run_folder(number)
    run.mkdir()
    (run / DUMP_NAME).write_bytes(
        b"".join(_frames(part / DUMP_NAME, until) for part, until in zip(parts, [*starts[1:], None], strict=True))
    )
    (run / LOG_NAME).write_text(text, encoding="utf-8")
    try:
        _require_in_order(there, run)
        if cause is None and work.dynamics is not None:
            with _full_disk_in_words(there):
                halted = stop is not Stop.COMPLETED
                require_whole(run, work.dynamics, steps=steps, logged=thermo["Step"], halted=halted)
    except Exception:
        shutil.rmtree(run)
        raise
    if (parts[-1] / END_NAME).is_file():
        shutil.copyfile(parts[-1] / END_NAME, run / END_NAME)
    about = [_about(part) for part in parts]
    result = TrajectoryResult(
        trajectory_id=one.id,
        state="finished" if cause is None else "failed",
        stop=stop,
        cause=cause,
        message=message,
        steps=steps,
        energy=energy_of(one, work, thermo, starts[1:]),
        wall_s=round(sum(float(found) for found in re.findall(r"^Loop time of (\S+)", text, re.MULTILINE)), 3),
        started_at=about[0]["started"],
        host=about[-1]["host"],
        engine=record.engine,
        lammps=" and ".join(dict.fromkeys(ChosenLammps().record(one) for one in logs)),
        attempt=number,
        hashes={
            "deck": planned[INPUT_NAME],
            "data": planned[DATA_NAME],
            "model": record.model,
            "dump": sha256_file(run / DUMP_NAME),
        },
        resumed_at=tuple(starts[1:]),
        noise_resumed=resumed_noise(there / INPUT_NAME, work.dynamics, starts[1:]),
    )
    if one.publish(result):
        return True
    shutil.rmtree(run)
    return False


@contextmanager
def _full_disk_in_words(there: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CampaignError(
            f"{there}: {error.strerror}. Was the disk full there? Delete its `done`, `part-*` and `claim-*` on the "
            "cluster, make room and submit again."
        ) from error


def _require_in_order(there: Path, run: Path) -> None:
    whole = [frame.step for frame in read_frames(run / DUMP_NAME)]
    if whole != sorted(set(whole)):
        raise CampaignError(f"{there}: the frames of its parts do not fit together.")


def _check_hashes(there: Path) -> None:
    for line in (there / "done").read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        if not (there / name).is_file():
            raise CampaignError(f"{there / name} is missing: copy the folder again.")
        if sha256_file(there / name) != expected:
            raise CampaignError(f"{there / name} is not what was written on the cluster: copy the folder again.")


def _about(part: Path) -> dict[str, str]:
    lines = (part / "about").read_text(encoding="utf-8").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _chain(there: Path) -> list[Path]:
    """The parts that lead to the end: the last one, the one that it went on from, and so on; first one first."""
    parts = [max(there.glob("part-*"), key=lambda path: int(path.name.removeprefix("part-")))]
    while before := _about(parts[0])["from"]:
        parts.insert(0, there / before)
    return parts


def _frames(dump: Path, until: int | None) -> bytes:
    """The text of a dump's frames, those before the step `until`; later ones come from the next part."""
    text = dump.read_bytes()
    if until is None:
        return text
    frames = [_MARK + block for block in text.split(_MARK)[1:]]
    return b"".join(frame for frame in frames if int(frame[len(_MARK) :].partition(b"\n")[0]) < until)


def _first_step(part: Path, log: str) -> int:
    """The step that a part began with."""
    tables = [table for table in thermo_tables(log) if len(table.rows)]
    if not tables:
        raise CampaignError(f"{part / LOG_NAME} has no line of thermo output: nothing says where this part began.")
    return int(tables[0].rows[0, 0])


def _end(part: Path, log: str, halt: Halt | None) -> tuple[Stop | None, Cause | None, str]:
    if halt is not None:
        if halt.fix_id not in STOP_OF_FIX:
            raise CampaignError(f"{part}: LAMMPS was halted by {halt.fix_id}, which no deck of ours has.")
        return STOP_OF_FIX[halt.fix_id], None, f"{halt.fix_id} at step {halt.step}"
    error = re.search(r"^ERROR.*", log, re.MULTILINE)
    if error is not None:
        return None, cause_of(error[0]), error[0]
    return Stop.COMPLETED, None, ""
