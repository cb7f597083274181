"""Loading mace without what it and e3nn say each time and nobody can do anything about."""

import functools
import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final

_WARNINGS: Final = (
    # mace sets the variable itself, because e3nn loads its constants in a way that torch has forbidden.
    r"Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected",
)
_LINES: Final = (
    # Printed for everybody without an extra for GPUs by NVIDIA; `molgun doctor` says what is there.
    "cuequivariance or cuequivariance_torch is not available. Cuequivariance acceleration will be disabled.",
)


@functools.cache
def load_mace() -> None:
    """Import mace with its operators, once, and before anything else of it, which is then quiet."""
    with without_known_noise():
        import mace.modules  # noqa: F401, PLC0415 - seconds


@contextmanager
def without_known_noise() -> Iterator[None]:
    """Drop the known warnings and lines of libraries while they load; all others come through."""
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(printed):
            for message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message, category=UserWarning)
            yield
    finally:
        for line in printed.getvalue().splitlines(keepends=True):
            if line.strip() not in _LINES:
                sys.stdout.write(line)
