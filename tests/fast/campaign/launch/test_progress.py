"""Each trajectory that ends is counted once, and has its own number."""

import io
import json
from pathlib import Path

import pytest
from ended_cases import ended
from rich.console import Console

from molgun_lmp.campaign.launch.progress import Monitor, progress_display
from molgun_lmp.campaign.store.campaign_folder import TrajectoryFolder


def test_trajectories_that_end_at_once_have_different_numbers(tmp_path: Path) -> None:
    folders = [TrajectoryFolder(id=f"{index:06d}", path=tmp_path / f"{index:06d}") for index in range(4)]
    for folder in folders:
        folder.path.mkdir()

    def end(index: int) -> None:
        one = ended(index)
        folders[index].result_file.write_text(json.dumps(one.to_json()))

    end(0)
    monitor = Monitor(folders, steps=10)
    written = io.StringIO()
    with progress_display(monitor, Console(file=written, width=200)) as show:
        end(1)
        end(2)
        show()
        end(3)
    numbers = [line.rpartition("(")[2] for line in written.getvalue().splitlines() if "of 4)" in line]
    assert numbers == ["2 of 4)", "3 of 4)", "4 of 4)"]
    assert monitor.ended == 4


def test_a_result_that_appears_during_a_look_is_reported_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = TrajectoryFolder(id="000000", path=tmp_path)
    monitor = Monitor([folder], steps=10)
    with monkeypatch.context() as early:
        early.setattr(TrajectoryFolder, "result", lambda _: None)
        folder.result_file.write_text(json.dumps(ended(0).to_json()))
        assert monitor.look() == []
        assert monitor.ended == 0
    assert [one.trajectory_id for one in monitor.look()] == ["000000"]
