"""`molgun init` for a system of the user's own: a campaign file that plans, with the structures that it starts from."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any, Final

import yaml
from ase import Atoms

from molgun_lmp.atomic_files import folder_whole
from molgun_lmp.config import (
    Campaign,
    NamedStart,
    Section,
    Si001Start,
    SmilesStart,
    StructureFile,
    SurfaceStart,
)
from molgun_lmp.config.loading import validated
from molgun_lmp.engine.potential_styles import POTENTIAL_STYLES
from molgun_lmp.engine.stock import find_potential, stock_potential
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.builders import build_molecule, build_slab
from molgun_lmp.gun.cell import campaign_cell
from molgun_lmp.gun.equilibration_deck import equilibration_frozen, equilibration_types
from molgun_lmp.surface.clean_surface import find_surface

_FILE_NAME: Final = "campaign.yaml"
_SURFACE: Final = re.compile(
    r"(?P<kind>[a-z]+\d*):(?P<element>[A-Z][a-z]?):(?P<n>\d+)x(?P<m>\d+)x(?P<layers>\d+)(:(?P<a>\d+(\.\d+)?))?"
)
_SMILES: Final = "smiles:"
_FROZEN: Final = 2
_THICK: Final = 4
"""Layers from which on the lowest are frozen unless told otherwise."""
_PICOSECONDS: Final = 4.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewSystem:
    """What a user says of a new system.

    `slab`: a structure file, or a surface such as fcc111:Cu:4x4x5 (with its lattice constant: fcc111:Cu:4x4x5:3.615);
    `molecule`: a structure file, an atom or molecule by name, or `smiles:...`; `potential`: STYLE:FILE for the engine
    `stock`, or None for a MACE model in `model/`; `frozen_layers` None: two of a thick slab, none of a thin one.
    """

    slab: str
    molecule: str
    potential: str | None = None
    frozen_layers: int | None = None
    temperature_k: float = 300.0


def write_new_system(system: NewSystem, folder: Path) -> list[Path]:
    """Write the folder; the files that were made, relative to it.

    Structures are built, and a potential read, before anything is written. Raises `ConfigError`, `GeometryError` or
    `InputFileError` for what cannot be built, and `CampaignError` for a folder that exists or cannot be written.
    """
    if folder.exists():
        raise CampaignError(f"{folder} exists already: name a new folder, and nothing of yours is overwritten.")
    given = [Path(text) for text in (system.slab, system.molecule) if Path(text).is_file()]
    copies = {file.name: file for file in given}
    if len(copies) < len(given):
        raise ConfigError(
            f"slab and molecule are both called {given[0].name}: rename one, they are copied side by side."
        )
    document, slab, molecule = _document(system, folder.name)
    campaign = validated(document, Campaign, where="the new campaign file")
    equilibration_frozen("slab", slab, campaign)  # raises where no layer would be left to move
    elements = equilibration_types(slab, molecule, campaign).elements
    if campaign.engine.kind == "stock":
        stock_potential(campaign.engine, elements, (Path.cwd(),))
        name = campaign.engine.commands[-1].split()[-1]
        if Path(name).is_file():
            copies[Path(name).name] = Path(name)
            document["engine"]["commands"][-1] = f"pair_coeff * * {Path(name).name}"
    try:
        with folder_whole(folder) as work:
            for name, source in copies.items():
                shutil.copyfile(source, work / name)
            (work / _FILE_NAME).write_text(_text(system, document), encoding="utf-8")
    except OSError as error:
        raise CampaignError(f"cannot write {folder}: {error}. Name a folder where you may write.") from error
    return [Path(_FILE_NAME), *(Path(name) for name in copies)]


def _document(system: NewSystem, name: str) -> tuple[dict[str, Any], Atoms, Atoms]:
    slab_start, molecule_start = _slab_start(system.slab), _molecule_start(system.molecule)
    slab, molecule = build_slab(slab_start, Path.absolute), build_molecule(molecule_start, Path.absolute)
    campaign_cell(slab.cell[:], float(slab.cell[2, 2]))
    layers = find_surface(slab).n_layers
    frozen = system.frozen_layers
    if frozen is None:
        frozen = _FROZEN if layers >= _THICK else 0
    # Light atoms need short steps.
    timestep_fs = 0.5 if 1 in {*slab.numbers.tolist(), *molecule.numbers.tolist()} else 1.0
    document: dict[str, Any] = {
        "name": re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-") or "campaign",
        "seed": 24,
        "trajectories": 100,
        "system": {
            "slab": {"pool": "pools/slab.extxyz", "start": _beside(slab_start), "frozen_layers": frozen},
            "molecule": {"pool": "pools/molecule.extxyz", "start": _beside(molecule_start)},
            "equilibration": {
                "temperature_k": system.temperature_k,
                "runs": 4,
                "duration_ps": 12,
                "burn_in_ps": 4,
                "snapshot_every_ps": 0.5,
            },
        },
    }
    if system.potential is None:
        document["model"] = {"folder": "model"}
    else:
        document["engine"] = {"kind": "stock", "commands": _commands(system.potential)}
    document["gun"] = {
        "start": {"kind": "height", "angstrom": 12},
        "orientation": "random",
        "kick": {"kind": "fixed_energy", "energy_ev": 0.2},
        "skip_free_flight": True,
    }
    document["dynamics"] = {
        "timestep_fs": timestep_fs,
        "steps": round(_PICOSECONDS * 1000 / timestep_fs),
        "dump_every_steps": round(10 / timestep_fs),
    }
    document["outcomes"] = {"scheme": "general"}
    return document, slab, molecule


def _beside(start: Section) -> dict[str, Any]:
    """What the campaign file says of a start; a structure's file lies beside it."""
    said = start.model_dump(mode="json", exclude_unset=True)
    return said | {"path": Path(said["path"]).name} if "path" in said else said


