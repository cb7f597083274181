"""One row for each engine and each format of a model's file: complete, in agreement, and all that others ask."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from molgun_lmp import model_formats
from molgun_lmp.config import Engine
from molgun_lmp.engine import registry, resolve
from molgun_lmp.engine.registry import AUTO_ORDER, ENGINES, Availability, Device, ForceEngine
from molgun_lmp.engine.resolve import ResolvedEngine, engine_include, engines_here, resolve_engine
from molgun_lmp.errors import EngineError
from molgun_lmp.model_formats import (
    EXPORTED_FILES,
    MODEL_FORMATS,
    Dtype,
    EngineKind,
    ExportedFormat,
    ModelEngineKind,
    ModelFormat,
)
from molgun_lmp.models.card import Architecture, Licences, ModelCard, ModelFile
from molgun_lmp.training.export import formats
from molgun_lmp.training.export.export import DEFAULT_FORMATS

PAGE = (Path(__file__).parents[3] / "docs" / "campaign-file.md").read_text(encoding="utf-8")
DOCS = Path(__file__).parents[3] / "docs"
PLACES = {1: "1st", 2: "2nd", 3: "3rd"}
OF_MODELS = [row for row in ENGINES.values() if row.format is not None]


def a_card() -> ModelCard:
    """A model with every file that there can be."""
    files = [
        ModelFile(name=file.file_name, format=file.format, dtype=file.dtype, sha256="", size_bytes=0)
        for file in EXPORTED_FILES.values()
    ]
    return ModelCard(
        name="m",
        elements=("H", "Si"),
        head="Default",
        level_of_theory="EMT",
        architecture=Architecture(
            hidden_irreps="8x0e", max_ell=3, num_interactions=2, r_max_angstrom=5.0, parameters=1
        ),
        e0s_ev={},
        e0s_kind="isolated_atoms",
        training=None,
        errors=(),
        parity=(),
        not_exported={},
        licences=Licences(),
        files=tuple(files),
        versions={},
        created="",
    )


def only(monkeypatch: pytest.MonkeyPatch, *rows: ForceEngine) -> None:
    """These engines in place of those that there are."""
    monkeypatch.setattr(resolve, "AUTO_ORDER", rows)
    monkeypatch.setattr(resolve, "ENGINES", {row.kind: row for row in rows})


def test_every_kind_has_its_row_and_every_row_its_kind() -> None:
    assert set(ENGINES) == set(get_args(EngineKind))
    assert all(row.kind == kind for kind, row in ENGINES.items())
    assert {row.kind for row in OF_MODELS} == set(get_args(ModelEngineKind))
    assert set(MODEL_FORMATS) == set(get_args(ModelFormat))
    assert {row.name for row in MODEL_FORMATS.values() if not row.original} == set(get_args(ExportedFormat))


def test_the_campaign_file_knows_every_engine() -> None:
    for kind in ("auto", *get_args(EngineKind)):
        assert Engine.model_validate({"kind": kind}).kind == kind


@pytest.mark.parametrize("row", ENGINES.values(), ids=ENGINES)
def test_a_row_says_only_what_there_is(row: ForceEngine) -> None:
    assert row.format is None or row.format in MODEL_FORMATS
    assert row.dtypes
    assert set(row.dtypes) <= set(get_args(Dtype))
    assert row.devices
    assert set(row.devices) <= set(get_args(Device))
    assert set(row.joint_on) <= set(row.devices)
    assert not (row.joint_on and row.runs_as == "pair_style"), "a pair style sees one trajectory"
    assert bool(row.pair_commands) == (row.runs_as == "pair_style" and row.format is not None)
    assert row.available().reason.endswith(".")


def test_the_order_of_auto_is_total() -> None:
    assert [row.auto_rank for row in AUTO_ORDER] == list(range(1, len(OF_MODELS) + 1))
    assert {row.kind for row in AUTO_ORDER} == {row.kind for row in OF_MODELS}
    assert list(engines_here()) == [row.kind for row in AUTO_ORDER]


def test_every_format_can_be_written_and_is_compared_in_its_own_dtypes() -> None:
    assert set(formats._TRANSLATIONS) == set(get_args(ExportedFormat))
    for row in MODEL_FORMATS.values():
        assert row.original or {dtype for dtype in row.files if dtype is not None} <= set(row.parity)
        assert set(row.parity) <= set(get_args(Dtype))
        assert (row.shown_with is None) == (row.original or row.not_run_because is not None)
        if row.shown_with is not None:
            assert ENGINES[row.shown_with].format == row.name
            assert set(ENGINES[row.shown_with].dtypes) >= set(row.parity)
    ranks = [row.evaluation_rank for row in MODEL_FORMATS.values() if row.evaluation_rank is not None]
    assert sorted(ranks) == list(range(1, len(ranks) + 1))


def test_names_and_files_of_export_stay() -> None:
    """They stand in model folders and in people's scripts."""
    assert {name: file.file_name for name, file in EXPORTED_FILES.items()} == {
        "torchscript-float32": "model.pt",
        "torchscript-float64": "model-float64.pt",
        "symmetrix": "model.symmetrix.json",
        "symmetrix-splines": "model.symmetrix-splines.json",
        "mliap-float32": "model.mliap.pt",
        "mliap-float64": "model-float64.mliap.pt",
        "mace": "model.model",
    }
    assert DEFAULT_FORMATS == ("torchscript-float32", "torchscript-float64", "symmetrix", "mace")
    assert len({file.file_name for file in EXPORTED_FILES.values()}) == len(EXPORTED_FILES)


