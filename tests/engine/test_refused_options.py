"""Options that cannot work are refused in a sentence, whatever the campaign has left to do."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign_cases import write_model
from dosing_cases import fire_here, plan_doses

from molgun_lmp.campaign.store.campaign_folder import Store
from molgun_lmp.cli.app import main
from molgun_lmp.engine.chosen_lammps import ARGUMENTS_VARIABLE, LIBRARY_VARIABLE
from molgun_lmp.errors import ConfigError, EngineError, MolgunError

pytestmark = pytest.mark.engine


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    output: str
    errors: str


Molgun = Callable[..., Answer]


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Molgun:
    """Call the command line in this process."""

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Answer(code=int(ended.value.code or 0), output=written.out, errors=" ".join(written.err.split()))

    return call


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A campaign of two chains of one dose each that has ended."""
    store = plan_doses(tmp_path_factory.mktemp("ended"), chains=2, molecules=1)
    assert fire_here(store) == 2
    return store


def test_trust_without_a_calibration_or_training_frames_says_what_to_do(
    molgun: Molgun, ended: Store, tmp_path: Path
) -> None:
    mace = tmp_path / "mace.model"
    mace.write_bytes(b"that no model is loaded from")
    model = tmp_path / "round-1" / "model"
    write_model(model, mace=mace)
    answer = molgun("trust", ended.root, "--model", model)
    assert answer.code == ConfigError.exit_code
    for words in (
        f"which frames was {model} trained on? Name them with --training FILE",
        "train/member-0 of a round of `molgun learn`",
        f"a calibration.json, which it lacks: `molgun evaluate {model} FRAMES --calibration {model}/calibration.json`",
        "20 of the FRAMES, of 3 trajectories",
    ):
        assert words in answer.errors


def test_only_and_chain_are_not_given_together(molgun: Molgun, ended: Store) -> None:
    answer = molgun("run", ended.root, "--chain", 1, "--only", 0, "--dry-run")
    assert answer.code == ConfigError.exit_code
    assert "give one of them. --chain 1 is --only 1." in answer.errors
    assert answer.output == ""


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--until", "stuck:0.05"]])
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--lmp-library", "nonsense"], EngineError, "there is no library"),
        (["--lmp-library", "."], EngineError, "is a folder: name liblammps.so"),
        (["--lmp-args", "-log elsewhere"], ConfigError, "--lmp-args: -log is given by molgun itself"),
        (["--parsl", "nonsense"], MolgunError, "arsl"),
    ],
)
def test_a_launch_that_cannot_work_is_refused_where_all_has_ended(
    *,
    molgun: Molgun,
    ended: Store,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    error: type[MolgunError],
    words: str,
    more: list[str],
) -> None:
    for variable in (LIBRARY_VARIABLE, ARGUMENTS_VARIABLE):  # which the command sets for its workers
        monkeypatch.setenv(variable, "")
    answer = molgun("run", ended.root, *options, *more)
    assert answer.code in {one.exit_code for one in (error, *error.__subclasses__())}
    assert words in answer.errors
    assert answer.output == ""
