"""Targets: the LAMMPS builds that decks can be sent to. Each is one small file, as is a target of the user's own.

A deck knows its engine only through the file `engine.in` that it includes, so its text is the same for every target.
The syntax of the pair styles is that of their own documentation and sources: https://mace-docs.readthedocs.io (ML-MACE
and ML-IAP), https://github.com/wcwitt/symmetrix (pair_symmetrix), https://docs.lammps.org/pair_mliap.html.
"""

import datetime
import itertools
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from ase.data import atomic_numbers
from pydantic import Field

from molgun_lmp.config import Dispersion
from molgun_lmp.config.loading import load_section
from molgun_lmp.config.section import Section
from molgun_lmp.engine.plugin_path import PLUGIN_NAME
from molgun_lmp.errors import ConfigError, ModelError
from molgun_lmp.model_formats import Dtype, ExportedFormat
from molgun_lmp.models.card import ModelCard, check_elements
from molgun_lmp.shipped_templates import templates_folder

_DECKS_OWN: Final = [
    "units",
    "atom_style",
    "atom_modify",
    "newton",
    "boundary",
    "box",
    "read_data",
    "read_restart",
    "clear",
    "group",
    "fix",
    "unfix",
    "timestep",
    "run",
    "minimize",
    "velocity",
    "dump",
    "restart",
    "thermo",
    "timer",
    "log",
    "quit",
]
"""Commands that the deck gives before or after its include: a second one would undo it or be refused by LAMMPS."""
_OURS: Final = frozenset({"-in", "-i", "-log", "-l", "-screen", "-sc", "-var", "-v", "-partition", "-p"})
"""Options of LAMMPS that the job script gives."""
_PLUGINS: Final = "LAMMPS_PLUGIN_PATH="
_RANKS: Final = re.compile(r"-n|-np|--np|--ntasks|-N")


class LammpsTarget(Section):
    """One kind of LAMMPS."""

    summary: str
    model: ExportedFormat | None = None
    """The format of the model file that its pair style reads; none for stock potentials."""
    dtypes: tuple[Dtype, ...] = ("float32", "float64")
    """What the pair style computes in."""
    launch: Annotated[str, Field(min_length=1)] = "lmp"
    """The command before `-in`; words are quoted as in a shell, nothing in them is expanded."""
    gpu: bool = False
    """Whether a job asks for a GPU."""
    dispersion: bool = True
    """Whether that LAMMPS has pair style dispersion/d3, which `model.dispersion` needs (LAMMPS of February 2025 on)."""
    not_before: datetime.date | None = None
    """The first date of a LAMMPS that computes right with it; None: any that has its styles."""
    not_before_because: str = ""
    """What is wrong before that, as a sentence."""
    include: Annotated[str, Field(min_length=1)] | None = None
    """The text of engine.in: `{{ model_file }}` and `{{ elements }}` are filled in, the model lies in
    `${root}/model/`, other `files` in `${root}/`. None: the campaign's own, with the potentials beside it, for
    campaigns of the engine `stock`."""
    plugin: bool = False
    """Whether its `pair_style mace` is this project's plug-in (`molgun_lmp.engine.plugin_elsewhere`), which has no
    variant for KOKKOS, in a LAMMPS without ML-MACE. It goes without saying where `launch` sets LAMMPS_PLUGIN_PATH, or
    the include loads the plug-in or gives the pair style a word that only ours takes (`threads`, `device`)."""
    files: tuple[Path, ...] = ()
    """More files that the include reads, relative to the target file."""
    notes: tuple[str, ...] = ()
    """What a user of the target should know."""

    @property
    def command(self) -> list[str]:
        """The words of `launch`. Raises `ConfigError` for an unclosed quote."""
        try:
            return shlex.split(self.launch)
        except ValueError as error:
            raise ConfigError(f"launch: {self.launch!r} is no command line: {error}.") from error

    @property
    def loads_plugins(self) -> bool:
        """Whether it takes a style from a plug-in: this project's pair style, or one of its own."""
        return (
            self.plugin
            or any(word.startswith(_PLUGINS) for word in self.command)
            or re.search(r"^\s*plugin\s+load\s", self.include or "", re.MULTILINE) is not None
        )


