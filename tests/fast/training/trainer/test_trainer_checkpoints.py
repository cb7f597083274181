"""Which checkpoints are whole, which are kept, which is the best."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

from molgun_lmp.training.run_folder import EpochRecord
from molgun_lmp.training.trainer.checkpoints import (
    BestCheckpoints,
    checkpoints,
    newest_checkpoints,
    prune,
    set_aside_broken,
)


def checkpoint(folder: Path, epoch: int, stage: str = "") -> Path:
    file = folder / f"m_run-1_epoch-{epoch}{stage}.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data", "weights" * 100)
    return file


def cut(file: Path) -> Path:
    file.write_bytes(file.read_bytes()[:-30])
    return file


def epochs(losses: Mapping[int, float]) -> list[EpochRecord]:
    return [
        EpochRecord(
            epoch=epoch,
            train_loss=None,
            validation_loss=loss,
            energy_mae_ev_per_atom=1.0,
            energy_rmse_ev_per_atom=1.0,
            forces_mae_ev_per_angstrom=1.0,
            forces_rmse_ev_per_angstrom=1.0,
            seconds=1.0,
        )
        for epoch, loss in losses.items()
    ]


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    files = [checkpoint(tmp_path, epoch) for epoch in (2, 9, 10, 11)]
    prune(tmp_path)
    assert [file.exists() for file in files] == [False, False, True, True]


def test_nothing_is_deleted_while_a_checkpoint_is_written(tmp_path: Path) -> None:
    files = [*(checkpoint(tmp_path, epoch) for epoch in (1, 2, 3)), cut(checkpoint(tmp_path, 4))]
    prune(tmp_path)
    assert all(file.exists() for file in files)


def test_the_best_is_kept_apart_even_when_its_epoch_is_written_again(tmp_path: Path) -> None:
    mace, apart = tmp_path / "mace", tmp_path / "best"
    mace.mkdir()
    files = [checkpoint(mace, epoch) for epoch in (0, 1)]
    content = files[1].read_bytes()
    best = BestCheckpoints(apart)
    assert not best
    best.keep(mace, epochs({0: 2.0, 1: 1.0, 2: 0.1}))  # the checkpoint of epoch 2 is not there yet
    assert (best.last_stage.file, best.last_stage.record.validation_loss) == (files[1].name, 1.0)
    files[1].write_bytes(b"written anew")
    best.keep(mace, epochs({0: 2.0, 1: 5.0}))
    again = BestCheckpoints(apart)
    assert again.last_stage == best.last_stage
    assert [path.name for path in apart.glob("*.pt")] == [files[1].name]
    assert (apart / files[1].name).read_bytes() == content


def test_an_epoch_that_was_repeated_is_judged_by_what_was_written_since(tmp_path: Path) -> None:
    mace = tmp_path / "mace"
    mace.mkdir()
    before, after = epochs({3: 2.0}), epochs({3: 1.0})
    file = checkpoint(mace, 3)
    best = BestCheckpoints(tmp_path / "best")
    best.keep(mace, before)
    best.keep(mace, after)  # reported anew, not yet written anew
    assert best.records == tuple(before)
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    best.keep(mace, after)
    assert best.records == tuple(after)


def test_a_checkpoint_that_is_being_written_is_not_the_best_yet(tmp_path: Path) -> None:
    mace = tmp_path / "mace"
    mace.mkdir()
    cut(checkpoint(mace, 3))
    best = BestCheckpoints(tmp_path / "best")
    best.keep(mace, epochs({3: 1.0}))
    assert not best
    checkpoint(mace, 3)
    best.keep(mace, epochs({3: 1.0}))
    assert best.last_stage.record.epoch == 3


def test_each_stage_has_its_best_and_its_newest(tmp_path: Path) -> None:
    mace = tmp_path / "mace"
    mace.mkdir()
    first = [checkpoint(mace, epoch) for epoch in (0, 1)]
    second = [checkpoint(mace, epoch, "_swa") for epoch in (2, 3)]
    best = BestCheckpoints(tmp_path / "best")
    best.keep(mace, epochs({0: 1.0, 1: 2.0, 2: 50.0, 3: 60.0}))
    assert {path.name for path in (tmp_path / "best").glob("*.pt")} == {first[0].name, second[0].name}
    assert best.last_stage.file == second[0].name
    assert [record.epoch for record in best.records] == [0, 2]
    assert [found.path for found in newest_checkpoints(mace)] == [first[1], second[1]]


def test_cut_and_flipped_checkpoints_are_set_aside(tmp_path: Path) -> None:
    good, short, flipped = (checkpoint(tmp_path, epoch) for epoch in (1, 2, 3))
    cut(short)
    content = bytearray(flipped.read_bytes())
    content[100] ^= 1
    flipped.write_bytes(content)
    aside = set_aside_broken(tmp_path)
    assert sorted(aside) == [short.with_suffix(".broken"), flipped.with_suffix(".broken")]
    assert [found.path for found in checkpoints(tmp_path)] == [good]
