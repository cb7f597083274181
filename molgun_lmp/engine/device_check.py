"""Does a device compute? One frame is asked for again and again when a worker starts, before a trajectory trusts it.

A GPU with a broken memory cell, too hot, or with kernels of another architecture, gives numbers and no error. What it
answers to one question twice, and to the same question among others in one evaluation, has to agree but for rounding
(`models/agreement.py`). That finds what wavers; what is wrong in the same way each time is found by `molgun export`'s
parity and by `cluster --check`, which compare with mace.
"""

from molgun_lmp.engine.failure_causes import is_out_of_memory
from molgun_lmp.engine.force_models import Evaluation, ForceModel, ForceModelInput
from molgun_lmp.errors import EngineError, MolgunError
from molgun_lmp.model_formats import Dtype
from molgun_lmp.models.agreement import beyond_rounding


def check_device(model: ForceModel, frame: ForceModelInput, *, device: str, dtype: Dtype, together: int) -> None:
    """Evaluate a frame three times, and where `together` is more than 1 once more as so many in one evaluation.

    Raises `EngineError` for answers that differ beyond rounding in `dtype`, and where there is no answer at all.
    """
    try:
        first = model.evaluate(frame)  # kernels are loaded, and may be chosen, during a first one
        alone = [model.evaluate(frame) for _ in range(2)]
        joint = _joint(model, frame, together)
    except MolgunError:
        raise
    except Exception as error:
        raise EngineError(
            f"the model cannot be evaluated on {device}: {type(error).__name__}: {error}. `molgun doctor` shows what "
            "this machine has."
        ) from error
    for asked, answers in (("twice", alone), (f"{len(joint)} times in one evaluation", joint)):
        for answer in answers:
            why = beyond_rounding(first, answer, dtype)
            if why is not None:
                raise EngineError(
                    f"{device} computes wrongly: asked for one frame {asked}, {why}. No trajectory is fired on it. Try "
                    "again alone on it, look at its errors (`nvidia-smi -q -d ECC,PAGE_RETIREMENT`), and keep it out "
                    "with CUDA_VISIBLE_DEVICES if it stays so."
                )


def _joint(model: ForceModel, frame: ForceModelInput, together: int) -> list[Evaluation]:
    """As many as there is memory for, as joint evaluations do it."""
    while together > 1:
        try:
            return model.evaluate_many([frame] * together)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        together //= 2
    return []
