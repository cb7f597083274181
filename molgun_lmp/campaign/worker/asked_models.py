"""The force models that a worker loads once, for all trajectories that it fires."""

import contextlib
import logging
import os
import socket
from collections.abc import Callable

import numpy as np
from ase.data import atomic_numbers

from molgun_lmp.campaign.store.campaign_folder import INNER_FOLDER, MODEL_FOLDER
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.engine.device_check import check_device
from molgun_lmp.engine.force_models import ForceModel, ForceModelInput
from molgun_lmp.engine.gpus import VISIBLE
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.errors import EngineError
from molgun_lmp.gun.data_file import read_data
from molgun_lmp.gun.names import DATA_NAME

log = logging.getLogger(__name__)

Ask = Callable[[str], contextlib.AbstractContextManager[ForceModel | None]]
"""Gives a trajectory, by its id, its way to ask the model while its dynamics last; others may be waiting for it."""


def asker(work: Work) -> Ask:
    """Loads the model, and its inner one where there is one, once, for all trajectories that will ask it.

    Raises `EngineError` for a GPU that does not compute the same twice.
    """
    model = _of_all_steps(work, force_model(work))
    if model is not None:
        _check_gpu(work, model)
    if model is None or work.engine.together == 1:
        return lambda _: contextlib.nullcontext(model)
    return JointEvaluation(model).member


def force_model(work: Work) -> ForceModel | None:
    """The model, loaded; None where the deck's own pair style reads it."""
    file = work.root / MODEL_FOLDER / work.engine.model_file
    return ENGINES[work.engine.kind].load(file, work.engine.dtype, None)


def _check_gpu(work: Work, model: ForceModel) -> None:
    """On the first frame that there is; a CPU is not asked."""
    engine = work.engine
    device = ENGINES[engine.kind].where()
    if device == "cpu":
        return
    first = next((folder.path / DATA_NAME for folder in work.folders if (folder.path / DATA_NAME).is_file()), None)
    if first is None:
        return
    try:
        data = read_data(first.read_text(encoding="utf-8"))
    except ValueError:
        return  # the run of that trajectory says so, for all others can do without it
    if data.symbols is None:
        return
    frame = ForceModelInput(
        numbers=np.array([atomic_numbers[symbol] for symbol in data.symbols], dtype=np.int64),
        positions=data.positions,
        cell=data.cell,
        pbc=(True, True, True),
    )
    visible = os.environ.get(VISIBLE)
    named = f"{device}{f' ({visible})' if visible else ''} of {socket.gethostname()}"
    check_device(model, frame, device=named, dtype=engine.dtype, together=engine.together)
    log.info("%s gave the same answers to one frame asked several times", named)


def _of_all_steps(work: Work, full: ForceModel | None) -> ForceModel | None:
    chosen = work.engine.multistep
    if chosen is None:
        return full
    inner = ENGINES[chosen.kind].load(work.root / INNER_FOLDER / chosen.model_file, work.engine.dtype, None)
    if full is None or inner is None:
        raise EngineError(
            f"{work.root} was planned with engine.multistep and an engine that LAMMPS computes itself ({work.engine}): "
            "plan the campaign again."
        )
    return MultistepModel(full, inner, every=chosen.every)