def _slab_start(text: str) -> StructureFile | Si001Start | SurfaceStart:
    if Path(text).is_file():
        return StructureFile(kind="file", path=Path(text))
    found = _SURFACE.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"--slab {text!r} is neither a file nor a surface such as fcc111:Cu:4x4x5 (kind, element, cells and "
            "layers, and after another colon the lattice constant in Å)."
        )
    start: dict[str, Any] = {"kind": found["kind"], "size": [int(found["n"]), int(found["m"])]}
    start["layers"] = int(found["layers"])
    if found["a"]:
        start["lattice_constant_angstrom"] = float(found["a"])
    if found["kind"] == "si001":
        return validated(start, Si001Start, where=f"--slab {text}")
    return validated(start | {"element": found["element"]}, SurfaceStart, where=f"--slab {text}")


def _molecule_start(text: str) -> StructureFile | SmilesStart | NamedStart:
    if Path(text).is_file():
        return StructureFile(kind="file", path=Path(text))
    if text.startswith(_SMILES):
        return SmilesStart(kind="smiles", smiles=text.removeprefix(_SMILES))
    return NamedStart(kind="named", name=text)


def _commands(potential: str) -> list[str]:
    style, colon, file = potential.partition(":")
    row = POTENTIAL_STYLES.get(style)
    if row is None or not colon or row.files != 1 or row.per_type:
        known = [name for name, style in POTENTIAL_STYLES.items() if style.files == 1 and not style.per_type]
        raise ConfigError(
            f"--potential {potential!r}: expected STYLE:FILE with one of {', '.join(known)}. Any other potential is "
            "written into the campaign file (engine.commands)."
        )
    find_potential(file, (Path.cwd(),))
    arguments = " 3.0 1 1" if style == "airebo" else ""
    return [f"pair_style {style}{arguments}", f"pair_coeff * * {file}"]


def _text(system: NewSystem, document: dict[str, Any]) -> str:
    """The file, under a head that says what to do with it."""
    head = [
        f"# {system.molecule} fired at {system.slab}. Written by `molgun init`; `molgun schema` explains every key.",
        "#   molgun equilibrate campaign.yaml && molgun plan campaign.yaml",
    ]
    if system.potential is None:
        head.append("# The forces are those of the MACE model in model/, as `molgun export` writes it.")
    else:
        head.append("# Read what the potential was made for before its numbers are believed.")
    return "\n".join(head) + "\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
