"""VASP's XDATCAR, which holds no forces: each of its frames is counted and reported, none can be used."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from molgun_lmp.training.drops import DropReason
from molgun_lmp.training.reading.found import Unusable
from molgun_lmp.training.reading.packed import PACKED_SUFFIXES, open_text
from molgun_lmp.training.reading.vasp import VASP_LABELS
from molgun_lmp.training.settings import Labels

_ENERGY: Final = re.compile(r"^\s*(\d+)\s.*\bF=\s*(\S+)")


class XdatcarReader:
    """Configurations without labels; energies come from the OSZICAR beside the file."""

    labels: Labels | None = VASP_LABELS

    def read(self, path: Path) -> Iterator[Unusable]:
        """One entry for each configuration."""
        energies = _energies(path)
        with open_text(path) as lines:
            for line in lines:
                if line.startswith("Direct configuration="):
                    step = int(line.partition("=")[2])
                    if step in energies:
                        reason = DropReason.NO_FORCES
                        detail = f"energy {energies[step]} eV from {_oszicar(path).name}, but XDATCAR holds no forces"
                    else:
                        reason, detail = DropReason.NO_ENERGY, "XDATCAR holds neither energies nor forces"
                    yield Unusable(reason=reason, detail=f"{detail}: take the run's vasprun.xml or OUTCAR")


def _oszicar(path: Path) -> Path:
    beside = path.with_name(path.name.replace("XDATCAR", "OSZICAR"))
    plain = beside.with_name(beside.name.removesuffix(beside.suffix)) if beside.suffix in PACKED_SUFFIXES else beside
    names = (beside, plain, *(plain.with_name(plain.name + suffix) for suffix in PACKED_SUFFIXES))
    return next((name for name in names if name.is_file()), plain)


def _energies(path: Path) -> dict[int, str]:
    file = _oszicar(path)
    if not file.is_file():
        return {}
    with open_text(file) as lines:
        return {int(found[1]): found[2] for line in lines if (found := _ENERGY.match(line))}