def target_names() -> tuple[str, ...]:
    """The targets that come with this package."""
    return tuple(sorted(file.stem for file in (templates_folder() / "targets").glob("*.yaml")))


def load_target(name: str) -> LammpsTarget:
    """A target by its name, or by the path of a file of the user's own. Raises `ConfigError`."""
    if name in target_names():
        return load_section(templates_folder() / "targets" / f"{name}.yaml", LammpsTarget)
    if not name.endswith((".yaml", ".yml")):
        raise ConfigError(
            f"there is no target {name!r}: there are {', '.join(target_names())}. For another LAMMPS write a target "
            "file and name it (it ends in .yaml)."
        )
    return load_section(Path(name), LammpsTarget, what="a target file")


def target_include(target: LammpsTarget, *, model_file: str, elements: Sequence[str]) -> str:
    """The text of engine.in, one chemical symbol for each atom type. Raises `ConfigError`."""
    unknown = [symbol for symbol in elements if atomic_numbers.get(symbol, 0) == 0]
    if unknown or not elements:
        raise ConfigError(f"each atom type needs a chemical symbol; these are {', '.join(elements) or 'none'}.")
    from molgun_lmp.rendering import render_text  # noqa: PLC0415 - Jinja, for which no worker should wait

    return render_text(target.include or "", {"model_file": model_file, "elements": " ".join(elements)})


def check_target(target: LammpsTarget, dtype: Dtype, dispersion: Dispersion | None = None) -> None:
    """Refuse what would end in an error of LAMMPS or in wrong forces. Raises `ConfigError`: what to change.

    `dispersion` is the correction that is laid over the model.
    """
    if dtype not in target.dtypes:
        raise ConfigError(
            f"the model of this campaign is to be computed in {dtype}, and this target computes in "
            f"{' or '.join(target.dtypes)} only ({target.summary}). Plan the campaign with `model.dtype: "
            f"{target.dtypes[0]}`, or take another target."
        )
    if dispersion is not None and not target.dispersion:
        raise ConfigError(
            f"model.dispersion needs LAMMPS's pair style dispersion/d3, and this target's LAMMPS is older than that "
            f"style ({target.summary}). Take another target, or plan the campaign without model.dispersion."
        )
    _check_include(target.include or "")
    _check_launch(target)
    if dtype == "float32" and _uses_mace_kk(target):
        raise ConfigError(
            "launch: pair_style mace/kk of ML-MACE hands a float32 model its double-precision arrays, and the energies "
            "are wrong without an error. Plan the campaign with `model.dtype: float64`, or leave the suffix kk out. If "
            "that LAMMPS has this project's plug-in and no ML-MACE, say so in the target: `plugin: true`."
        )


def check_model(
    target: LammpsTarget,
    card: ModelCard,
    dtype: Dtype,
    elements: Sequence[str],
    dispersion: Dispersion | None = None,
) -> None:
    """Refuse a model that the target cannot read. Raises `ConfigError` or `ModelError`: what to export or change."""
    check_target(target, dtype, dispersion)
    if target.include is None and card.files:
        raise ConfigError(f"this target has no pair style for a model ({target.summary}): take another one.")
    if target.model is not None:
        if not card.files:
            raise ConfigError("this campaign has a potential of LAMMPS's own and no model: take the target `stock`.")
        check_elements(card, elements)
        file = card.find(target.model, dtype)
        if missing := sorted(set(elements) - set(file.elements or elements)):
            raise ModelError(
                f"{file.name} of model {card.name!r} holds {', '.join(file.elements or ())}, and not "
                f"{', '.join(missing)}: export it again on frames of all elements of the system (`molgun export "
                "--frames`)."
            )


