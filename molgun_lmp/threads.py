"""How many threads a process of ours may use."""

import os


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables that hold every numerical library to `threads` threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def default_workers(threads: int) -> int:
    """One worker for each `threads` of the cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) // threads)
