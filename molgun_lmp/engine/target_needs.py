"""What decks and a target ask of a LAMMPS, held against what one was built with: pure functions."""

import re
from typing import Final

from molgun_lmp.config import Dispersion
from molgun_lmp.engine.lammps_build import LammpsBuild
from molgun_lmp.engine.targets import LammpsTarget, uses_kokkos

_OF_A_DECK: Final = re.compile(r"^(fix|compute|dump)[ \t]+\S+[ \t]+\S+[ \t]+(\S+)", re.MULTILINE)
_SUBSTYLE: Final = re.compile(r"^[ \t]*pair_coeff[ \t]+\S+[ \t]+\S+[ \t]+([A-Za-z]\S*)", re.MULTILINE)
"""What the coefficients of a hybrid pair style are of: its third word."""
_PAIR: Final = re.compile(r"^[ \t]*pair_style[ \t]+(\S+)(?:[ \t]+(\S+))?", re.MULTILINE)
_GPUS: Final = frozenset({"cuda", "hip", "sycl", "openmptarget"})
_HOW_TO_GET: Final = {
    "mace": "build it with the package ML-MACE (https://mace-docs.readthedocs.io)",
    "mliap": "build it with the package ML-IAP (-D PKG_ML-IAP=on -D MLIAP_ENABLE_PYTHON=on)",
    "symmetrix/mace": "build it with symmetrix's pair style (https://github.com/wcwitt/symmetrix)",
}
"""Pair style -> what gives it to a LAMMPS."""


def target_obstacle(
    target: LammpsTarget, build: LammpsBuild, *, dispersion: Dispersion | None = None, deck: str = ""
) -> str | None:
    """Why a LAMMPS cannot run what is written for a target, and what to do, as one sentence; None where it can.

    `dispersion` is the correction laid over the model, `deck` the text of one deck. A target without an include of its
    own is asked with the campaign's (`with_include`). A plug-in that gives a style is not
    seen in what LAMMPS says of itself: for a target that loads one the package PLUGIN has to do.
    """
    return (
        _too_old(target, build)
        or _without_kokkos(target, build)
        or _without_plugin(target, build)
        or _without_pair_style(target, build)
        or _without_dispersion(dispersion, build)
        or _without_styles(deck, build)
    )


def with_include(target: LammpsTarget, include: str) -> LammpsTarget:
    """The target with a campaign's engine.in, where it has none of its own."""
    return target if target.include is not None else target.model_copy(update={"include": include})


def styles_of(deck: str) -> set[tuple[str, str]]:
    """The fixes, computes and dumps that a deck uses, such as ("fix", "langevin")."""
    return set(_OF_A_DECK.findall(deck))


def pair_styles_of(include: str) -> list[str]:
    """The pair style that an include names, and, where that is a hybrid, those that it is made of."""
    found = _PAIR.search(include)
    if found is None:
        return []
    within = _SUBSTYLE.findall(include) if found[1].startswith("hybrid") else []
    return list(dict.fromkeys([found[1], *(style for style in within if style != "none")]))


def _too_old(target: LammpsTarget, build: LammpsBuild) -> str | None:
    if target.not_before is None or build.released >= target.not_before:
        return None
    return (
        f"it is of {build.version}, and this target needs one of {target.not_before:%d %b %Y} or later: "
        f"{target.not_before_because}"
    )


def _without_kokkos(target: LammpsTarget, build: LammpsBuild) -> str | None:
    asked = re.search(r"-(?:k|kokkos) on\b(.*)", " ".join(target.command))
    if asked is None:
        return None
    if "KOKKOS" not in build.packages:
        return (
            "it has no package KOKKOS, which `launch` switches on (-k on): build it with -D PKG_KOKKOS=on, or take a "
            "target without KOKKOS."
        )
    if re.search(r"\bg [1-9]", asked[1]) and not _GPUS & {backend.lower() for backend in build.backends}:
        return (
            f"its KOKKOS computes with {' and '.join(build.backends) or 'nothing that it names'}, and `launch` asks "
            "for a GPU (-k on g): build it with Kokkos_ENABLE_CUDA, or write a target of your own with `-k on t 1`."
        )
    return None


def _without_plugin(target: LammpsTarget, build: LammpsBuild) -> str | None:
    if not target.loads_plugins or "PLUGIN" in build.packages:
        return None
    return (
        "it has no package PLUGIN, with which it would load the pair style: build it with -D PKG_PLUGIN=on, or take "
        "another target."
    )


def _without_pair_style(target: LammpsTarget, build: LammpsBuild) -> str | None:
    include = target.include or ""
    found = _PAIR.search(include)
    if found is None or target.loads_plugins:
        return None
    style, word = found.groups()
    missing = next((name for name in pair_styles_of(include) if not build.has("pair", name)), None)
    if missing is not None:
        return f"it has no pair_style {missing}: {_HOW_TO_GET.get(missing, 'build it with the package that has it')}."
    if target.model is not None and uses_kokkos(target) and not build.has("pair", f"{style}/kk"):
        return (
            f"it has pair_style {style} and no {style}/kk, and would run on the CPU in silence: build it with KOKKOS "
            "and that package together."
        )
    if style == "mliap" and word == "unified" and "PYTHON" not in build.packages:
        return (
            "its ML-IAP has no Python, and reads no model of mace: build it with -D PKG_PYTHON=on -D "
            "MLIAP_ENABLE_PYTHON=on."
        )
    return None


def _without_dispersion(dispersion: Dispersion | None, build: LammpsBuild) -> str | None:
    if dispersion is None or build.has("pair", "dispersion/d3"):
        return None
    return (
        "it has no pair_style dispersion/d3, which model.dispersion needs: take a LAMMPS of February 2025 or later, "
        "built with -D PKG_EXTRA-PAIR=on."
    )


def _without_styles(deck: str, build: LammpsBuild) -> str | None:
    missing = sorted(f"{kind} {style}" for kind, style in styles_of(deck) if not build.has(kind, style))
    return f"it lacks what the decks use ({', '.join(missing)}): take another build." if missing else None