def targets_that_take(
    card: ModelCard, dtype: Dtype, elements: Sequence[str], dispersion: Dispersion | None = None
) -> str:
    """One sentence: which of the package's targets can be sent this model, and why the others cannot."""
    taken, left = [], []
    for name in target_names():
        target = load_target(name)
        if target.include is None:
            continue  # for campaigns without a model
        try:
            check_model(target, card, dtype, elements, dispersion)
        except ConfigError:
            why = (
                "no dispersion/d3 there" if dtype in target.dtypes else f"computes in {' or '.join(target.dtypes)} only"
            )
            left.append(f"{name} ({why})")
        except ModelError:
            left.append(f"{name} (no {target.model} file in {dtype})")
        else:
            taken.append(name)
    what = f"`molgun cluster` can send this campaign to {', '.join(taken)}" if taken else "No cluster target takes it"
    return f"{what}{'; not to ' if taken and left else ': ' if left else ''}{', '.join(left)}."


def uses_kokkos(target: LammpsTarget) -> bool:
    """Whether a target's command or include gives styles the suffix of KOKKOS."""
    given = re.search(r"-(sf|suffix) kk\b", " ".join(target.command))
    return given is not None or re.search(r"^\s*suffix\s+kk\b", target.include or "", re.MULTILINE) is not None


def _check_include(text: str) -> None:
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in _DECKS_OWN:
            raise ConfigError(
                f"include: `{line.strip()}` belongs to the deck, which says it before or after. The include holds "
                "pair_style and pair_coeff, and what they need."
            )


def _uses_mace_kk(target: LammpsTarget) -> bool:
    """Whether the target's LAMMPS would take ML-MACE's style for KOKKOS, which this project's plug-in does not have."""
    text = target.include or ""
    style = re.search(
        r"^[ \t]*pair_style[ \t]+(?:hybrid\S*[ \t]+(?:.*[ \t])?)?mace(/kk)?(?:[ \t]+(.*))?$",
        text,
        re.MULTILINE,
    )
    if style is None:
        return False
    if style[1]:
        return True
    before = re.findall(r"^\s*suffix\s+(on|off|kk)\b", text[: style.start()], re.MULTILINE)
    if not uses_kokkos(target) or (before and before[-1] == "off"):
        return False
    loaded = re.search(rf"^\s*plugin\s+load\s.*{re.escape(PLUGIN_NAME)}", text, re.MULTILINE)
    ours = {"threads", "device"} & set((style[2] or "").split())
    return not (target.plugin or loaded or ours or any(word.startswith(_PLUGINS) for word in target.command))


def _check_launch(target: LammpsTarget) -> None:
    command = target.command
    if not command:
        raise ConfigError("launch: the command is empty; it is `lmp`, or what starts LAMMPS there.")
    given = [word for word in command if word in _OURS]
    # A launcher's own options stand before LAMMPS's, and mpirun has a -l and a -c too: only what LAMMPS reads counts.
    if given and "mpirun" not in command[0] and "srun" not in command[0]:
        raise ConfigError(f"launch: {given[0]} is given by the job script; leave it out.")
    words = " ".join(command)
    if uses_kokkos(target):
        if not re.search(r"\bnewton on\b", words):
            raise ConfigError(
                "launch: the pair styles of MACE need `newton on`, which Kokkos switches off on GPUs. Write "
                "`-pk kokkos newton on neigh half`."
            )
        if not re.search(r"\bneigh half\b", words):
            raise ConfigError(
                "launch: Kokkos refuses `newton on` with its full neighbour lists. Write `-pk kokkos newton on neigh "
                "half`; a pair style that needs a full list asks for one itself."
            )
    ranks = [int(b) for a, b in itertools.pairwise(command) if _RANKS.fullmatch(a) and b.isdecimal()]
    if max(ranks, default=1) > 1 and "no_domain_decomposition" in (target.include or ""):
        raise ConfigError(
            f"launch: {max(ranks)} ranks for one structure, and the include says no_domain_decomposition, which is for "
            "one. Small structures run best one by one: leave the ranks out, and let more trajectories run at a time."
        )
