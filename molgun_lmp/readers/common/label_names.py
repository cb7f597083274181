"""Names of labels: which energy and which forces belong together, and which of them are a model's own answers."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_ENERGY: Final = re.compile(r"^(?P<before>.*?)(?P<free>free_)?energy(?P<after>.*)$", re.IGNORECASE)
_FORCES: Final = re.compile(r"^(?P<before>.*?)forces?(?P<after>.*)$", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NO_LABELS: Final = frozenset(
    {"std", "stdev", "var", "variance", "err", "error", "errors", "uncertainty", "diff", "delta"}
)
_OF_MODELS: Final = frozenset(
    {
        *("mace", "nequip", "allegro", "gap", "ace", "pace", "chgnet", "orb", "sevenn", "sevennet", "mattersim", "uma"),
        *("alphanet", "dpa", "grace", "pet", "upet", "fairchem", "esen", "equiformer", "alignn", "gnet"),  # M3GNet
        *("schnet", "painn", "ani", "dp", "deepmd", "mlip", "mlff", "mlp", "ml", "nnp", "nn", "model", "committee"),
        *("pred", "preds", "predicted", "prediction", "predictions", "ensemble"),
    }
)
_MODEL: Final = "arch"
_OWN: Final = "_of_model"
"""What `molgun evaluate` writes beside the labels, and never takes for them."""


def pairs_of_names(energies: Iterable[str], forces: Iterable[str]) -> list[tuple[str, str]]:
    """Keys of an energy and of forces that differ in that word alone: what stands before and after it is the same.

    Such as REF_energy with REF_forces, energy_dft with forces_dft. Where a program reports both, its free energy is
    meant, not its energy at zero smearing: forces are minus the gradient of the free energy.
    """
    of_forces = {_around(found): key for key in forces if (found := _FORCES.match(key))}
    of_energies: dict[tuple[str, str], str] = {}
    for key in energies:
        found = _ENERGY.match(key)
        if found and (found["free"] or _around(found) not in of_energies):
            of_energies[_around(found)] = key
    return [
        (key, of_forces[around])
        for around, key in of_energies.items()
        if around in of_forces and around[1] != _OWN and not _words(*around) & _NO_LABELS
    ]


def is_of_model(energy_key: str, header: Mapping[str, object]) -> bool:
    """Whether a model's answers are called so, such as MACE_energy: no labels, unless somebody says that they are.

    Nor are a plain `energy` and its forces where the frame's header names a model: janus-core writes `arch=mace_mp`
    beside what that has answered (https://stfc.github.io/janus-core).
    """
    found = _ENERGY.match(energy_key)
    words = _words(found["before"], found["after"]) if found else frozenset()
    plain = found is not None and _around(found) == ("", "")
    return (
        bool(words & _OF_MODELS)
        or any(word.startswith("mace") for word in words)
        or (plain and isinstance(header.get(_MODEL), str))
    )


def _around(found: re.Match[str]) -> tuple[str, str]:
    return found["before"].lower(), found["after"].lower()


def _words(*parts: str) -> frozenset[str]:
    return frozenset(word.lower() for part in parts for word in _WORD.findall(part))
