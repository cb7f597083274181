"""Files and folders that are whole or not there, whatever stops the writing, and what a killed writer leaves."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from molgun_lmp.atomic_files import aside, folder_whole, write_whole


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "frames.xyz"
    file.write_text("old")
    with write_whole(file) as written:
        written.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    with pytest.raises(OSError, match="No space"), write_whole(file) as written:
        written.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert file.read_text() == "new"
    assert names(tmp_path) == ["frames.xyz"], "nothing is left aside"


def test_two_writers_of_one_file_have_a_name_each(tmp_path: Path) -> None:
    file = tmp_path / "frames.xyz"
    with write_whole(file) as first, write_whole(file) as second:
        first.write_text("first")
        second.write_text("second")
    assert file.read_text() == "first", "who ends last"
    assert names(tmp_path) == ["frames.xyz"]


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with folder_whole(folder) as work:
        (work / "inner").mkdir()
        (work / "inner" / "file").touch()
        assert not folder.exists()
    assert (folder / "inner" / "file").is_file()
    with pytest.raises(RuntimeError), folder_whole(tmp_path / "other") as work:
        (work / "inner").mkdir()
        raise RuntimeError
    assert names(tmp_path) == ["new"]
    assert names(tmp_path / "new") == ["folder"]


def test_an_empty_folder_is_replaced_and_a_full_one_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with folder_whole(folder) as work:
        (work / "first").touch()
    with pytest.raises(OSError, match="folder"), folder_whole(folder) as work:
        (work / "second").touch()
    assert names(folder) == ["first"]
    assert names(tmp_path) == ["folder"]


def test_what_a_killed_writer_left_goes_with_the_next_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder [1]"
    code = (
        "import sys; from pathlib import Path; from molgun_lmp.atomic_files import folder_whole\n"
        "with folder_whole(Path(sys.argv[1])) as work:\n"
        "    (work / 'file').touch(); print(work.name, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        left = writer.stdout.readline().strip()
        with pytest.raises(RuntimeError), folder_whole(folder):
            raise RuntimeError
        assert names(tmp_path) == [left], "its writer lives"
        writer.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [left]
    with folder_whole(folder):
        pass
    assert names(tmp_path) == ["folder [1]"]


def test_what_is_still_aside_after_the_block_is_removed(tmp_path: Path) -> None:
    with aside(tmp_path / "x") as name:
        assert not name.exists()
        name.mkdir()
        (name / "file").touch()
    with aside(tmp_path / "x") as name:
        name.touch()
        name.rename(tmp_path / "x")
    assert names(tmp_path) == ["x"]
