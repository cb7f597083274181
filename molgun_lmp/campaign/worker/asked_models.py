"""The force models that a worker loads once, for all trajectories that it fires."""

import contextlib
from collections.abc import Callable

from molgun_lmp.campaign.store.campaign_folder import INNER_FOLDER, MODEL_FOLDER
from molgun_lmp.campaign.store.run_set import Work
from molgun_lmp.engine.force_models import ForceModel
from molgun_lmp.engine.joint_evaluation import JointEvaluation
from molgun_lmp.engine.multistep import MultistepModel
from molgun_lmp.engine.registry import ENGINES
from molgun_lmp.errors import EngineError

Ask = Callable[[str], contextlib.AbstractContextManager[ForceModel | None]]
"""Gives a trajectory, by its id, its way to ask the model while its dynamics last; others may be waiting for it."""


def asker(work: Work) -> Ask:
    """Loads the model, and its inner one where there is one, once, for all trajectories that will ask it."""
    model = _of_all_steps(work, force_model(work))
    if model is None or work.engine.together == 1:
        return lambda _: contextlib.nullcontext(model)
    return JointEvaluation(model).member


def force_model(work: Work) -> ForceModel | None:
    """The model, loaded; None where the deck's own pair style reads it."""
    file = work.root / MODEL_FOLDER / work.engine.model_file
    return ENGINES[work.engine.kind].load(file, work.engine.dtype, None)


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
