"""`molgun label`: real ASE calculators in processes of their own; what they do wrong costs one structure."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read, write
from waiting import wait_for

from molgun_lmp.errors import ConfigError, InputFileError, TrainingError
from molgun_lmp.training.dataset.read import read_dataset
from molgun_lmp.training.labelling.label import gather, keys_of, label, read_structures, tried
from molgun_lmp.training.labelling.ledger import open_ledger
from molgun_lmp.training.labelling.settings import LabellingConfig
from molgun_lmp.training.labelling.share import Share

pytestmark = pytest.mark.engine

EMT_CONFIG = LabellingConfig(level_of_theory="EMT", calculator="emt", workers=2)


def crystal(seed: int, repeats: int = 2) -> Atoms:
    atoms = bulk("Cu", cubic=True) * (repeats, 1, 1)
    atoms.rattle(0.1, seed=seed)
    atoms.info.update(trajectory=f"t{seed}", step=10 * seed, config_type="bulk")
    return atoms


def chain(length: int) -> Atoms:
    return Atoms(f"Cu{length}", positions=[[2.4 * n, 0.0, 0.0] for n in range(length)], cell=[30, 10, 10], pbc=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    frames = [crystal(seed) for seed in range(4)]
    frames[1].set_constraint(FixAtoms([0]))
    write(tmp_path / "frames.extxyz", [*frames, frames[0]])
    return tmp_path / "frames.extxyz"


def test_labels_are_the_calculators_and_nothing_is_computed_twice(file: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    report = label(EMT_CONFIG, read_structures([file]), tmp_path / "labels", seen.append)
    assert (report.labelled, report.repeated, report.failed) == (4, 1, {})
    assert report.checked_again == 1  # the first, by a calculator made anew
    assert report.largest_net_force_ev_per_angstrom < 1e-9
    assert sorted(seen) == [1, 2, 3, 4]
    dataset = read_dataset([report.file])
    for seed, frame in enumerate(dataset.frames):
        atoms = crystal(seed)
        atoms.calc = EMT()
        assert frame.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-7)  # files keep 1e-8 Å
        # A fixed atom's force is a label like any other, though ASE would show it as zero.
        np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-7)
        assert (frame.trajectory, frame.config_type) == (f"t{seed}", "bulk")
    written = read(report.file, ":")
    assert {atoms.info["level_of_theory"] for atoms in written} == {"EMT"}
    assert [atoms.info["source"] for atoms in written] == [f"frames.extxyz#{index}" for index in range(4)]

    ledger = tmp_path / "labels" / "labels.jsonl"
    before = ledger.read_bytes()
    again = label(EMT_CONFIG, read_structures([file]), tmp_path / "labels")
    assert again.labelled == 4
    assert ledger.read_bytes() == before


def test_shares_label_side_by_side_into_one_folder(file: Path, tmp_path: Path) -> None:
    """What is written is, byte for byte, what one command alone writes; each structure is labelled once."""
    alone = label(EMT_CONFIG, read_structures([file]), tmp_path / "alone")
    structures, labels = read_structures([file]), tmp_path / "labels"
    first = label(EMT_CONFIG, structures, labels, share=Share(number=0, of=3))
    assert (first.labelled, first.checked_again) == (2, 1)
    assert not first.file.exists()
    with open_ledger(labels, EMT_CONFIG, Share(number=1, of=3)):
        second = label(EMT_CONFIG, structures, labels, share=Share(number=2, of=3))
        assert (second.labelled, second.checked_again) == (1, 0)
        with pytest.raises(TrainingError, match="another `molgun label` is at work on the part 1-of-3"):
            label(EMT_CONFIG, structures, labels, share=Share(number=1, of=3))
        with pytest.raises(TrainingError, match="another `molgun label` is at work in"):
            gather(EMT_CONFIG, structures, labels)
    so_far = gather(EMT_CONFIG, structures, labels)
    assert (tried(keys_of(structures), labels), so_far.labelled, so_far.waiting) == (3, 3, 1)
    with pytest.raises(TrainingError, match=r"none of the 4 structures has been labelled in .*other yet"):
        gather(EMT_CONFIG, structures, tmp_path / "other")
    assert label(EMT_CONFIG, structures, labels).labelled == 4, "alone, it labels what no share has"
    assert gather(EMT_CONFIG, structures, labels).file.read_bytes() == alone.file.read_bytes()
    lines = [json.loads(line) for one in labels.glob("*.jsonl") for line in one.open()]
    assert len(lines) == len({line["key"] for line in lines}) == 4
    assert [len(one.read_text().splitlines()) for one in sorted(labels.glob("*.jsonl"))] == [2, 0, 1, 1]


@pytest.mark.parametrize("text", ["3/3", "1", "a/2", "-1/3", "1/0", "0/2/4"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ConfigError, match="give NUMBER/SHARES, counted from 0"):
        Share.parse(text)


def test_a_bad_structure_costs_itself_alone(tmp_path: Path) -> None:
    config = LabellingConfig(level_of_theory="EMT", calculator="hazardous_calculators:Hazardous")
    write(tmp_path / "in.extxyz", [chain(n) for n in (1, 2, 3, 4, 6)])
    report = label(config, read_structures([tmp_path / "in.extxyz"]), tmp_path / "labels")
    assert report.labelled == 1
    assert report.failed == {
        "in.extxyz#0": "the calculator gives numbers that are not finite",
        "in.extxyz#1": "RuntimeError: the density did not converge",
        "in.extxyz#2": "the process that labelled it died 2 times",
        "in.extxyz#3": "the self-consistent field did not converge",
    }
    assert len(read(report.file, ":")) == 1


def test_a_failure_spoils_no_other_structure_and_is_tried_afresh(tmp_path: Path) -> None:
    config = LabellingConfig(level_of_theory="EMT", calculator="hazardous_calculators:Hazardous")
    write(tmp_path / "in.extxyz", [chain(n) for n in (6, 4, 8, 7)])
    report = label(config, read_structures([tmp_path / "in.extxyz"]), tmp_path / "labels")
    assert list(report.failed) == ["in.extxyz#1"]
    for frame in read_dataset([report.file]).frames:
        atoms = chain(len(frame))
        atoms.calc = EMT()
        assert frame.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-7)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_ended_run_goes_on_and_a_cut_line_counts_for_nothing(tmp_path: Path, number: signal.Signals) -> None:
    config = {"level_of_theory": "EMT", "calculator": "hazardous_calculators:Hazardous"}
    (tmp_path / "label.yaml").write_text(json.dumps(config), encoding="utf-8")
    frames = [chain(5) for _ in range(4)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    write(tmp_path / "in.extxyz", frames)
    command = [str(Path(sys.executable).with_name("molgun")), "label", "label.yaml", "in.extxyz", "-o", "labels"]
    hold = tmp_path / "hold"
    hold.touch()
    path = os.pathsep.join([str(Path(__file__).parents[1] / "shared"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "HAZARDOUS_HOLD": str(hold)}
    ledger = tmp_path / "labels" / "labels.jsonl"
    try:
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(lambda: ledger.is_file() and ledger.read_bytes().count(b"\n") == 2, "two of four labels")
            finally:
                process.send_signal(number)
    finally:
        hold.unlink()
    if number is not signal.SIGKILL:
        assert process.returncode == 130
        assert len(read(tmp_path / "labels" / "labelled.extxyz", ":")) >= 2
    kept = ledger.read_bytes().splitlines(keepends=True)
    assert 2 <= len(kept) < 4
    ledger.write_bytes(b"".join(kept[:-1]) + kept[-1][:40])

    done = subprocess.run([*command, "--json"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout)["labelled"] == 4
    assert ledger.read_bytes().startswith(b"".join(kept[:-1]))
    assert len(read(tmp_path / "labels" / "labelled.extxyz", ":")) == 4


def test_labels_of_two_methods_do_not_mix(file: Path, tmp_path: Path) -> None:
    label(EMT_CONFIG, read_structures([file]), tmp_path / "labels")
    other = EMT_CONFIG.model_copy(update={"options": {"asap_cutoff": True}})
    with pytest.raises(TrainingError, match="another `options`"):
        label(other, read_structures([file]), tmp_path / "labels")


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("os:system", {}, "not an ASE calculator class"),
        ("ase.atoms:Atoms", {}, "not an ASE calculator class"),
        ("no_such_package:Thing", {}, "cannot be loaded"),
        ("nonsense", {}, "cannot be loaded"),
        ("hazardous_calculators:Hazardous", {"nonsense": 1}, "refuses its options"),
    ],
)
def test_only_an_ase_calculator_is_called(
    name: str, options: dict[str, int], why: str, file: Path, tmp_path: Path
) -> None:
    config = LabellingConfig(level_of_theory="?", calculator=name, options=options)
    with pytest.raises(ConfigError, match=why):
        label(config, read_structures([file]), tmp_path / "labels")


def test_files_without_structures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.xyz").write_text("not a structure\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"notes\.xyz cannot be read"):
        read_structures([tmp_path / "notes.xyz"])


def test_gfn1_xtb_labels_a_molecule(tmp_path: Path) -> None:
    from tblite.ase import TBLite

    water = molecule("H2O")
    write(tmp_path / "water.xyz", water)
    config = LabellingConfig(
        level_of_theory="GFN1-xTB", calculator="tblite.ase:TBLite", options={"method": "GFN1-xTB", "verbosity": 0}
    )
    report = label(config, read_structures([tmp_path / "water.xyz"]), tmp_path / "labels")
    frame = read_dataset([report.file]).frames[0]
    water.calc = TBLite(method="GFN1-xTB", verbosity=0)
    assert frame.energy_ev == pytest.approx(water.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(frame.forces, water.get_forces(), atol=1e-6)
    assert frame.energy_ev == pytest.approx(-157.0, abs=1.0)  # -5.77 Eh
