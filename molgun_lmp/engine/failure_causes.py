"""Which cause an error stands for, by what LAMMPS, torch or the system say about it."""

from molgun_lmp.records import Cause


def cause_of(message: str) -> Cause:
    """The cause that an error message of LAMMPS stands for."""
    lowered = message.lower()
    for words, cause in (
        ("non-finite force", Cause.NAN_FORCE),
        ("non-numeric", Cause.NAN_FORCE),
        ("lost atoms", Cause.LOST_ATOMS),
        ("no space left", Cause.DISK),
        ("i/o error while writing", Cause.DISK),
        ("out of memory", Cause.OUT_OF_MEMORY),
        ("can't allocate", Cause.OUT_OF_MEMORY),
        ("failed to allocate", Cause.OUT_OF_MEMORY),
        ("failed to reallocate", Cause.OUT_OF_MEMORY),
        ("bad_alloc", Cause.OUT_OF_MEMORY),
        ("pair_style mace: the model failed", Cause.FORCE_MODEL_ERROR),
    ):
        if words in lowered:
            return cause
    return Cause.LAMMPS_ERROR


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a force model failed for want of memory, be it the machine's or a device's.

    torch's own error says `CUDA out of memory`, and TorchScript hands on no more of it than its words.
    """
    return isinstance(error, MemoryError) or cause_of(str(error)) is Cause.OUT_OF_MEMORY
