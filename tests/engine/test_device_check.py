"""A worker asks its GPU for one frame several times before it fires: the device is a word here, the model is real."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from campaign_cases import write_campaign_file, write_model
from engine_cases import TinyModel

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.opening import open_work
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.campaign.worker import asked_models
from molgun_lmp.campaign.worker.run_trajectory import open_engine
from molgun_lmp.config import load_campaign
from molgun_lmp.engine.force_models import AskedForModel, Evaluation, ForceModel, ForceModelInput
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.pools import Pool

pytestmark = pytest.mark.engine


class Wavering(AskedForModel):
    """The real model, whose answers `push` changes by how many it has given before."""

    def __init__(self, model: ForceModel, push: Callable[[int, bool], float]) -> None:
        super().__init__(model)
        self._push = push
        self.sizes: list[int] = []

    def evaluate(self, structure: ForceModelInput) -> Evaluation:
        return self.evaluate_many([structure])[0]

    def evaluate_many(self, structures: Sequence[ForceModelInput]) -> list[Evaluation]:
        self.sizes.append(len(structures))
        push = self._push(len(self.sizes), len(structures) > 1)
        found = self._model.evaluate_many(structures)
        return [dataclasses.replace(one, forces=one.forces + push) for one in found]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, tiny_mace: TinyModel, slab_pool: Pool, molecule_pool: Pool) -> Work:
    folder = tmp_path_factory.mktemp("device")
    write_model(folder / "model", tiny_mace.deployed["float64"])
    file = write_campaign_file(folder, slab_pool, molecule_pool, {"engine": {"kind": "torchscript", "together": 3}})
    write(check(load_campaign(file, ())), folder / "campaign")
    return open_work(folder / "campaign", ())


def on(device: str, push: Callable[[int, bool], float], monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """The engine of the campaign computes on that device now, and wavers; gives the sizes of what it was asked."""
    loaded: list[Wavering] = []

    def load(file: Path, dtype: Any, _: str | None) -> Wavering:
        real = ENGINES["torchscript"].load(file, dtype, "cpu")
        assert real is not None
        loaded.append(Wavering(real, push))
        return loaded[-1]

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb22")
    row = dataclasses.replace(ENGINES["torchscript"], where=lambda: device, load=load)
    monkeypatch.setattr(asked_models, "ENGINES", {**ENGINES, "torchscript": row})
    return lambda: loaded[0].sizes


@pytest.mark.parametrize(
    ("push", "asked"),
    [
        (lambda call, _: 1e-6 * (call == 3), "asked for one frame twice, a force differs by 1.0e-06"),
        (lambda _, joint: 1e-6 * joint, "asked for one frame 3 times in one evaluation, a force differs by 1.0e-06"),
        (lambda call, _: float("nan") * (call == 2), "energies or forces that are not numbers"),
    ],
)
def test_a_gpu_that_wavers_is_refused(
    work: Work, push: Callable[[int, bool], float], asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("cuda:1", push, monkeypatch)
    with (
        pytest.raises(
            EngineError, match=r"cuda:1 \(GPU-bb22\) of .* computes wrongly.*CUDA_VISIBLE_DEVICES"
        ) as refused,
        open_engine(work),
    ):
        pass
    assert asked in str(refused.value)


def test_a_gpu_that_rounds_is_taken_and_a_cpu_is_not_asked(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = on("cuda:0", lambda call, _: 1e-15 * call, monkeypatch)
    with open_engine(work):
        assert sizes() == [1, 1, 1, 3]
    sizes = on("cpu", lambda call, _: float(call), monkeypatch)
    with open_engine(work):
        assert sizes() == []


def test_short_memory_is_no_broken_device(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joint evaluations make do with fewer at once, and so does the check."""

    def full(_: int, joint: bool) -> float:
        if joint:
            raise MemoryError
        return 0.0

    sizes = on("cuda:0", full, monkeypatch)
    with open_engine(work):
        assert sizes() == [1, 1, 1, 3]


def test_a_model_that_fails_is_said_with_its_device(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> float:
        raise RuntimeError("no kernel image is available")

    on("cuda:0", fails, monkeypatch)
    with pytest.raises(EngineError, match=r"evaluated on cuda:0 .*: RuntimeError: no kernel image"), open_engine(work):
        pass
