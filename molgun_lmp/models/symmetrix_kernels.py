"""Symmetrix compiles C++ at the first use of a model: seconds where max_L is 0, many minutes where it is 1 or more.

What was compiled lies in symmetrix's own cache. Here it is remembered for which files that has happened on this
machine, so that the choice of an engine can know without loading symmetrix.
"""

import hashlib
import logging
import platform
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final

from molgun_lmp.atomic_files import replace_file
from molgun_lmp.cache_folder import cache_root
from molgun_lmp.model_formats import Dtype

log = logging.getLogger(__name__)

_SAY_EVERY_S: Final = 30.0
_LONGEST_QUICK_L: Final = 0


def compiles_long(max_l: int) -> bool:
    """Whether the kernels of a model whose features have angular momenta up to `max_l` take many minutes.

    Measured with g++ 12.2: 8x0e 5 s of a core, 8x0e+8x1o not done after 4.5 minutes of one.
    """
    return max_l > _LONGEST_QUICK_L


def largest_l(irreps: str) -> int:
    """The largest angular momentum of irreps as e3nn writes them: 1 of `8x0e+8x1o`."""
    return max((int(number) for number in re.findall(r"(\d+)[eo]", irreps)), default=0)


def is_compiled(sha256: str, dtype: Dtype) -> bool:
    """Whether this machine has compiled the kernels of the file with this hash, and still has them."""
    try:
        artifacts = Path(_mark(sha256, dtype).read_text(encoding="utf-8"))
        return any(artifacts.iterdir())
    except OSError:
        return False


@contextmanager
def told(file: Path, sha256: str, dtype: Dtype) -> Iterator[None]:
    """While symmetrix compiles the kernels of a file for the first time, say so, and for how long it has.

    What ends without an exception is remembered.
    """
    if is_compiled(sha256, dtype):
        yield
        return
    log.warning(
        "symmetrix compiles its kernels for %s in %s. With max_L of 1 or more that takes g++ many minutes, once on "
        "each kind of machine; the engine `mace` needs none of it.",
        file,
        dtype,
    )
    done = threading.Event()
    watch = threading.Thread(target=_say, args=(done, time.monotonic()), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
    try:
        from symmetrix.jit import jit_cache_root  # noqa: PLC0415  # loaded by now

        mark = _mark(sha256, dtype)
        mark.parent.mkdir(parents=True, exist_ok=True)
        replace_file(mark, str(jit_cache_root() / "artifacts").encode())
    except (ImportError, OSError) as error:
        log.info("that symmetrix has compiled its kernels for %s is not remembered: %s", file, error)


def _say(done: threading.Event, start: float) -> None:
    while not done.wait(_SAY_EVERY_S):
        log.info("symmetrix is still compiling its kernels: %.1f minutes so far", (time.monotonic() - start) / 60.0)


def symmetrix_version() -> str:
    """Of the package `symmetrix-xl`; `unknown` where the module comes from elsewhere."""
    try:
        return metadata.version("symmetrix-xl")
    except metadata.PackageNotFoundError:
        return "unknown"


def _mark(sha256: str, dtype: Dtype) -> Path:
    """The kernels are made for the processor at hand, by the version of symmetrix."""
    digest = hashlib.sha256("\0".join((sha256, dtype, symmetrix_version(), _processor())).encode())
    return cache_root() / "symmetrix-compiled" / digest.hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.processor())
