"""Pools made by real LAMMPS runs under a tiny model: written, resumed, refused, and good enough to be fired."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase.io import write
from campaign_cases import write_campaign_file, write_model
from engine_cases import TinyModel
from rich.console import Console

from molgun_lmp.campaign.launch.equilibrate import equilibrate
from molgun_lmp.config import LoadedCampaign, load_campaign
from molgun_lmp.errors import CampaignError
from molgun_lmp.gun.pools import Pool, read_pool

pytestmark = pytest.mark.engine

SETTINGS = {"runs": 2, "duration_ps": 0.03, "burn_in_ps": 0.01, "snapshot_every_ps": 0.005, "timestep_fs": 0.5}


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_mace: TinyModel,
    slab_pool: Pool,
    molecule_pool: Pool,
    plugin: Path,
) -> LoadedCampaign:
    """A campaign file whose molecule starts from a file and has no pool yet."""
    folder = tmp_path_factory.mktemp("equilibrate")
    write_model(folder / "model", tiny_mace.deployed["float64"])
    file = write_campaign_file(
        folder, slab_pool, molecule_pool, {"engine": {"kind": "mace"}, "stop": {"max_temperature_k": None}}
    )
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    write(folder / "start.xyz", molecule_pool.snapshots[0])
    document["system"]["molecule"] |= {"pool": "new/pool.extxyz", "start": {"kind": "file", "path": "start.xyz"}}
    document["system"]["equilibration"] = SETTINGS
    file.write_text(yaml.safe_dump(document))
    return load_campaign(file)


def make(loaded: LoadedCampaign, *, force: bool = False, accept: bool = True) -> Any:
    """An untrained model lets every molecule come apart: what it makes has to be accepted."""
    return equilibrate(loaded, ["molecule"], workers=1, force=force, accept=accept, console=Console(stderr=True))


def test_a_pool_is_made_once_and_resumed_not_repeated(loaded: LoadedCampaign) -> None:
    with pytest.raises(CampaignError, match=r"no good pool, and none was written: in snapshot molecule-00.*came apart"):
        make(loaded, accept=False)
    assert not (loaded.file.parent / "new/pool.extxyz").exists()
    (made,) = make(loaded)
    assert "came apart" in made.faults[0]
    pool = read_pool(made.file, "molecule")
    assert len(pool) == made.snapshots == 2 * 4, "0.015, 0.020, 0.025 and 0.030 ps of two runs"
    assert len(set(pool.ids)) == 8
    for atoms in pool.snapshots:
        assert np.allclose(atoms.get_momenta().sum(axis=0), 0.0, atol=1e-6), "the centre of mass is at rest"
    assert all(run.mean_temperature_k > 0 and run.correlation_time_ps > 0 for run in made.runs)
    features = ["orientation of the molecule's long axis", "conformer of the molecule's rings"]
    assert [one.feature for one in made.memory] == features
    assert pool.runs == ("0",) * 4 + ("1",) * 4
    json.dumps(made.to_json(), allow_nan=False)

    root = loaded.file.parent / "small.equilibration" / "molecule"
    before = {file: file.stat().st_mtime_ns for file in root.rglob("traj*") if file.is_file()}
    dumps = {file: file.read_bytes() for file in root.rglob("snapshots.dump")}
    (root / "trajectories/0000/000001/result.json").unlink()  # as if it had been interrupted in its second run
    first = made.file.read_bytes()
    again = make(loaded, force=True)[0]
    assert again.snapshots == made.snapshots
    assert again.kept == made.file.with_name("pool-1.extxyz")
    assert again.kept.read_bytes() == first, "no pool is lost"
    assert {file: file.read_bytes() for file in root.rglob("snapshots.dump")} == dumps
    assert {file: file.stat().st_mtime_ns for file in root.rglob("traj*") if file.is_file()} == before


def test_a_pool_from_a_smiles_string_says_which_isomer_and_conformer_it_is(
    loaded: LoadedCampaign, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rdkit")
    start = {"kind": "smiles", "smiles": "CC=CC", "isomer": "any", "conformers": 4}
    document: dict[str, Any] = yaml.safe_load(loaded.file.read_text())
    document["name"] = "butene"
    document["system"]["molecule"] = {"pool": "new/butene.extxyz", "start": start}
    document["system"]["equilibration"]["runs"] = 1
    file = loaded.file.with_name("butene.yaml")
    file.write_text(yaml.safe_dump(document))
    (made,) = make(load_campaign(file))
    words = "the lowest of 4 conformers by MMFF94, all the same; C/C=C\\C 0.05"
    assert made.chosen is not None
    assert made.chosen.startswith(words)
    assert f"molecule: C/C=C/C, {words}" in " ".join(capsys.readouterr().err.split())
    for atoms in read_pool(made.file, "molecule").snapshots:
        assert (atoms.info["smiles"], atoms.info["chosen"]) == ("C/C=C/C", made.chosen)


def test_another_protocol_does_not_mix_with_finished_runs(loaded: LoadedCampaign) -> None:
    hotter = ["system.equilibration.temperature_k=600", "system.molecule.pool=new/hot.extxyz"]
    with pytest.raises(CampaignError, match=r"another protocol.*--force"):
        make(load_campaign(loaded.file, hotter))
