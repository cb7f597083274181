"""The pair style is compiled once, whole, and with the compiler's words when it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from molgun_lmp.engine import plugin_build, plugin_path
from molgun_lmp.errors import EngineError

pytestmark = pytest.mark.engine


def test_what_does_not_compile_is_said_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "mace_model.cpp").write_text("int main() { return nothing_of_this_name; }\n")
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plugin_path, "SOURCES", sources)
    monkeypatch.setattr(plugin_build, "SOURCES", sources)
    with pytest.raises(EngineError) as caught:
        plugin_build.ensure_plugin()
    for words in ("did not compile", "-std=c++20", "nothing_of_this_name", "Set CXX to another compiler"):
        assert words in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EngineError, match="set MOLGUN_CACHE to a folder that can be written"):
        plugin_build.ensure_plugin()


def test_what_is_built_needs_no_compiler(plugin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    assert plugin_build.ensure_plugin() == plugin
    assert plugin_path.plugin_folder() == str(plugin)


COMPILER = """#!/bin/bash
# Plays the compiler: each process's first file is there only once both processes are at work on theirs.
for word in "$@"; do
  case $word in
    -fsyntax-only | --version) exit 0 ;;
  esac
  [ "$before" = -o ] && made=$word
  before=$word
done
touch "$MEETING/$PPID"
until [ "$(ls "$MEETING" | wc -l)" = 2 ]; do sleep 0.05; done
echo anything >"$made"
"""


def test_two_processes_build_at_once(tmp_path: Path) -> None:
    """Both end with the same whole build, and nothing half-made stays behind."""
    compiler, meeting, cache = tmp_path / "compiler", tmp_path / "meeting", tmp_path / "cache"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    meeting.mkdir()
    code = "from molgun_lmp.engine.plugin_build import ensure_plugin; print(ensure_plugin())"
    environment = os.environ | {"MOLGUN_CACHE": str(cache), "CXX": str(compiler), "MEETING": str(meeting)}
    builders = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {builder.communicate()[0].strip() for builder in builders}
    assert [builder.returncode for builder in builders] == [0, 0]
    assert [str(path) for path in cache.iterdir()] == list(folders)
    assert plugin_path.is_built(Path(folders.pop()))
