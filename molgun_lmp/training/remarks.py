"""What mace does with a training that nobody asked for: said aloud, and kept on the record."""

from collections.abc import Iterator

from molgun_lmp.training.preparation import Prepared


def remarks(prepared: Prepared) -> tuple[str, ...]:
    """One sentence for each."""
    return tuple(_remarks(prepared))


def _remarks(prepared: Prepared) -> Iterator[str]:
    config = prepared.config
    how = config.optimisation
    train, validation = len(prepared.split.train), len(prepared.split.validation)
    if config.multihead is None:
        left_out = train % (how.batch_size if config.gpus == 1 else config.gpus)
        if left_out:
            yield f"each epoch leaves out {left_out} of {train} training frames, other ones each time (mace drops them)"
    if validation % config.gpus:
        yield f"validation leaves out {validation % config.gpus} of {validation} frames, which the GPUs cannot share"
    if config.gpus > 1:
        in_all = how.batch_size * config.gpus
        yield f"a step takes {how.batch_size} frames on each of {config.gpus} GPUs: {in_all} in all"
    if config.multihead is not None:
        yield "with replay mace uses its universal loss (Huber, with stress), whatever `loss` says"
        yield "mace repeats the frames of the new head where they are few beside the replayed ones"
        yield "the model has two heads, pt_head and Default; Default is judged and exported"
    if how.patience is None:
        yield f"the training ends after {how.epochs} epochs and never earlier (optimisation.patience)"
    yield "a restart repeats the epoch of the newest checkpoint, from averaged weights where `ema_decay` is set"
