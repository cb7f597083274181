"""What VASP's files have in common."""

from collections.abc import Mapping
from typing import Final

from molgun_lmp.training.drops import DropReason
from molgun_lmp.training.reading.found import Unusable
from molgun_lmp.training.settings import Labels

VASP_LABELS: Final = Labels(energy="free_energy", forces="forces")
"""VASP's forces are minus the gradient of the free energy, so that is the energy (not `energy(sigma->0)`)."""

_LEVEL: Final = ("ENCUT", "METAGGA", "LHFCALC", "LDAU", "IVDW")
_FUNCTIONAL_OF_POTCAR: Final = {"PAW_PBE": "PE", "PAW_GGA": "91", "PAW": "CA"}
_UNSET: Final = "--"


def converged(iterations: int, limit: str | None) -> bool:
    """Whether the electronic loop ended before its limit NELM.

    VASP 5 writes `aborting loop because EDIFF is reached` also where only NELM was, so its sentence decides nothing; a
    step that converges in its very last iteration counts as unconverged.
    """
    return limit is None or iterations < int(limit)


def not_converged(step: int, iterations: int) -> Unusable:
    """An ionic step whose electronic loop reached NELM."""
    detail = f"ionic step {step} ended at the limit of {iterations} electronic steps (NELM)"
    return Unusable(reason=DropReason.SCF_NOT_CONVERGED, detail=detail)


def vasp_level(settings: Mapping[str, str], potentials: Mapping[str, str]) -> dict[str, str]:
    """What must be equal in all runs of one level of theory, as far as this file says.

    `settings` are INCAR tags as text; `potentials` element -> title of its POTCAR.
    """
    titles = {f"POTCAR {element}": " ".join(title.split()) for element, title in sorted(potentials.items())}
    # vasprun.xml always names the cutoff ENMAX; in an OUTCAR that is the potentials' own.
    known = {**settings, "ENCUT": settings.get("ENCUT", settings.get("ENMAX", ""))}
    level = {tag: _plain(known[tag]) for tag in _LEVEL if known.get(tag)}
    functional = settings.get("GGA", _UNSET)
    if functional == _UNSET:
        families = {title.split()[0] for title in titles.values() if title}
        functional = ", ".join(sorted(_FUNCTIONAL_OF_POTCAR.get(family, family) for family in families))
    return {"GGA": functional, **level, **titles}


def _plain(text: str) -> str:
    """`400.00000000` and `400.0` are one cutoff, `.TRUE.` and `T` one answer, `--` and `F` no meta-GGA."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return {".TRUE.": "T", ".FALSE.": "F", _UNSET: "F", "NONE": "F"}.get(text.upper(), text.upper())