def test_the_readmes_table_has_a_line_for_each_engine() -> None:
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, flags=re.MULTILINE)
    table = {kind: [cell.strip() for cell in cells.split("|")] for kind, cells in lines if kind in ENGINES}
    assert table.keys() == ENGINES.keys()
    for kind, (file, way, precision, devices, auto) in table.items():
        row = ENGINES[kind]
        assert file == (row.format or "none")
        assert ("fix external" in way) == (row.runs_as == "fix_external")
        assert ("several trajectories" in way) == bool(row.joint_on)
        assert ("on GPUs" in way) == (row.joint_on == ("cuda",))
        assert precision == ", ".join(row.dtypes)
        assert devices == ", ".join({"cpu": "CPU", "cuda": "GPU"}[device] for device in row.devices)
        assert auto == ("never" if row.auto_rank is None else PLACES[row.auto_rank])


def test_the_page_on_formats_has_a_line_for_each() -> None:
    page = (DOCS / "model-formats.md").read_text(encoding="utf-8")
    lines = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `")}
    for row in MODEL_FORMATS.values():
        names = [name for name, file in EXPORTED_FILES.items() if file.format == row.name]
        line = lines.pop(", ".join(f"`{name}`" for name in names))
        assert all(f"`{file}`" in line for file in row.files.values())
        assert row.original or line.rstrip("| ").endswith(", ".join(row.parity))
    assert list(lines) == []


def test_what_comes_after_torchscript_is_said() -> None:
    """Where its end is in sight, and that no Python is taken in which it has come."""
    page = (DOCS / "engines.md").read_text(encoding="utf-8")
    assert "\n## After TorchScript\n" in page
    assert [row.name for row in MODEL_FORMATS.values() if row.ends] == ["torchscript"]
    for words in ("Python 3.14", "October 2029", "AOTInductor"):
        assert words in MODEL_FORMATS["torchscript"].ends
        assert words in " ".join(page.split())
    project = (DOCS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11,<3.14"' in project


def test_no_list_of_kinds_stands_anywhere_else() -> None:
    """A new engine or format must not have to be found in a literal of another module."""
    package = Path(model_formats.__file__).parent
    spelled = re.compile(r'Literal\[[^\]]*"(?:symmetrix|torchscript|mliap|float32|float64)"')
    found = [file.name for file in sorted(package.rglob("*.py")) if spelled.search(file.read_text(encoding="utf-8"))]
    assert found == ["model_formats.py"]


@pytest.mark.parametrize("row", OF_MODELS, ids=lambda row: row.kind)
@pytest.mark.parametrize("dtype", get_args(Dtype))
def test_an_engine_that_is_asked_for_reads_the_file_of_its_format(
    row: ForceEngine, dtype: Dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, dataclasses.replace(row, available=lambda: Availability(available=True, reason="It is here.")))
    found = resolve_engine(Engine(kind=row.kind), dtype, a_card(), tmp_path)
    assert row.format is not None
    files = MODEL_FORMATS[row.format].files
    assert found == ResolvedEngine(
        kind=row.kind, dtype=dtype, model_file=files.get(dtype) or files[None], cutoff_angstrom=5.0
    )
    include = engine_include(found, ["H", "Si"])
    assert f"${{root}}/model/{found.model_file}" in include
    assert "H Si" in include
    assert ("fix_modify" in include) == (row.runs_as == "fix_external")


def test_auto_takes_the_first_that_runs_here_and_has_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(available: bool) -> Availability:
        return Availability(available=available, reason="Why.")

    first, second, third = (dataclasses.replace(row, available=lambda: here(True)) for row in AUTO_ORDER)
    absent = dataclasses.replace(first, available=lambda: here(False))
    double_only = dataclasses.replace(second, dtypes=("float64",))
    kinds = []
    for rows in ((first, second, third), (absent, second, third), (absent, double_only, third)):
        only(monkeypatch, *rows)
        kinds.append(resolve_engine(Engine(), "float32", a_card(), tmp_path).kind)
    assert kinds == [first.kind, second.kind, third.kind]
    only(monkeypatch, absent, double_only)
    with pytest.raises(EngineError, match=rf"{first.kind}: Why\. {second.kind}: .* computes in float64 only"):
        resolve_engine(Engine(), "float32", a_card(), tmp_path)


def test_auto_passes_over_an_engine_that_would_compile_for_many_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Symmetrix's kernels of a model with max_L 1: once they are there, it is chosen; named, it always is."""
    monkeypatch.setenv("MOLGUN_CACHE", str(tmp_path / "cache"))
    here = Availability(available=True, reason="It is here.")
    first, *others = (dataclasses.replace(row, available=lambda: here) for row in AUTO_ORDER)
    only(monkeypatch, first, *others)
    quick = a_card()
    shape = quick.architecture.model_copy(update={"hidden_irreps": "8x0e+8x1o"})
    slow = quick.model_copy(update={"architecture": shape})
    assert first.kind == "symmetrix"
    assert resolve_engine(Engine(), "float32", quick, tmp_path).kind == "symmetrix"
    assert resolve_engine(Engine(), "float32", slow, tmp_path).kind == others[0].kind
    assert resolve_engine(Engine(kind="symmetrix"), "float32", slow, tmp_path).kind == "symmetrix"
    only(monkeypatch, first)
    with pytest.raises(EngineError, match=r"symmetrix: its kernels .*\(max_L 1\) are not compiled here"):
        resolve_engine(Engine(), "float32", slow, tmp_path)
    monkeypatch.setattr(registry, "is_compiled", lambda *_: True)
    assert resolve_engine(Engine(), "float32", slow, tmp_path).kind == "symmetrix"


def test_what_runs_no_model_resolves_to_none(tmp_path: Path) -> None:
    for row in ENGINES.values():
        assert registry.runs_no_model(row.kind) == (row.format is None)
        if row.format is None:
            with pytest.raises(EngineError, match="runs no model"):
                resolve_engine(Engine(kind=row.kind), "float64", a_card(), tmp_path)
    assert not registry.runs_no_model("auto")
