"""A campaign file with its pools and a model folder, as small as the tests need."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from molgun_lmp.gun.pools import Pool
from molgun_lmp.models.card import Architecture, Licences, ModelCard, ModelFile, write_card
from molgun_lmp.provenance import sha256_file

ELEMENTS = ("H", "C", "Si")


def write_model(
    folder: Path, content: bytes | Path = b"no model", elements: tuple[str, ...] = ELEMENTS, mace: Path | None = None
) -> ModelCard:
    """A model folder with one TorchScript file in float64, mace's own where one is given, and its card; cutoff 4 Å."""
    folder.mkdir(parents=True)
    file = folder / "model.pt"
    if isinstance(content, Path):
        shutil.copyfile(content, file)
    else:
        file.write_bytes(content)
    own = () if mace is None else (Path(shutil.copyfile(mace, folder / "model.model")),)
    card = ModelCard(
        name="tiny",
        elements=elements,
        head="Default",
        level_of_theory="none (untrained)",
        architecture=Architecture(
            hidden_irreps="16x0e", max_ell=3, num_interactions=2, r_max_angstrom=4.0, parameters=1
        ),
        e0s_ev=dict.fromkeys(elements, 0.0),
        e0s_kind="given",
        training=None,
        errors=(),
        parity=(),
        not_exported={},
        licences=Licences(),
        files=(
            ModelFile(
                name=file.name,
                format="torchscript",
                dtype="float64",
                sha256=sha256_file(file),
                size_bytes=file.stat().st_size,
            ),
            *(
                ModelFile(
                    name=one.name, format="mace", dtype=None, sha256=sha256_file(one), size_bytes=one.stat().st_size
                )
                for one in own
            ),
        ),
        versions={},
        created="2026-11-22T12:00:00+00:00",
    )
    write_card(card, folder)
    return card


def write_campaign_file(folder: Path, slab: Pool, molecule: Pool, sections: Mapping[str, Any]) -> Path:
    """`campaign.yaml` with copies of the pools beside it; the model is expected in `model/`."""
    folder.mkdir(parents=True, exist_ok=True)
    for pool in (slab, molecule):
        shutil.copyfile(pool.source, folder / pool.source.name)
    document = {
        "name": "small",
        "seed": 24,
        "trajectories": 4,
        "system": {
            "slab": {"pool": slab.source.name},
            "molecule": {"pool": molecule.source.name, "groups": {"CY": [7, 8], "ET": [0, 1]}},
        },
        "model": {"folder": "model", "dtype": "float64"},
        "gun": {"skip_free_flight": True, "kick": {"kind": "thermal_all_atoms"}},
    }
    for key, value in sections.items():
        below = document.get(key)
        document[key] = {**below, **value} if isinstance(below, dict) else value
    file = folder / "campaign.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def dumps(campaign: Path) -> dict[str, bytes]:
    """Trajectory id -> bytes of the dump that counts."""
    found = {}
    for result in sorted(campaign.glob("trajectories/*/*/result.json")):
        attempt = json.loads(result.read_text())["attempt"]
        found[result.parent.name] = (result.parent / f"run-{attempt}" / "traj.dump").read_bytes()
    return found
