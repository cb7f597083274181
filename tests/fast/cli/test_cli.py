"""The command line: help, JSON and nothing else on standard output, errors as sentences with their exit codes."""

import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import yaml
from ase.calculators.singlepoint import SinglePointCalculator
from campaign_cases import write_campaign_file, write_model
from pydantic import BaseModel
from training_cases import config as training
from training_cases import write_frames

from molgun_lmp.cli import main
from molgun_lmp.config import Campaign, load_campaign
from molgun_lmp.config.loading import dump_yaml
from molgun_lmp.config.schemes import scheme_names
from molgun_lmp.errors import ConfigError, FileAccessError, InputFileError, MolgunError
from molgun_lmp.gun.pools import Pool

COMMANDS = [
    *("init", "plan", "run", "status", "equilibrate", "analyse", "report", "compare", "members", "sensitivity"),
    *("dataset", "train", "export", "evaluate", "learning-curve", "descriptors", "distill"),
    *("doctor", "schema", "schemes", "bench"),
]


class Answer(BaseModel):
    code: int
    output: str
    errors: str


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call the command line in this process."""

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Answer(code=ended.value.code or 0, output=written.out, errors=written.err)

    return call


@pytest.fixture
def file(slab_pool: Pool, molecule_pool: Pool, tmp_path: Path) -> Path:
    write_model(tmp_path / "model")
    return write_campaign_file(tmp_path, slab_pool, molecule_pool, {})


def test_help_names_every_command_and_each_explains_itself(molgun: Any) -> None:
    overview = molgun("--help")
    assert overview.code == 0
    for command in COMMANDS:
        assert command in overview.output
        explained = molgun(command, "--help")
        assert explained.code == 0
        assert "Usage: molgun " + command in " ".join(explained.output.split())


def test_the_schema_describes_every_key(molgun: Any) -> None:
    schema = json.loads(molgun("schema").output)
    assert schema == Campaign.model_json_schema()
    assert schema["properties"]["seed"]["description"]


@pytest.mark.parametrize(
    ("options", "submit", "line"),
    [
        (["--write-slurm", "JOB", "--sbatch", "time=24:00:00"], "sbatch", "#SBATCH --time=24:00:00\n"),
        (["--write-job", "JOB", "--job-option", "qos=long"], "sbatch", "#SBATCH --qos=long\n"),
        (["--write-job", "JOB", "--scheduler", "pbs", "--job-option", "q=gpu"], "qsub", "#PBS -q gpu\n"),
    ],
)
def test_a_training_is_written_as_a_job_of_a_batch_system(
    molgun: Any, options: list[str], submit: str, line: str, tmp_path: Path
) -> None:
    file, job = tmp_path / "train.yaml", tmp_path / "job"
    write_frames(tmp_path)
    file.write_text(dump_yaml(training()))
    words = [str(job) if option == "JOB" else option for option in options]
    answer = molgun("train", file, "--output", tmp_path / "run", *words)
    assert answer.code == 0, answer.errors
    assert f"Submit it with: {submit} {job}" in answer.output
    assert line in job.read_text()
    assert not (tmp_path / "run").exists()
    assert molgun("train", file, "--output", tmp_path / "run", *words).code == ConfigError.exit_code, "it is there"


def test_no_job_is_written_of_a_training_whose_frames_will_not_do(molgun: Any, tmp_path: Path) -> None:
    file, job = tmp_path / "train.yaml", tmp_path / "job"
    file.write_text(dump_yaml(training()))
    answer = molgun("train", file, "--output", tmp_path / "run", "--write-job", job)
    assert answer.code == InputFileError.exit_code
    assert "frames.extxyz" in answer.errors
    write_frames(tmp_path)
    answer = molgun("train", file, "--output", tmp_path / "run", "--write-job", job, "--set", "split.test=[run9]")
    assert answer.code == ConfigError.exit_code
    assert "run9" in answer.errors
    assert not job.exists()


@pytest.mark.parametrize("options", [["--job-option", "time=1:00:00"], ["--scheduler", "pbs"]])
@pytest.mark.parametrize("command", ["train", "label"])
def test_what_is_said_of_a_job_needs_one(molgun: Any, command: str, options: list[str], tmp_path: Path) -> None:
    frames = ["frames.xyz"] if command == "label" else []
    answer = molgun(command, "a.yaml", *frames, "--output", tmp_path / "run", *options)
    assert answer.code == ConfigError.exit_code
    assert f"{options[0]}: without --write-job the work is done here" in " ".join(answer.errors.split())


def test_a_campaign_folder_is_not_labelled_by_the_slab_in_it(molgun: Any, tmp_path: Path) -> None:
    campaign, file = tmp_path / "campaign", tmp_path / "label.yaml"
    campaign.mkdir()
    (campaign / "manifest.json").write_text("{}")
    file.write_text(yaml.safe_dump({"level_of_theory": "EMT", "calculator": "emt"}))
    answer = molgun("label", file, campaign, "--output", tmp_path / "labels")
    assert answer.code == InputFileError.exit_code
    assert f"{campaign} is a campaign folder: name the dumps" in " ".join(answer.errors.split())
    assert not (tmp_path / "labels").exists()


def test_every_error_has_an_exit_code_of_its_own() -> None:
    classes: list[type[MolgunError]] = [MolgunError, *MolgunError.__subclasses__()]
    codes = [error.exit_code for error in classes]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2} & set(codes), "0 is success, 1 a crash, 2 a wrong command line"


def test_errors_are_sentences_on_standard_error(molgun: Any, tmp_path: Path) -> None:
    answer = molgun("status", tmp_path, "--json")
    assert answer.code == 16
    assert answer.output == ""
    assert "no campaign was planned here" in answer.errors
    assert "Traceback" not in answer.errors


@pytest.mark.parametrize(
    "words", [("label", "LABEL", "FRAMES", "--output", "TAKEN"), ("dataset", "TRAIN", "-o", "BELOW")]
)
def test_a_path_that_cannot_be_written_is_said_in_a_sentence(
    molgun: Any, words: tuple[str, ...], slab_pool: Pool, tmp_path: Path
) -> None:
    labelled = slab_pool.snapshots[0].copy()
    labelled.calc = SinglePointCalculator(labelled, energy=0.0, forces=np.zeros((len(labelled), 3)))
    files = {name: tmp_path / name.lower() for name in ("LABEL", "FRAMES", "TRAIN", "TAKEN")}
    files["LABEL"].write_text("{level_of_theory: EMT, calculator: emt}")
    ase.io.write(files["FRAMES"], labelled, format="extxyz")
    files["TRAIN"].write_text("{name: m, level_of_theory: EMT, frames: [frames], limits: {zeroed_forces: true}}")
    files["TAKEN"].write_text("a file of somebody's")
    answer = molgun(*({**files, "BELOW": files["TAKEN"] / "below"}.get(word, word) for word in words))
    assert answer.code == FileAccessError.exit_code, answer.errors
    assert str(files["TAKEN"]) in answer.errors
    assert "Traceback" not in answer.errors
    assert files["TAKEN"].read_text() == "a file of somebody's"


def test_json_is_alone_on_standard_output_whatever_libraries_print(
    molgun: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from molgun_lmp.campaign.plan.examples import examples as quiet

    def noisy() -> Any:
        print("a greeting")
        return quiet()

    monkeypatch.setattr("molgun_lmp.cli.init.examples", noisy)
    answer = molgun("init", "--list", "--json")
    assert "ecco-si001" in json.loads(answer.output)
    assert "a greeting" in answer.errors
    assert "a greeting" in molgun("init", "--list").output  # nothing is promised there


def test_debug_shows_where_an_error_came_from(molgun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from molgun_lmp.errors import CampaignError

    monkeypatch.setattr("sys.argv", ["molgun", "--debug", "status", str(tmp_path)])
    with pytest.raises(CampaignError):
        main()


@pytest.mark.parametrize(
    ("override", "code", "says"),
    [
        ("dynamics.steps=0", 11, "dynamics.steps"),
        ("dynamics.stepz=9", 11, "did you mean `dynamics.steps`"),
        ("gun", 11, "expected dotted.key=value"),
        ("model.folder=elsewhere", 13, "no readable model card"),
        ("gun.start={kind: height, angstrom: 2}", 14, "Start higher"),
    ],
)
def test_plan_refuses_what_is_wrong_and_writes_nothing(
    molgun: Any, file: Path, override: str, code: int, says: str
) -> None:
    before = sorted(file.parent.rglob("*"))
    answer = molgun("plan", file, "--set", "gun.skip_free_flight=false", "--set", override)
    assert (answer.code, says in answer.errors) == (code, True), answer.errors
    assert sorted(file.parent.rglob("*")) == before


def test_plan_refuses_an_existing_folder_before_it_looks_at_anything_else(molgun: Any, file: Path) -> None:
    (file.parent / "small").mkdir()
    answer = molgun("plan", file, "--set", "model.folder=elsewhere")
    assert answer.code == 16
    assert "exists already" in answer.errors


def test_examples_are_listed_and_a_wrong_name_or_an_existing_folder_is_refused(molgun: Any, tmp_path: Path) -> None:
    listed = json.loads(molgun("init", "anywhere", "--list", "--json").output)
    assert {"ecco-si001", "paper-protocol", "cyclooctyne-si001"} <= listed.keys()
    unknown = molgun("init", tmp_path / "new", "--example", "ecco")
    assert unknown.code == 11
    assert "ecco-si001" in unknown.errors
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("example", ["ecco-si001", "paper-protocol", "cyclooctyne-si001"])
def test_an_example_is_copied_whole_and_its_file_is_valid(molgun: Any, tmp_path: Path, example: str) -> None:
    target = tmp_path / "new" / "demo"
    answer = molgun("init", target, "--example", example, "--json")
    assert answer.code == 0, answer.errors
    files = json.loads(answer.output)["files"]
    assert sorted(files) == sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
    loaded = load_campaign(target / "campaign.yaml")
    assert loaded.path(loaded.config.model.folder).is_dir()
    assert loaded.path(loaded.config.system.slab.pool).is_file()
    again = molgun("init", target, "--example", example)
    assert again.code == 16


def test_a_folder_that_is_named_as_an_example_is_that_example(molgun: Any, tmp_path: Path) -> None:
    assert json.loads(molgun("init", tmp_path / "ar-cu111", "--json").output)["example"] == "ar-cu111"
    assert json.loads(molgun("init", tmp_path / "first", "--json").output)["example"] == "ecco-si001"


def test_a_folder_of_files_is_no_campaign_and_its_files_can_be_named(molgun: Any, tmp_path: Path) -> None:
    (tmp_path / "run7.extxyz").write_text("")
    answer = molgun("analyse", tmp_path)
    assert answer.code == 16
    assert f"molgun analyse {tmp_path / 'run7.extxyz'}" in "".join(answer.errors.splitlines())


def test_equilibrate_never_overwrites_a_pool_unasked(molgun: Any, file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    document["system"]["slab"]["start"] = {"kind": "si001"}
    file.write_text(yaml.safe_dump(document))
    before = (file.parent / "slab.extxyz.xz").read_bytes()
    answer = molgun("equilibrate", file, "--slab")
    assert answer.code == 12
    assert "--force" in answer.errors
    without_start = molgun("equilibrate", file, "--molecule", "--force")
    assert without_start.code == 11
    assert "system.molecule.start is missing" in without_start.errors
    assert (file.parent / "slab.extxyz.xz").read_bytes() == before


def test_a_wrong_command_line_exits_with_2(molgun: Any) -> None:
    assert molgun("fire").code == 2
    assert molgun("run").code == 2


@pytest.mark.parametrize(
    "case",
    [
        ("analyse {}", 12, "there is no file or folder {}. Name"),
        ("analyse {} --each-frame", 12, "there is no file or folder {}. Name"),
        ("compare {} {}", 12, "there is no file or folder {}. Name"),
        ("members {} {}", 16, "there is no folder {}. `molgun plan"),
        ("run {}", 16, "there is no folder {}. `molgun plan"),
        ("plan {}", 11, "there is no file {}. Name a campaign file"),
        ("train {} -o new", 11, "there is no file {}. Name a training file"),
        ("label {} {} -o new", 11, "there is no file {}. Name a labelling file"),
        ("evaluate {} {}", 12, "no file or folder of labelled frames at {}."),
        ("dataset {} -o new", 12, "no file or folder of labelled frames at {}."),
        ("export {} -o new", 13, "no model file or folder at {}."),
    ],
)
def test_a_path_where_nothing_is_is_said_to_be_none(
    molgun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, int, str]
) -> None:
    command, code, says = case
    monkeypatch.chdir(tmp_path)
    answer = molgun(*(word.format("absent") for word in command.split()))
    assert (answer.code, says.format("absent") in answer.errors) == (code, True), answer.errors
    assert "Errno" not in answer.errors
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_and_a_model_that_is_none(molgun: Any, tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder. Name a campaign file" in molgun("plan", tmp_path).errors
    (tmp_path / "notes.txt").write_text("not frames\n")
    unknown = molgun("dataset", tmp_path / "notes.txt", "-o", tmp_path / "new")
    assert (unknown.code, "notes.txt is of no format that is read" in unknown.errors) == (12, True), unknown.errors
    missing = molgun("evaluate", tmp_path / "absent.model", tmp_path / "notes.txt")
    assert (missing.code, "no model file or folder at" in missing.errors) == (13, True), missing.errors


def test_schemes_are_listed_and_explained(molgun: Any, tmp_path: Path) -> None:
    listed = molgun("schemes")
    assert (listed.code, "weiske2026" in listed.output) == (0, True)
    explained = molgun("schemes", "weiske2026").output
    assert "OT-CY  [bound]" in explained
    assert "; pieces that nothing binds to the slab: more than `outcomes.max_fragments`; or" in explained
    assert "SL before OT-CY, BR-CY, OT-ET, BR-ET, PC" in explained
    document = json.loads(molgun("schemes", "weiske2026", "--json").output)
    (one,) = document["schemes"]
    assert [row["label"] for row in one["classes"]][-2:] == ["undecided", "failed"]
    for name in scheme_names():
        assert molgun("schemes", name).code == 0
    assert "atoms of the slab hang on a piece that nothing binds" in molgun("schemes", "general").output
    own = tmp_path / "own.yaml"
    own.write_text("name: own\nextends: weiske2026\nsets: {held: bound}\nclasses: []\n")
    assert "set held: counted as bound" in molgun("schemes", own).output
    own.write_text("name: own\nextend: weiske2026\n")
    wrong = molgun("schemes", own)
    assert (wrong.code, wrong.output) == (ConfigError.exit_code, "")
    assert "line 2, extend: unknown key; did you mean 'extends'?" in wrong.errors
