"""`make soak`: a whole campaign is killed, doubled and deprived of its disk, and compared with an undisturbed one.

`python tests/faults/soak.py FOLDER [SCALE]`: 10,000 trajectories, 200 kills, two coordinators at once and a full disk,
times SCALE. The kills begin again until all are done, and the final tables must be equal but for times and attempts.
What it prints is the record: sizes, seconds, memory, kills.
"""

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from campaign_commands import ENVIRONMENT, MOLGUN, molgun
from fault_cases import STOCK, assert_same_table, finish, hammer, start_quietly, table, workers_of
from waiting import PATIENCE_S

from molgun_lmp.campaign.plan.examples import copy_example
from molgun_lmp.errors import CampaignError

TRAJECTORIES: Final = 10_000
KILLS: Final = 200
STEPS: Final = 1500
_MIB: Final = 2**20


def say(text: str, since: float | None = None) -> None:
    """One line of the record, with the seconds that it took."""
    print(f"{text}{'' if since is None else f': {time.monotonic() - since:.1f} s'}", flush=True)


def peak_mib(*command: str | Path) -> tuple[float, str]:
    """Run `molgun` to its end; the largest memory of that process alone in MiB, and what it answered."""
    watch = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, *MOLGUN, *map(str, command)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"molgun {command}: {done.stderr[-3000:]}")
    return int(done.stderr.split()[-1]) / 1024, done.stdout


def plan(folder: Path, trajectories: int, name: str = "planned") -> Path:
    """The example's slab and molecule under a pair potential."""
    if not (folder / "example").exists():
        copy_example("ecco-si001", folder / "example")
    settings = {
        "trajectories": trajectories,
        "engine": json.dumps(dict(STOCK)),
        "stop.departed": "false",
        "dynamics.steps": STEPS,
        "dynamics.dump_every_steps": STEPS // 3,
        "dynamics.thermo_every_steps": STEPS // 6,
        "dynamics.checkpoint_every_steps": STEPS // 3,
    }
    overrides = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    started = time.monotonic()
    memory, _ = peak_mib("plan", folder / "example" / "campaign.yaml", "--output", folder / name, *overrides)
    say(f"planned {trajectories} decks, at most {memory:.0f} MiB", started)
    return folder / name


@contextlib.contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[bool]:
    """A tmpfs at `path`; False where this user may not mount."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)


def watch_memory(campaign: Path, ended: threading.Event, peaks: Counter[str]) -> None:
    """The largest resident memory of the campaign's coordinator and workers in MiB, until `ended`."""
    while not ended.wait(1.0):
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, IndexError, ValueError):
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
                if str(campaign).encode() in words:
                    kind = "worker" if b"molgun_lmp.campaign.worker" in words else "coordinator"
                    size = int((entry / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // _MIB
                    peaks[kind] = max(peaks[kind], size)


def undisturbed_run(campaign: Path) -> None:
    """One coordinator, two workers, nobody disturbs."""
    started, ended, peaks = time.monotonic(), threading.Event(), Counter[str]()
    watcher = threading.Thread(target=watch_memory, args=(campaign, ended, peaks))
    watcher.start()
    process = start_quietly(campaign, campaign.with_suffix(".log"), 2)
    code = process.wait()
    ended.set()
    watcher.join()
    assert code == 0, campaign.with_suffix(".log").read_text()[-3000:]
    say(f"undisturbed, 2 workers; at most {dict(peaks)} MiB", started)
    for what in ("made", "read"):
        started = time.monotonic()
        status = molgun("status", campaign, "--json")
        say(f"status, its index {what}", started)
        assert json.loads(status.stdout)["pending"] == 0


def full_disk(folder: Path, trajectories: int) -> None:
    """The campaign's first trajectories on a disk that is too small, then made larger."""
    planned = plan(folder, trajectories, "first")
    expected = {key: row for key, row in table(folder / "undisturbed").items() if int(key) < trajectories}
    started = time.monotonic()
    with small_disk(folder / "disk", max(4, trajectories * 60 // 1024)) as mounted:
        if not mounted:
            say("A FULL DISK IS LEFT OUT: only root may mount a tmpfs")
            return
        campaign = folder / "disk" / "campaign"
        shutil.copytree(planned, campaign)
        log = folder / "disk.log"
        code = start_quietly(campaign, log, 2).wait(PATIENCE_S * 10)
        assert code == CampaignError.exit_code, log.read_text()[-3000:]
        kept = len(table(campaign))
        subprocess.run(["mount", "-o", "remount,size=90%", str(folder / "disk")], check=True)
        finish(campaign, workers=2)
        assert_same_table(campaign, expected)
    say(f"a disk that was full after {kept} trajectories, then enlarged: the same table", started)


def disturbed_run(campaign: Path, kills: int) -> None:
    """Two coordinators at once; workers and coordinators are killed at random instants."""
    started, done, rounds = time.monotonic(), Counter[str](), 0
    while done.total() < kills:
        rounds += 1
        killed = hammer(
            campaign,
            kills=kills - done.total(),
            seed=rounds,
            workers=1,
            coordinators=2,
            pauses_s=(0.3, 1.5),
        )
        done += killed
        if not killed:
            break
    finish(campaign, workers=2)
    assert not workers_of(campaign), "no worker outlives its coordinator"
    say(f"disturbed, two coordinators, killed {dict(done)}", started)
    if done.total() < kills:
        say(f"ONLY {done.total()} OF {kills} KILLS: the campaign was over before")


def main(folder: Path, scale: float) -> None:
    """The whole soak in an empty folder."""
    trajectories, kills = math.ceil(TRAJECTORIES * scale), math.ceil(KILLS * scale)
    started = time.monotonic()
    folder.mkdir(parents=True)
    planned = plan(folder, trajectories)
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    shutil.copytree(planned, undisturbed)
    shutil.copytree(planned, disturbed)
    undisturbed_run(undisturbed)
    disturbed_run(disturbed, kills)
    assert_same_table(disturbed, table(undisturbed))
    say(f"{len(table(disturbed))} results of the disturbed campaign are those of the undisturbed one")
    attempts = [json.loads(file.read_text()) for file in disturbed.glob("trajectories/*/*/result.json")]
    again, resumed = sum(one["attempt"] > 1 for one in attempts), sum(bool(one["resumed_at"]) for one in attempts)
    say(f"{again} trajectories took more than one run, {resumed} went on from a checkpoint")
    shutil.rmtree(disturbed)
    full_disk(folder, min(trajectories, max(150, trajectories // 5)))
    shutil.rmtree(folder)
    say("soak", started)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
