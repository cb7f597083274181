"""A worker that is killed at its n-th change of the campaign folder, for every n; started as a program by the tests.

`python dying_worker.py CAMPAIGN SCRATCH` prints one JSON line for each n: what the change was, and the results after a
second worker came. With words after that n is the first change of each whose path below the campaign holds the word. It
forks before LAMMPS and MPI are loaded, so that each worker is a fresh one.
"""

import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fault_cases import table

from molgun_lmp.campaign.worker import __main__ as worker

_CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def die_at(number: int, root: Path, report: Path) -> None:
    """Kill this process just before its `number`-th change below `root`, and note what it would have been; with number
    0 it lives, and all changes are noted."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writes or event in _CHANGES) or str(root) not in str(arguments[0]):
            return
        seen += 1
        if not number:
            os.write(1, f"{event} {str(arguments[0]).partition(root.name)[2]}\n".encode())
        if seen == number:
            descriptor = os.open(report, os.O_CREAT | os.O_RDONLY)
            os.close(descriptor)
            os.write(1, f"{event} {Path(str(arguments[0])).name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def in_child(campaign: Path, number: int | None, output: Path) -> int:
    """One worker; its wait status."""
    pid = os.fork()
    if pid == 0:
        descriptor = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(descriptor, 1)
        if number is not None:
            die_at(number, campaign, output)
        os._exit(worker.main([str(campaign)]))
    return os.waitpid(pid, 0)[1]


def first_changes(planned: Path, scratch: Path, words: Sequence[str]) -> list[int]:
    """The numbers of the first changes whose paths hold the words."""
    campaign, output = scratch / "lives", scratch / "what"
    shutil.copytree(planned, campaign)
    assert in_child(campaign, 0, output) == 0
    changes = [line for line in output.read_text().splitlines() if line.split()[0] in {"open", *_CHANGES}]
    return [next(n for n, line in enumerate(changes, start=1) if word in line) for word in words]


def main(planned: Path, scratch: Path, *words: str) -> None:
    """Every n until a worker comes to its end, or those of the words."""
    for number in first_changes(planned, scratch, words) if words else itertools.count(1):
        campaign, output = scratch / f"dies-at-{number}", scratch / "what"
        shutil.copytree(planned, campaign)
        status = in_child(campaign, number, output)
        if os.WIFEXITED(status):
            break
        again = in_child(campaign, None, scratch / "again")
        line = {
            "change": output.read_text().strip(),
            "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
            "again": os.waitstatus_to_exitcode(again),
            "table": table(campaign),
        }
        print(json.dumps(line), flush=True)
        shutil.rmtree(campaign)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
