"""`molgun equilibrate --molecule` with `states`: a pool without any run, of the molecule at the model's minimum."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from campaign_cases import write_campaign_file
from rich.console import Console
from spring_model import Springs

import molgun_lmp
from molgun_lmp.campaign.launch import pools_without_runs
from molgun_lmp.campaign.launch.equilibrate import equilibrate
from molgun_lmp.campaign.launch.equilibrated_pool import EquilibratedPool
from molgun_lmp.config import load_campaign
from molgun_lmp.errors import ConfigError
from molgun_lmp.gun.pools import Pool, read_pool

ECCO = Path(molgun_lmp.__file__).parent / "examples" / "ecco-si001" / "ecco.xyz"
STOCK = {"kind": "stock", "commands": ["pair_style lj/cut 4.0", "pair_coeff * * 0.002 1.5"], "cutoff_angstrom": 4}


def test_states_are_drawn_of_the_model_s_own_modes(
    slab_pool: Pool, molecule_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = molecule("H2")
    start = rest.copy()
    start.positions[1, 2] += 0.05
    start.write(tmp_path / "h2.xyz")
    of_molecule = {
        "pool": "states.extxyz",
        "start": {"kind": "file", "path": "h2.xyz"},
        "states": {"kind": "harmonic", "snapshots": 20, "vibrational_temperature_k": 3000.0},
        "isotopes": {"H": "D"},
    }
    system = {"slab": {"pool": slab_pool.source.name}, "molecule": of_molecule}
    loaded = load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, {"system": system, "engine": STOCK}))

    def made() -> list[EquilibratedPool]:
        return equilibrate(loaded, ["molecule"], workers=1, force=True, console=Console(quiet=True))

    with pytest.raises(ConfigError, match="leave states out"):
        made()
    assert not (tmp_path / "states.extxyz").exists()
    monkeypatch.setattr(pools_without_runs, "python_model", lambda *_: Springs(rest))
    (found,) = made()
    assert found.states is not None
    assert "normal modes at 3" in found.states
    assert (found.snapshots, found.runs) == (20, ())
    pool = read_pool(tmp_path / "states.extxyz", "molecule")
    assert len(pool) == 20
    assert pool.snapshots[0].get_masses() == pytest.approx(2.0141, abs=1e-3)
    lengths = np.array([atoms.get_distance(0, 1) for atoms in pool.snapshots])
    assert abs(lengths.mean() - rest.get_distance(0, 1)) < 0.1
    before = (tmp_path / "states.extxyz").read_bytes()
    made()
    assert (tmp_path / "states.extxyz").read_bytes() == before, "a function of the campaign's seed"
    with pytest.raises(ConfigError, match="two atoms, and the molecule has 26"):
        large = load_campaign(
            loaded.file, ["system.molecule.states={kind: diatomic}", f"system.molecule.start.path={ECCO}"]
        )
        equilibrate(large, ["molecule"], workers=1, force=True, console=Console(quiet=True))
    state = load_campaign(loaded.file, ["system.molecule.states={kind: diatomic, v: 1, j: 3, snapshots: 5}"])
    (found,) = equilibrate(state, ["molecule"], workers=1, force=True, console=Console(quiet=True))
    assert found.states is not None
    assert found.states.startswith("v = 1, J = 3: 0.6")
    assert {atoms.info["quanta"] for atoms in read_pool(tmp_path / "states.extxyz", "molecule").snapshots} == {"v1.J3"}
