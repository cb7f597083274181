"""What `molgun collect` makes of the logs and dumps that came back, made by hand: where a trajectory ended, and what is
left out in every table."""

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from campaign_cases import dumps
from cluster_cases import cluster, write_store

from molgun_lmp.campaign.cluster.collect import collect
from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.campaign.store.left_out import LEFT_OUT_NAME, read_left_out
from molgun_lmp.cli import main
from molgun_lmp.errors import CampaignError, LeftOutError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.records import Stop
from molgun_lmp.results.analyse import analyse

EVERY = 40
"""Steps between two lines of thermo output, and between two frames."""
HALT = "Fix halt condition for fix-id {} met on step {} with value 1 (src/fix_halt.cpp:310)\n"
END = "Loop time of 1 on 1 procs for 100 steps with 154 atoms\n\nTotal wall time: 0:00:01\n"


@pytest.fixture
def store(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> Store:
    return write_store(tmp_path, slab_pool, molecule_pool)


def write_part(
    home: Path, number: int, start: int, end: int, *, whole: bool = True, halt: str | None = "halt_departed"
) -> None:
    """A part of a trajectory from the step `start`, as LAMMPS leaves it: its own end, or what the time let it write."""
    part = home / f"part-{number}"
    part.mkdir()
    went_on = "" if start == 0 else f"part-{number - 1}"
    (part / "about").write_text(f"host=there\nstarted=2026-11-29T12:00:00+00:00\nfrom={went_on}\n")
    due = sorted({start, *range(-(-start // EVERY) * EVERY, end + 1, EVERY)})
    lines = "".join(f"{step:9d} {step * 5e-4:<12.6g} 300 -1.5 0.5 -1.0\n" for step in due)
    said = HALT.format(halt, end) if whole and halt else ""
    log = f"   Step          Time           Temp          PotEng         KinEng         TotEng\n{lines}{said}"
    (part / "log.lammps").write_text(log + (END if whole else ""))
    frames = sorted({*range(-(-start // EVERY) * EVERY, end + 1, EVERY), *([end] if whole else [])})
    (part / "traj.dump").write_text("".join(map(frame, frames)))


def frame(step: int) -> str:
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
        "ITEM: ATOMS id type element x y z\n1 1 H 0 0 0\n"
    )


def finish_by_hand(home: Path) -> None:
    """The checksums that the cluster's script writes at the end."""
    files = sorted(file for name in ("about", "log.lammps", "traj.dump") for file in home.glob(f"part-*/{name}"))
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(home)}\n" for file in files]
    (home / "done").write_text("".join(lines))


@pytest.mark.parametrize("end", [75, 80, 100, 120, 400])
@pytest.mark.parametrize("parts", [(), (50,), (50, 70)], ids=["straight", "resumed", "resumed-twice"])
def test_a_trajectory_that_a_rule_stopped_ends_at_the_step_of_the_halt(
    store: Store, tmp_path: Path, parts: Sequence[int], end: int
) -> None:
    """With or without a line of thermo output, or a frame that was due, at that step."""
    folder = cluster(store, tmp_path / "cluster")
    home = folder / "trajectories/000001"
    starts = (0, *parts)
    for number, start in enumerate(starts, start=1):
        last = number == len(starts)
        write_part(home, number, start, end if last else starts[number] + 12, whole=last)
    finish_by_hand(home)
    found = collect(store, folder)
    assert (found.taken, found.damaged) == (("000001",), {})
    result = store.trajectory("000001").result()
    assert result is not None
    assert (result.stop, result.steps, result.resumed_at) == (Stop.DEPARTED, end, tuple(parts))
    steps = [int(block.split("\n")[0]) for block in dumps(store.root)["000001"].decode().split("TIMESTEP\n")[1:]]
    assert steps == sorted({*range(0, end + 1, EVERY), end})


def test_a_frame_that_is_missing_before_the_halt_is_still_missed(store: Store, tmp_path: Path) -> None:
    folder = cluster(store, tmp_path / "cluster")
    home = folder / "trajectories/000001"
    write_part(home, 1, 0, 100)
    dump = home / "part-1/traj.dump"
    dump.write_text("".join(map(frame, (0, 40, 80))))
    finish_by_hand(home)
    assert "there should be one of step 100" in collect(store, folder).damaged["000001"]


@pytest.mark.parametrize("thermo", ["", "   Step          Time\n"])
def test_a_log_without_thermo_output_costs_its_own_shot_only(store: Store, tmp_path: Path, thermo: str) -> None:
    folder = cluster(store, tmp_path / "cluster")
    for name in ("000000", "000001"):
        write_part(folder / "trajectories" / name, 1, 0, 100)
    (folder / "trajectories/000000/part-1/log.lammps").write_text(f"{thermo}{END}")
    for name in ("000000", "000001"):
        finish_by_hand(folder / "trajectories" / name)
    found = collect(store, folder)
    assert found.taken == ("000001",)
    assert "no line of thermo output" in found.damaged["000000"]


def test_what_is_left_out_is_said_by_the_exit_status_and_in_every_table(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cluster(store, tmp_path / "cluster")
    for name in ("000000", "000001"):
        home = folder / "trajectories" / name
        write_part(home, 1, 0, 100)
        finish_by_hand(home)
    dump = folder / "trajectories/000000/part-1/traj.dump"
    kept = dump.read_bytes()
    dump.write_bytes(kept[:-5])

    def molgun(*words: str | Path) -> int:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert molgun("collect", store.root, folder) == LeftOutError.exit_code
    said = capsys.readouterr()
    assert "1 taken, 0 were there before, 1 have not ended." in said.out
    assert "000000 is damaged" in said.out
    assert "1 of 3 shots" in " ".join(said.err.split())
    assert molgun("collect", "--json", store.root, folder) == LeftOutError.exit_code
    assert list(json.loads(capsys.readouterr().out)["damaged"]) == ["000000"]

    left = read_left_out(store)
    assert list(left) == ["000000"]
    assert "copy the folder again" in left["000000"]
    taken = store.trajectory("000001").result()
    assert taken is not None
    store.trajectory("000001").withdraw(taken)  # its dump of one atom is nobody's trajectory
    summary = analyse(store).summary
    assert summary.left_out == left
    lines = list(csv.DictReader((store.analysis / "table.csv").open()))
    assert all("without 1 shot" in line["note"] for line in lines)
    (line,) = csv.DictReader((store.analysis / "left_out.csv").open())
    assert line["trajectory"] == "000000"
    assert molgun("analyse", store.root) == 0
    assert "could not be collected" in capsys.readouterr().out

    dump.write_bytes(kept)
    assert molgun("collect", store.root, folder) == 0
    assert read_left_out(store) == {}
    (store.root / LEFT_OUT_NAME).write_text("[")
    with pytest.raises(CampaignError, match="damaged"):
        read_left_out(store)


def test_a_trajectory_that_went_on_under_a_bath_says_so(tmp_path: Path, slab_pool: Pool, molecule_pool: Pool) -> None:
    store = write_store(tmp_path, slab_pool, molecule_pool, bath={"layers": 1})
    folder = cluster(store, tmp_path / "cluster")
    for name, went_on in (("000000", True), ("000001", False)):
        home = folder / "trajectories" / name
        write_part(home, 1, 0, 60 if went_on else 100, whole=not went_on)
        if went_on:
            write_part(home, 2, 50, 100)
        finish_by_hand(home)
    assert collect(store, folder).taken == ("000000", "000001")
    results = [store.trajectory(name).result() for name in ("000000", "000001")]
    assert [result.noise_resumed if result else "" for result in results] == ["fresh", None]
