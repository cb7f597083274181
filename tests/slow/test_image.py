"""docker/Dockerfile, built from a clean Debian and registry packages alone; in the image the demo, at its smallest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_cases import Images, images, parse_definition, parse_dockerfile, why_not

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not())]

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "docker" / "Dockerfile"
DEFINITION = parse_definition((REPOSITORY / "docker" / "molgun.def").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[Images, str]]:
    """The image `molgun_lmp`, and what building it printed."""
    base = dict(parse_dockerfile(DOCKERFILE.read_text(encoding="utf-8")))["FROM"]
    suite = base.removeprefix("debian:").removesuffix("-slim")
    with images() as own:
        own.debian(f"docker.io/library/{base}", suite)
        yield own, own.build(DOCKERFILE, REPOSITORY, "molgun_lmp")


def test_the_steps_ran_to_the_end(built: tuple[Images, str]) -> None:
    """The last one fires the demo's shots with each engine, and decides them."""
    _, said = built
    for engine in ("symmetrix", "mace"):
        assert f"{engine}: 2 shots fired and decided" in said


def test_the_demo_in_the_image(built: tuple[Images, str], tmp_path: Path) -> None:
    """As `docker run -v FOLDER:/data molgun_lmp ...` and `apptainer run` do it."""
    own, _ = built
    config = json.loads(own("inspect", "--type", "image", "molgun_lmp"))["OCIv1"]["config"]
    assert (config["Entrypoint"], config["WorkingDir"]) == (["molgun"], "/data")
    box = own("from", "--pull-never", "molgun_lmp").split()[-1]
    run = ("run", "--isolation", "chroot", "--volume", f"{tmp_path}:/data", box, "--")
    for words in (
        "init demo --example ecco-si001",
        "plan demo/campaign.yaml --set trajectories=1 --set dynamics.steps=20",
        "run demo/ecco-si001",
        "analyse demo/ecco-si001",
    ):
        own(*run, *config["Entrypoint"], *words.split())
    script = "\n".join([*DEFINITION["environment"], *DEFINITION["runscript"]])
    own(*run, "/bin/sh", "-c", script, "sh", "report", "demo/ecco-si001")
    report = tmp_path / "demo" / "ecco-si001" / "analysis" / "report.html"
    assert report.is_file()
    (outcome,) = (tmp_path / "demo" / "ecco-si001").glob("trajectories/*/*/result.json")
    assert json.loads(outcome.read_text())["steps"] == 20
