"""CP2K's basis sets and pseudopotentials: where they lie, and what they have for an element."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from molgun_lmp.errors import ConfigError

_ELECTRONS: Final = re.compile(r"-q(\d+)$")
DISPERSION_FILE: Final = "dftd3.dat"


class ElementKind(NamedTuple):
    """What stands for the atoms of an element, by the names that CP2K's data files have for it."""

    symbol: str
    basis: str
    potential: str
    electrons: int
    """Of the valence of one neutral atom."""


def data_folder(named: str | None, program: str) -> Path:
    """The folder of CP2K's data: the named one, `CP2K_DATA_DIR`, or that of a package. Raises `ConfigError`."""
    if named is not None:
        places = [Path(named).expanduser()]
    elif "CP2K_DATA_DIR" in os.environ:
        places = [Path(os.environ["CP2K_DATA_DIR"])]
    else:
        found = shutil.which(program)
        # Where conda and where CP2K's own installation put it, from the program's folder, and where Debian does.
        near = [] if found is None else [Path(found).resolve().parent.parent / name for name in ("share/cp2k", "data")]
        places = [*(folder / "data" for folder in near[:1]), *near, Path("/usr/share/cp2k")]
    for place in places:
        if (place / DISPERSION_FILE).is_file():
            return place.resolve()
    raise ConfigError(
        f"CP2K's data are not there: no {DISPERSION_FILE} in {', '.join(map(str, places))}. Name the folder that holds "
        "BASIS_MOLOPT and GTH_POTENTIALS: options `data`, or CP2K_DATA_DIR (Debian: apt-get install cp2k-data)."
    )


class AtomicData(NamedTuple):
    """Names of one file: element -> number of valence electrons -> name; what is called otherwise is left aside."""

    file: Path
    wanted: str
    names: Mapping[str, Mapping[int, str]]


def read_names(file: Path, wanted: str) -> AtomicData:
    """The entries of a data file of CP2K that are called `wanted`: a line each, `Si GTH-PBE-q4 GTH-PBE`.

    Raises `ConfigError` where the file cannot be read or has none of that name.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read CP2K's {file}: {error.strerror}. Its folder is the option `data`.") from error
    found: dict[str, dict[int, str]] = {}
    for line in lines:
        symbol, *names = line.split() or [""]
        if not symbol.isalpha():
            continue
        electrons = next((int(match[1]) for name in names if (match := _ELECTRONS.search(name))), None)
        if electrons is not None:
            exact = f"{wanted}-q{electrons}"
            name = next((one for one in (exact, wanted) if one in names), None)
            if name is not None:
                found.setdefault(symbol.capitalize(), {})[electrons] = name
    if not found:
        raise ConfigError(f"{file} has nothing called {wanted}, for no element.")
    return AtomicData(file=file, wanted=wanted, names=found)


def kinds_of(symbols: Iterable[str], basis: AtomicData, potential: AtomicData) -> tuple[ElementKind, ...]:
    """One kind for each element. Raises `ConfigError` for an element that has no basis set, potential, or pair."""
    kinds = []
    for symbol in sorted(set(symbols)):
        for data in (basis, potential):
            if symbol not in data.names:
                raise ConfigError(
                    f"{data.file} has no {data.wanted} for {symbol}, only for {' '.join(sorted(data.names))}. Name "
                    "another with the options `basis`, `basis_file`, `potential`, `potential_file`."
                )
        both = basis.names[symbol].keys() & potential.names[symbol].keys()
        if not both:
            raise ConfigError(
                f"{symbol}: {basis.wanted} is for {_listed(basis.names[symbol])} electrons, {potential.wanted} for "
                f"{_listed(potential.names[symbol])}. Name a pair with the options `basis` and `potential`."
            )
        electrons = max(both)
        kinds.append(ElementKind(symbol, basis.names[symbol][electrons], potential.names[symbol][electrons], electrons))
    return tuple(kinds)


def _listed(electrons: Iterable[int]) -> str:
    return " or ".join(map(str, sorted(electrons)))
