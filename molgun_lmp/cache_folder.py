"""The folder for what is made once on a machine and can be made again. Standard library only."""

import os
from pathlib import Path


def cache_root() -> Path:
    """The cache folder: $MOLGUN_CACHE, else $XDG_CACHE_HOME/molgun_lmp, else ~/.cache/molgun_lmp."""
    named = os.environ.get("MOLGUN_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "molgun_lmp"
