"""Trajectories that a stop rule ends on a cluster, by real scripts and LAMMPS, at steps of all kinds."""

import os
import signal
from pathlib import Path

import pytest
from cluster_cases import LMP, WAITS, cluster, finish, run, write_store
from waiting import wait_for

from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.records import Stop

pytestmark = pytest.mark.engine

DEBIAN = "/usr/bin/lmp"
HALTS = {"000000": 75, "000001": 175, "000002": 400}
"""Neither a frame nor a line of thermo output is due at the first two; the last one is the last step."""
HALTING = """if "${home} == trajectories/000000" then "variable last equal 75"
if "${home} == trajectories/000001" then "variable last equal 175"
if "${home} == trajectories/000002" then "variable last equal 400"
variable halting equal "step >= v_last"
fix halt_hot all halt 5 v_halting == 1 error continue message yes
"""


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return write_store(tmp_path, slab_pool, molecule_pool)


@pytest.mark.parametrize(
    "lmp",
    [
        pytest.param(LMP, id="wheel"),
        pytest.param(
            DEBIAN,
            id="2022",
            marks=pytest.mark.skipif(
                not Path(DEBIAN).is_file(), reason="no /usr/bin/lmp: apt-get install lammps (Debian's, of 2022)"
            ),
        ),
    ],
)
def test_every_halted_trajectory_is_taken_with_the_step_of_its_halt(store: Store, tmp_path: Path, lmp: str) -> None:
    folder = cluster(store, tmp_path / "cluster", chunk=1, waits=WAITS + HALTING)
    (folder / "hold").touch()
    job = run(folder, 1, lmp=lmp)
    wait_for((folder / "trajectories/000001/part-1/restart.b").exists, "a checkpoint")
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    (folder / "hold").unlink()
    for chunk in range(3):
        finish(folder, chunk, lmp=lmp)
    found = collect(store, folder)
    assert (found.taken, found.missing, found.damaged) == (tuple(HALTS), (), {})
    for name, end in HALTS.items():
        result = store.trajectory(name).result()
        assert result is not None
        assert (result.stop, result.steps, bool(result.resumed_at)) == (Stop.TOO_HOT, end, name == "000001")
        steps = [frame.step for frame in read_frames(store.trajectory(name).dump(result))]
        assert steps == sorted({*range(0, end + 1, 40), end})
