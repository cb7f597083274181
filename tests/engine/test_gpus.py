"""Which GPUs there are, by a stand-in for NVIDIA's tool, and that local workers take them by turns."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from molgun_lmp.campaign.launch import local
from molgun_lmp.engine.batch_size import fitting_together
from molgun_lmp.engine.force_models import Evaluation, ForceModelInput
from molgun_lmp.engine.gpus import FEEDERS, feeders, gpus_here, workers_here
from molgun_lmp.processes import default_workers

pytestmark = pytest.mark.engine

TWO = "printf '0, GPU-aa11, 81000, A100\\n1, GPU-bb22, 40000, T4\\n'"


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A stand-in for nvidia-smi that does what it is told."""
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def write(body: str) -> None:
        tool.write_text(f"#!/bin/sh\n{body}\n")
        tool.chmod(0o755)

    return write


def test_what_the_tool_says(says: Callable[[str], None]) -> None:
    says(TWO)
    assert [tuple(gpu) for gpu in gpus_here()] == [
        ("GPU-aa11", 81000 * 2**20, "A100"),
        ("GPU-bb22", 40000 * 2**20, "T4"),
    ]
    for broken in ("echo 'NVIDIA-SMI has failed'", f"{TWO}\nexit 9", "echo '0, GPU-aa11, [N/A], A100'"):
        says(broken)
        assert gpus_here() == ()


@pytest.mark.parametrize(
    ("visible", "found"),
    [("1,0", ["GPU-bb22", "GPU-aa11"]), ("GPU-bb", ["GPU-bb22"]), ("", []), ("1,7,0", ["GPU-bb22"])],
)
def test_what_is_hidden_is_not_there(says: Callable[[str], None], visible: str, found: list[str]) -> None:
    says(TWO)
    assert [gpu.uuid for gpu in gpus_here({"CUDA_VISIBLE_DEVICES": visible})] == found


def test_workers_take_the_gpus_by_turns(
    says: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an engine that computes on them; what is started ends at once here."""
    says(TWO)
    gpus = gpus_here()
    devices: list[Mapping[str, str]] = []

    def start(*given: Any) -> Any:
        devices.append(given[-1])
        return SimpleNamespace(poll=lambda: 0, terminate=lambda: None, pid=1)

    monkeypatch.setattr(local, "start_worker", start)
    work: Any = SimpleNamespace(
        root=tmp_path,
        logs=tmp_path / "logs",
        only=(),
        folders=(),
        engine=SimpleNamespace(kind="torchscript", threads=1),
    )
    for here, taken in ((gpus, ["GPU-aa11", "GPU-bb22", "GPU-aa11"]), ((), [None] * 3)):
        devices.clear()
        monkeypatch.setattr(local, "gpus_of", lambda _, here=here: here)
        with local._Crew(work, 3) as crew:
            assert not crew.tend()
        assert [device.get("CUDA_VISIBLE_DEVICES") for device in devices] == taken
    assert workers_here(1, gpus) == min(default_workers(1), 2 * FEEDERS)
    assert workers_here(1, ()) == default_workers(1)
    assert [feeders(workers, gpus) for workers in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert feeders(5, ()) == 5


class Taking:
    """A model that answers zero, and takes 100 MiB of a GPU for each structure of its largest evaluation."""

    elements = frozenset({"H"})
    cutoff_angstrom = 5.0

    def __init__(self, says: Callable[[str], None], free_mib: int) -> None:
        self._says, self._free = says, free_mib
        self.largest = 0
        self.evaluate_many([])

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        self.largest = max(self.largest, len(structures))
        self._says(f"echo '0, GPU-aa11, {self._free - 100 * self.largest}, A100'")
        return [Evaluation(energy_ev=0.0, forces=np.zeros((1, 3))) for _ in structures]


@pytest.mark.parametrize(("sharing", "most"), [(1, 8), (2, 4)])
def test_feeders_share_the_memory_of_a_gpu(says: Callable[[str], None], sharing: int, most: int) -> None:
    """Six tenths of 2,000 MiB among them, whatever calls are worth."""
    model = Taking(says, 2000)
    one = ForceModelInput(numbers=np.array([1]), positions=np.zeros((1, 3)), cell=np.eye(3), pbc=(True,) * 3)
    assert fitting_together(model, one, device="cuda:0", most=64, sharing=sharing) <= most
    assert model.largest <= most
