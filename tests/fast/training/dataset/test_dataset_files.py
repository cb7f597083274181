"""`molgun dataset`: what is written, what the report says, and that nothing half-done is left behind."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write
from frame_cases import hydrogen
from vasp_cases import Step, outcar, vasprun

from molgun_lmp.cli import main
from molgun_lmp.errors import ConfigError, InputFileError, MolgunError, TrainingError
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.dataset.split import split_frames
from molgun_lmp.training.dataset.write import write_dataset
from molgun_lmp.training.settings import FrameLimits, Split

PAPER = Split(by="random", every=2, validation=0.25, test=3)


@pytest.fixture
def aimd(tmp_path: Path) -> Path:
    """A folder of two runs: 12 usable frames, one unconverged, one cut, two twins, and an isolated atom."""
    first = [Step(distance=0.70 + 0.01 * number) for number in range(6)]
    second = [Step(distance=0.80 + 0.01 * number) for number in range(6)]
    folder = tmp_path / "aimd"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "a" / "vasprun.xml").write_text(vasprun([*first, Step(iterations=10), *first[:2]]))
    text = outcar([*second, Step(distance=0.95)], ended=False)
    (folder / "b" / "OUTCAR").write_text(text[: text.rindex("FREE ENERGIE")])
    (folder / "atom.extxyz").write_text(
        "1\nProperties=species:S:1:pos:R:3 free_energy=-1.1 config_type=IsolatedAtom\nH 0 0 0\n"
    )
    return folder


def lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def steady(limits: dict[str, Any] | None = None) -> FrameLimits:
    """Limits for frames whose energies are made up."""
    return FrameLimits.model_validate({"energies_follow_forces": False, **(limits or {})})


def test_the_report_accounts_for_every_frame(aimd: Path, tmp_path: Path) -> None:
    report = write_dataset([aimd], tmp_path / "data", limits=steady(), split=PAPER)
    assert report == json.loads((tmp_path / "data" / "report.json").read_text())
    assert report["frames_read"] == 6 + 3 + 7 + 1
    assert (report["frames_usable"], report["frames_dropped"]) == (12, 4)
    dropped = lines(tmp_path / "data" / report["dropped_frames"])
    assert {line["source"]: line["reason"] for line in dropped} == {
        "aimd/a/vasprun.xml#6": "SCF not converged",
        "aimd/a/vasprun.xml#7": "duplicate of an earlier frame",
        "aimd/a/vasprun.xml#8": "duplicate of an earlier frame",
        "aimd/b/OUTCAR#6": "the file ends or breaks within the frame",
    }
    assert report["dropped"] == {reason: 2 if "duplicate" in reason else 1 for reason in report["dropped"]}
    assert {name: of["frames"] for name, of in report["sets"].items()} == {"train": 4, "validation": 2, "test": 3}
    assert report["frames_not_selected"] == 3
    assert report["isolated_atoms_ev"] == {"H": -1.1}
    assert report["split"]["every"] == 2


@pytest.mark.parametrize("compress", [False, True])
def test_the_folder_is_read_back_with_the_same_sets(aimd: Path, tmp_path: Path, compress: bool) -> None:
    split = Split(validation=("aimd/b/OUTCAR",), test_random=2)
    report = write_dataset([aimd], tmp_path / "data", limits=steady(), split=split, compress=compress)
    original = read_dataset([aimd], limits=steady())
    again = read_dataset([tmp_path / "data"], limits=steady())
    assert again.isolated_atoms_ev == original.isolated_atoms_ev
    sets = split_frames(again.frames, Split(by="given"))
    expected = split_frames(original.frames, split)
    for name, frames in sets.sets().items():
        assert report["sets"].get(name, {"frames": 0})["frames"] == len(frames)
        for frame, twin in zip(frames, expected.sets()[name], strict=True):
            assert (frame.energy_ev, frame.trajectory, frame.symbols) == (twin.energy_ev, twin.trajectory, twin.symbols)
            np.testing.assert_allclose(frame.positions, twin.positions, atol=1e-8)
            np.testing.assert_allclose(frame.forces, twin.forces, atol=1e-8)


def test_a_frame_keeps_where_it_came_from(aimd: Path, tmp_path: Path) -> None:
    write_dataset([aimd], tmp_path / "data", limits=steady(), split=PAPER)
    for atoms in read(tmp_path / "data" / "train.extxyz", index=":"):
        assert atoms.info["source"].startswith(atoms.info["trajectory"] + "#")
        assert atoms.info["set"] == "train"


def unbalanced(folder: Path) -> Sequence[Path]:
    """H2 in one trajectory and HF in the other."""
    fluoride = Atoms("HF", positions=[[0, 0, 0], [0, 0, 0.9]], info={"REF_energy": -30.0, "trajectory": "fluoride"})
    fluoride.set_array("REF_forces", np.zeros((2, 3)))
    write(folder / "frames.extxyz", [*(hydrogen(0.7 + 0.01 * n, trajectory="h") for n in range(3)), fluoride])
    return [folder / "frames.extxyz"]


@pytest.mark.parametrize(
    ("split", "error"),
    [
        (Split(validation=("fluoride",)), TrainingError),
        (Split(validation=("h", "fluoride")), ConfigError),
        (Split(validation=("nobody",)), ConfigError),
    ],
)
def test_a_failure_leaves_nothing_behind(tmp_path: Path, split: Split, error: type[MolgunError]) -> None:
    files = unbalanced(tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(error):
        write_dataset(files, tmp_path / "data", limits=steady(), split=split)
    assert set(tmp_path.iterdir()) == before


def test_a_folder_with_something_in_it_is_not_touched(aimd: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("mine")
    with pytest.raises(InputFileError, match="exists and is not empty"):
        write_dataset([aimd], tmp_path / "data", limits=steady(), split=PAPER)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["mine.txt"]


def test_mixed_units_are_refused(tmp_path: Path) -> None:
    frames = [hydrogen(0.7 + 0.01 * n, energy=-31.0 if n else -31.0 / 27.2114) for n in range(10)]
    write(tmp_path / "frames.extxyz", frames)
    with pytest.raises(TrainingError, match="different units or levels"):
        write_dataset([tmp_path / "frames.extxyz"], tmp_path / "data", limits=steady(), split=Split(by="random"))


@pytest.fixture
def molgun(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["molgun", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return call


def test_the_command_answers_with_a_table_or_with_json(
    molgun: Callable[..., tuple[int, str, str]], aimd: Path, tmp_path: Path
) -> None:
    options = ["--by", "random", "--every", "2", "--test", "3", "--no-energies-follow-forces", "--intact", "H-H=1.1"]
    code, output, _ = molgun("dataset", aimd, "-o", tmp_path / "table", *options)
    assert code == 0
    assert "dropped: SCF not converged" in output
    assert "limit 1.1 Å" in output
    code, output, errors = molgun("dataset", aimd, "-o", tmp_path / "json", *options, "--json")
    assert (code, errors.strip()) == (0, "")
    document = json.loads(output)
    assert document["sets"]["test"]["frames"] == 3
    assert document["limits"]["intact_bonds"] == {"H-H": 1.1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--energy-key", "REF_energy"], "belong together"),
        (["--by", "chance"], "options about the split"),
        (["--intact", "CH"], "options about limits"),
        (["--by", "random", "--validation", "aimd/b/OUTCAR"], "needs `by: trajectory`"),
    ],
)
def test_wrong_options_are_sentences(
    molgun: Callable[..., tuple[int, str, str]], aimd: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    code, _, errors = molgun("dataset", aimd, "-o", tmp_path / "data", *options)
    assert code == ConfigError.exit_code
    assert message in " ".join(errors.split())
