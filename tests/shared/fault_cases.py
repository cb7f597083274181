"""Campaigns that cost nothing, and the means to harm them: many LAMMPS runs a second under an analytic pair potential.

The final table of a harmed campaign is compared with that of an undisturbed one to the last bit of every dump; only
times, attempts and where a run went on are left out.
"""

import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from campaign_cases import write_campaign_file
from campaign_commands import ENVIRONMENT, MOLGUN, molgun
from waiting import PATIENCE_S

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.checkpoints import CHECKPOINTS_NAME
from molgun_lmp.campaign.store.claims import read_claim
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import CampaignError, EngineError, InterruptedRunError
from molgun_lmp.gun.pools import Pool

STOCK: Final[Mapping[str, Any]] = {
    "kind": "stock",
    "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5"],
    "cutoff_angstrom": 4.0,
}
_DIFFER: Final = frozenset({"wall_s", "started_at", "host", "attempt", "resumed_at"})
_LOOK_S: Final = 0.02


def plan_stock(
    folder: Path, slab: Pool, molecule: Pool, *, trajectories: int, steps: int = 60, every: int = 20, **sections: Any
) -> Path:
    """A planned campaign under a pair potential: frames `every` steps, a checkpoint after one and a half times that.

    About 15,000 steps a second, and 40 starts.
    """
    dynamics = {
        "steps": steps,
        "dump_every_steps": every,
        "thermo_every_steps": every // 2,
        "checkpoint_every_steps": every * 3 // 2,
    }
    campaign = {"trajectories": trajectories, "engine": STOCK, "dynamics": dynamics, "stop": {"departed": False}}
    file = write_campaign_file(folder, slab, molecule, {**campaign, **sections})
    write(check(load_campaign(file)), folder / "small")
    return folder / "small"


def table(campaign: Path) -> dict[str, dict[str, Any]]:
    """Trajectory id -> its result, with the hash of its dump, without times and attempts."""
    return {
        file.parent.name: {key: value for key, value in json.loads(file.read_text()).items() if key not in _DIFFER}
        for file in sorted(campaign.glob("trajectories/*/*/result.json"))
    }


def start_quietly(campaign: Path, log: Path, workers: int) -> subprocess.Popen[bytes]:
    """`molgun run` in the background; what it says goes to a file, since a full pipe would stop it."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [*MOLGUN, "run", str(campaign), "--workers", str(workers)],
            env=ENVIRONMENT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def workers_of(campaign: Path) -> list[int]:
    """The living worker processes of a campaign, whoever started them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            ours = words[0] == sys.executable.encode() and b"molgun_lmp.campaign.worker" in words
            if ours and str(campaign.resolve()).encode() in words:
                found.append(int(entry.name))
    return found


def kill_one_at_work(campaign: Path, running: Sequence["subprocess.Popen[bytes]"], rng: random.Random) -> bool:
    """Kill -9 one that holds a trajectory, as soon as there is any; False where no command is left to start one.

    Half of them have got as far as a checkpoint: on a slow machine all others die before it, and then nothing goes on.
    """
    deadline = time.monotonic() + PATIENCE_S
    beyond_checkpoint = rng.random() < 0.5
    while any(process.poll() is None for process in running):
        for pid in rng.sample(there := owners_of(campaign, beyond_checkpoint), len(there)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)  # so that what holds for it now still holds when it is killed
                if pid in owners_of(campaign, beyond_checkpoint):
                    return kill(pid)
                os.kill(pid, signal.SIGCONT)
        assert time.monotonic() < deadline, "no worker takes a trajectory"
        time.sleep(_LOOK_S)
    return False


def owners_of(campaign: Path, beyond_checkpoint: bool = False) -> list[int]:
    """The living processes of this machine that hold a trajectory, all or those whose run has listed a checkpoint."""
    owners = set()
    for file in campaign.glob("trajectories/*/*/claim-*.json"):
        with contextlib.suppress(FileNotFoundError):
            claim = read_claim(file)
            if claim is None:
                continue
            listed = file.with_name(f"run-{claim.number}") / CHECKPOINTS_NAME
            if listed.exists() or not beyond_checkpoint:
                owners.add(claim.owner.pid)
    return sorted(owners & set(workers_of(campaign)))


def kill(pid: int) -> bool:
    """Kill -9; False where the process is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def hammer(
    campaign: Path, *, kills: int, seed: int, workers: int, coordinators: int, pauses_s: tuple[float, float]
) -> Counter[str]:
    """Run a campaign while workers, and now and then a coordinator, are killed at random instants; what was killed.

    Ends once all kills are done, or the campaign is; `finish` brings it to its end.
    """
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    log = campaign.with_suffix(".log")
    running = [start_quietly(campaign, log, workers) for _ in range(coordinators)]
    try:
        while done.total() < kills:
            time.sleep(rng.uniform(*pauses_s))
            for number, process in enumerate(running):
                if process.poll() == 0:
                    return done
                if process.returncode is not None:
                    # EngineError: three workers in a row were killed while they started, and it says so.
                    expected = {-signal.SIGKILL, CampaignError.exit_code, EngineError.exit_code}
                    if process.returncode not in expected:
                        raise AssertionError(f"`molgun run` ended with {process.returncode}: {log.read_text()[-3000:]}")
                    running[number] = start_quietly(campaign, log, workers)
            if rng.random() < 0.1:
                done["coordinator"] += kill(rng.choice(running).pid)
            # On a busy machine most of a worker's short life is its start: every other kill waits for one at work.
            elif rng.random() < 0.5:
                done["worker"] += kill_one_at_work(campaign, running, rng)
            elif there := workers_of(campaign):
                done["worker"] += kill(rng.choice(there))
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(PATIENCE_S)
    return done


def finish(campaign: Path, workers: int) -> None:
    """The user's own two commands, until nothing is open and no failure is the machine's."""
    for _ in range(20):
        done = molgun("run", campaign, "--workers", str(workers), "--json")
        if done.returncode == InterruptedRunError.exit_code:  # workers of a killed coordinator are still about
            continue
        assert done.returncode == 0, done.stderr[-3000:]
        freed = json.loads(molgun("retry", campaign, "--json").stdout)["freed"]
        if not freed and not json.loads(done.stdout)["pending"] + json.loads(done.stdout)["running"]:
            return
    raise AssertionError(f"{campaign} does not come to its end: {done.stdout}")


def assert_same_table(campaign: Path, undisturbed: Mapping[str, Mapping[str, Any]]) -> None:
    """Every trajectory ended as it would have, to the last bit of its dump."""
    found = table(campaign)
    assert found.keys() == undisturbed.keys()
    differing = [identifier for identifier, row in found.items() if row != undisturbed[identifier]]
    assert not differing, {identifier: (found[identifier], undisturbed[identifier]) for identifier in differing[:3]}


def steps_in(dump: Path) -> Sequence[int]:
    """The timesteps of a dump's frames as they stand in it."""
    lines = dump.read_text().splitlines()
    return [int(after) for line, after in itertools.pairwise(lines) if line == "ITEM: TIMESTEP"]
