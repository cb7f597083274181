"""Known noise of libraries is dropped, and nothing else."""

import ast
import warnings
from pathlib import Path

import pytest

import molgun_lmp
from molgun_lmp.models.mace_library import without_known_noise

_IN_A_LOG = "training/trainer/mace_process.py"
"""The trainer's process: what it prints goes to a log."""

_QUIET_ITSELF = "models/mace_library.py"


def test_known_messages_are_dropped_and_others_come_through(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with without_known_noise():
            warnings.warn(
                "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the`weights_only` argument was "
                "not explicitly passed to `torch.load`, forcing weights_only=False.",
                UserWarning,
                stacklevel=1,
            )
            warnings.warn("something new", UserWarning, stacklevel=1)
            print(
                "cuequivariance or cuequivariance_torch is not available. Cuequivariance acceleration will be disabled."
            )
            print("a library's news")
    assert [str(one.message) for one in heard] == ["something new"]
    assert capsys.readouterr().out == "a library's news\n"


def test_what_is_printed_before_a_failure_is_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), without_known_noise():
        print("the reason")
        raise ImportError
    assert capsys.readouterr().out == "the reason\n"


def test_whoever_imports_mace_loads_it_quietly() -> None:
    """By `load_mace`, or with a model, which `load_model` does."""
    package = Path(molgun_lmp.__file__).parent
    loud = []
    for file in sorted(package.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        names = [
            name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        ]
        if any(name.split(".")[0] in {"mace", "e3nn"} for name in names) and not (
            "    load_mace()" in text or "load_model(" in text
        ):
            loud.append(file.relative_to(package).as_posix())
    assert set(loud) == {_IN_A_LOG, _QUIET_ITSELF}
