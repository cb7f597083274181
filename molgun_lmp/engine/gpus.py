"""The GPUs of this machine, asked from NVIDIA's own tool, so that neither torch nor a model has to be loaded for it."""

import math
import os
import subprocess
from collections.abc import Mapping
from typing import Final, NamedTuple

from molgun_lmp.processes import default_workers

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
FEEDERS: Final = 2
"""Workers for each GPU, where nobody says how many: while the structures of one are evaluated, those of the other are
integrated. Not measured."""
_PATIENCE_S: Final = 20.0
_QUERY: Final = ("nvidia-smi", "--query-gpu=index,uuid,memory.free,name", "--format=csv,noheader,nounits")


class Gpu(NamedTuple):
    """One GPU: `uuid` names it in CUDA_VISIBLE_DEVICES, whatever order a program counts in."""

    uuid: str
    free_bytes: int
    name: str = ""


def gpus_here(environment: Mapping[str, str] = os.environ) -> tuple[Gpu, ...]:
    """The GPUs that this process may use, in the order of CUDA_VISIBLE_DEVICES where that is set; none where there is
    no working driver."""
    try:
        said = subprocess.run(_QUERY, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [[cell.strip() for cell in line.split(",", maxsplit=3)] for line in said.stdout.splitlines()]
    if said.returncode != 0 or any(len(row) != 4 or not row[2].isdigit() for row in rows):
        return ()
    found = [(index, Gpu(uuid=uuid, free_bytes=int(free) * 1024**2, name=name)) for index, uuid, free, name in rows]
    visible = environment.get(VISIBLE)
    if visible is None:
        return tuple(gpu for _, gpu in found)
    chosen: list[Gpu] = []
    for name in filter(None, (part.strip() for part in visible.split(","))):
        one = next((gpu for index, gpu in found if name == index or gpu.uuid.startswith(name)), None)
        if one is None:  # CUDA ends its list at the first name that it does not know
            break
        chosen.append(one)
    return tuple(chosen)


def gpu_environment(worker: int, gpus: tuple[Gpu, ...]) -> dict[str, str]:
    """The environment in which the `worker`-th process of a machine, from 1, uses one GPU, all of them by turns."""
    return {VISIBLE: gpus[(worker - 1) % len(gpus)].uuid} if gpus else {}


def workers_here(threads: int, gpus: tuple[Gpu, ...]) -> int:
    """How many workers of so many threads each: one for each share of the cores, and with GPUs a few for each."""
    most = default_workers(threads)
    return min(most, FEEDERS * len(gpus)) if gpus else most


def feeders(workers: int, gpus: tuple[Gpu, ...]) -> int:
    """How many of so many workers come to one GPU at the most."""
    return math.ceil(workers / max(1, len(gpus)))
