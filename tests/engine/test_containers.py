"""The container files: steps that are there and are bash; no pair style without headers."""

import re
import subprocess
from pathlib import Path

import pytest
from image_cases import parse_definition, parse_dockerfile

from molgun_lmp.engine.plugin_elsewhere import main

pytestmark = pytest.mark.engine

DOCKER = Path(__file__).parents[2] / "docker"
STEPS = sorted((DOCKER / "steps").glob("*.sh"))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_is_bash_that_stops_at_the_first_error(step: Path) -> None:
    assert "set -euo pipefail" in step.read_text()
    done = subprocess.run(["bash", "-n", str(step)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cuda", "molgun.def"])
def test_an_image_takes_the_steps_that_there_are(name: str) -> None:
    taken = re.findall(r"/steps/([\w-]+\.sh)", (DOCKER / name).read_text())
    assert taken[:2] == ["system.sh", "molgun.sh"]
    assert set(taken) <= {step.name for step in STEPS}


def test_both_images_are_made_of_the_same_steps() -> None:
    """What runs where a Dockerfile is carried out is what Apptainer would run."""
    docker = parse_dockerfile((DOCKER / "Dockerfile").read_text())
    apptainer = parse_definition((DOCKER / "molgun.def").read_text())
    steps = [words for instruction, words in docker if instruction == "RUN"]
    assert steps == [*apptainer["post"], *apptainer["test"]]
    assert len(steps) == 3
    assert f"From: {dict(docker)['FROM']}" in apptainer[""]
    assert apptainer["environment"] == [f"export {words}" for instruction, words in docker if instruction == "ENV"]
    copied = [words.split() for instruction, words in docker if instruction == "COPY"]
    assert [line.split() for line in apptainer["files"]] == [[one, into] for *these, into in copied for one in these]
    for *these, _ in copied:
        assert all((DOCKER.parent / one).exists() for one in these)


def test_another_lammps_needs_its_headers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), str(tmp_path / "plugins")]) == 1
    assert "holds no pair.h: name LAMMPS's src folder" in capsys.readouterr().err
    assert not (tmp_path / "plugins").exists()
