"""A compilation of many minutes is announced, told while it lasts, and remembered."""

import json
import logging
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from molgun_lmp.errors import EngineError
from molgun_lmp.models import symmetrix_kernels
from molgun_lmp.models.symmetrix import read_symmetrix_head, symmetrix_calculator
from molgun_lmp.models.symmetrix_kernels import compiles_long, is_compiled, largest_l
from molgun_lmp.provenance import sha256_file

PATIENCE_S = 600.0


@pytest.mark.parametrize(
    ("irreps", "max_l"), [("64x0e", 0), ("8x0e+8x1o", 1), ("128x0e + 128x1o + 128x2e", 2), ("none", 0)]
)
def test_the_largest_angular_momentum_of_irreps(irreps: str, max_l: int) -> None:
    assert largest_l(irreps) == max_l
    assert compiles_long(max_l) == (max_l > 0)


def model(folder: Path, max_l: int) -> Path:
    file = folder / f"{max_l}.json"
    file.write_text(json.dumps({"atomic_numbers": [1, 6], "r_cut": 4.0, "L_max": max_l}))
    return file


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Compiler":
    """A stand-in for symmetrix, with a cache of its own."""
    stand_in = Compiler(tmp_path / "symmetrix")
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "symmetrix", types.SimpleNamespace(Symmetrix=stand_in))
    jit: Any = types.SimpleNamespace(jit_cache_root=lambda: stand_in.cache)
    monkeypatch.setitem(sys.modules, "symmetrix.jit", jit)
    monkeypatch.setattr(symmetrix_kernels, "_SAY_EVERY_S", 0.001)
    return stand_in


class Compiler:
    """Takes until it was told that it is still at work, where it is to wait for that."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.waits_for: threading.Event | None = None
        self.fails = False

    def __call__(self, path: str, **_: Any) -> str:
        assert self.waits_for is None or self.waits_for.wait(PATIENCE_S)
        if self.fails:
            raise RuntimeError("no C++20")
        (self.cache / "artifacts" / "a").mkdir(parents=True, exist_ok=True)
        return path


class Said(logging.Handler):
    def __init__(self, words: str) -> None:
        super().__init__()
        self.words, self.lines, self.heard = words, list[str](), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if self.words in self.lines[-1]:
            self.heard.set()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Said:
    caplog.set_level(logging.INFO, logger="molgun_lmp")
    handler = Said("still compiling its kernels: 0.0 minutes so far")
    logging.getLogger("molgun_lmp").addHandler(handler)
    return handler


def test_a_long_compilation_is_told_before_and_while_it_runs_and_once(
    compiler: Compiler, said: Said, tmp_path: Path
) -> None:
    file = model(tmp_path, 1)
    compiler.waits_for = said.heard
    head = read_symmetrix_head(file)
    assert (head.max_l, head.cutoff_angstrom, head.elements) == (1, 4.0, frozenset({"H", "C"}))
    assert not is_compiled(sha256_file(file), "float32")
    assert symmetrix_calculator(file, "float32", head) == str(file)
    assert "symmetrix compiles its kernels" in said.lines[0]
    assert "many minutes" in said.lines[0]
    assert "still compiling" in said.lines[1]
    assert is_compiled(sha256_file(file), "float32")
    assert not is_compiled(sha256_file(file), "float64")
    said.lines.clear()
    symmetrix_calculator(file, "float32", head)
    assert said.lines == []


def test_what_compiles_in_seconds_is_not_told(compiler: Compiler, said: Said, tmp_path: Path) -> None:
    file = model(tmp_path, 0)
    symmetrix_calculator(file, "float64", read_symmetrix_head(file))
    assert said.lines == []


def test_a_compilation_that_failed_or_was_cleared_away_is_not_remembered(
    compiler: Compiler, said: Said, tmp_path: Path
) -> None:
    file = model(tmp_path, 2)
    compiler.fails = True
    with pytest.raises(EngineError, match="C\\+\\+20"):
        symmetrix_calculator(file, "float32", read_symmetrix_head(file))
    assert not is_compiled(sha256_file(file), "float32")
    compiler.fails = False
    symmetrix_calculator(file, "float32", read_symmetrix_head(file))
    assert is_compiled(sha256_file(file), "float32")
    (compiler.cache / "artifacts" / "a").rmdir()
    assert not is_compiled(sha256_file(file), "float32")
