"""What VASP's files have in common."""

from collections.abc import Mapping
from typing import Final

from ase.data import atomic_numbers

from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame, Labels, Unusable

VASP_LABELS: Final = Labels(energy="free_energy", forces="forces")
"""VASP's forces are minus the gradient of the free energy, so that is the energy (not `energy(sigma->0)`)."""

_LEVEL: Final = ("ENCUT", "METAGGA", "LHFCALC", "LDAU", "IVDW")
_FUNCTIONAL_OF_POTCAR: Final = {"PAW_PBE": "PE", "PAW_GGA": "91", "PAW": "CA"}
_FUNCTIONALS: Final = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "RE": "revPBE", "91": "PW91", "CA": "LDA"}
_DISPERSIONS: Final = {
    **{"0": "", "1": "-D2", "10": "-D2", "11": "-D3", "12": "-D3(BJ)", "13": "-D4"},
    **{"2": "-TS", "20": "-TS", "4": "-dDsC", "202": "-MBD"},
}
_UNSET: Final = "--"
_CUT_SYMBOLS: Final = {"X": "Xe", "r": "Zr"}


def converged(iterations: int, limit: str | None) -> bool:
    """Whether the electronic loop ended before its limit NELM.

    VASP 5 writes `aborting loop because EDIFF is reached` also where only NELM was, so its sentence decides nothing; a
    step that converges in its very last iteration counts as unconverged.
    """
    return limit is None or iterations < int(limit)


def not_converged(step: int, iterations: int, structure: FoundFrame | None) -> Unusable:
    """An ionic step whose electronic loop reached NELM."""
    detail = f"ionic step {step} ended at the limit of {iterations} electronic steps (NELM)"
    return Unusable(reason=DropReason.SCF_NOT_CONVERGED, detail=detail, structure=structure)


def vasp_timestep_fs(settings: Mapping[str, str]) -> float | None:
    """From one step that is written to the next, in molecular dynamics (IBRION = 0); None for anything else.

    POTIM, where each step is written. A run of a force field alone writes every ML_OUTBLOCK-th to vasprun.xml and
    OUTCAR (https://www.vasp.at/wiki/ML_OUTBLOCK), versions before 6.4.3 every NBLOCK-th table of forces.
    """
    try:
        potim = float(settings["POTIM"]) if settings.get("IBRION") == "0" else None
    except (KeyError, ValueError):
        return None
    if potim is None or not _is_force_field_alone(settings):
        return potim
    return potim * max(_count(settings.get("ML_OUTBLOCK")), _count(settings.get("NBLOCK")))


def _is_force_field_alone(settings: Mapping[str, str]) -> bool:
    if _plain(settings.get("ML_LMLFF", "T")) != "T":
        return False
    mode = settings.get("ML_MODE", "").strip("'\" ").upper()
    return mode == "RUN" or (not mode and settings.get("ML_ISTART") == "2")


def _count(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else 1


def element_of(name: str) -> str | None:
    """The element that a potential's name begins with, such as `Ti_sv_GW` or `H1.25`; None where it begins with none.

    VASP writes X for Xe and r for Zr to vasprun.xml.
    """
    word = _CUT_SYMBOLS.get(name, name)
    return next((word[:length] for length in (2, 1) if word[:length] in atomic_numbers and word[:length] != "X"), None)


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


def level_in_words(level: Mapping[str, str]) -> str:
    """What `vasp_level` found as one would say it, such as `PBE-D3(BJ), VASP, 400 eV`; empty for nothing."""
    if not level.get("GGA"):
        return ""
    functional = _FUNCTIONALS.get(level["GGA"], level["GGA"])
    meta = level.get("METAGGA", "F")
    method = functional if meta == "F" else meta
    method = f"hybrid of {method}" if level.get("LHFCALC", "F") == "T" else method
    method += "+U" if level.get("LDAU", "F") == "T" else ""
    dispersion = level.get("IVDW", "0")
    method += _DISPERSIONS.get(dispersion, f" with IVDW {dispersion}")
    return ", ".join([method, "VASP", *([f"{level['ENCUT']} eV"] if level.get("ENCUT") else [])])


def _plain(text: str) -> str:
    """`400.00000000` and `400.0` are one cutoff, `.TRUE.` and `T` one answer, `--` and `F` no meta-GGA."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return {".TRUE.": "T", ".FALSE.": "F", _UNSET: "F", "NONE": "F"}.get(text.upper(), text.upper())
