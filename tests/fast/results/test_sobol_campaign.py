"""`analyse` of a campaign with Sobol points says what they gained."""

from pathlib import Path
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
from campaign_cases import write_campaign_file
from ended_cases import ended
from outcome_cases import outcome_of

from molgun_lmp.campaign.plan.plan import check, write
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli import main
from molgun_lmp.config import load_campaign
from molgun_lmp.gun.pools import Pool
from molgun_lmp.results import analyse as analysing
from molgun_lmp.results.decide_all import Known

STOCK = {"kind": "stock", "commands": ["pair_style lj/cut 3.5", "pair_coeff * * 0.002 1.0"], "cutoff_angstrom": 3.5}


def test_the_gain_is_printed(
    tmp_path: Path,
    slab_pool: Pool,
    molecule_pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gun = {"sampling": "sobol", "kick": {"kind": "fixed_energy", "energy_ev": 0.2}}
    sections = {"trajectories": 130, "engine": STOCK, "gun": gun}
    store = write(
        check(load_campaign(write_campaign_file(tmp_path, slab_pool, molecule_pool, sections))), tmp_path / "c"
    )
    for folder in store.trajectories():
        folder.publish(ended(folder.id))
    across = np.array(store.manifest.cell)[0, 0]

    def decide(_store: Store, _surface: object, results: list[Any], **_: object) -> list[Known]:
        shots = [folder.shot() for folder, _result in results]
        found = [
            outcome_of(shot.index, paper.OT_CY if shot.com_start[0] < 0.4 * across else paper.SCATTERED)
            for shot in shots
        ]
        return [Known(outcome=one, key="", dump_gone=False, earlier_code=False) for one in found]

    monkeypatch.setattr(analysing, "decide_all", decide)
    monkeypatch.setattr(analysing, "write_statistics", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["molgun", "analyse", str(store.root)])
    with pytest.raises(SystemExit):
        main()
    said = " ".join(capsys.readouterr().out.split())
    assert "Sobol: for `stuck` 128 shots in 16 scrambles are worth" in said
    gain = analysing.analyse(store).gain
    assert gain is not None
    assert gain.low > 1.5
