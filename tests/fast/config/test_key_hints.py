"""The key that a hint names is never the one that was refused, and the list that it names is that of the file."""

import re
from pathlib import Path
from typing import get_args

import pytest

import molgun_lmp
from molgun_lmp.config.file_kinds import FILE_KINDS, FileKind, kind_of, section_of
from molgun_lmp.config.key_hints import unknown_key
from molgun_lmp.config.loading import validated
from molgun_lmp.errors import ConfigError
from molgun_lmp.training.settings import TrainingConfig

SCHEMA = {
    "properties": {
        "epochs": {"type": "integer"},
        "optimisation": {"$ref": "#/$defs/Optimisation"},
        "stages": {"type": "array", "items": {"$ref": "#/$defs/Stage"}},
    },
    "$defs": {
        "Optimisation": {"properties": {"epoch": {}, "rate": {}, "inner": {"$ref": "#/$defs/Optimisation"}}},
        "Stage": {"properties": {"name": {}, "patience": {}}},
    },
}


@pytest.mark.parametrize(
    ("loc", "says"),
    [
        (("optimisation", "epochs"), "unknown key; did you mean `optimisation.epoch`?"),
        (("stages", 1, "epochs"), "unknown key here; it is `epochs`"),
        (("stages", 1, "patiense"), "unknown key; did you mean `stages.patience`?"),
        (("rate",), "unknown key here; it is `optimisation.rate`"),
        (("ratee",), "unknown key; did you mean `optimisation.rate`?"),
        (("stages", 1, "zzz"), "unknown key; there are name, patience"),
    ],
)
def test_the_same_section_comes_first_and_then_where_that_very_key_is(loc: tuple[str | int, ...], says: str) -> None:
    assert unknown_key(loc, SCHEMA) == says


def test_a_training_files_epochs_in_another_section_are_answered_with_their_place() -> None:
    document = {"name": "a", "level_of_theory": "PBE", "frames": ["a.xyz"], "optimisation": {"epochs": 3}, "epochs": 4}
    with pytest.raises(ConfigError) as refused:
        validated(document, TrainingConfig, where="train.yaml")
    for line in str(refused.value).splitlines()[1:]:
        at, _, what = line.strip().partition(": ")
        assert f"`{at}`" not in what
        assert "did you mean `epochs`" not in what


@pytest.mark.parametrize("kind", get_args(FileKind))
def test_a_key_that_is_like_none_is_answered_with_the_list_of_that_files_keys(kind: FileKind) -> None:
    section = section_of(kind)
    assert kind_of(section) == kind
    with pytest.raises(ConfigError, match=rf"zzqqzz: unknown key; `molgun schema {kind}` lists those of this file"):
        validated({"zzqqzz": 3}, section, where="file.yaml")


def test_every_file_that_is_read_strictly_has_its_kind() -> None:
    """What `load_section` and its like are called with, anywhere in the package."""
    assert set(get_args(FileKind)) == set(FILE_KINDS)
    package = Path(molgun_lmp.__file__).parent
    text = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    read = set(re.findall(r"load_section(?:_or_defaults)?\([^()]*(?:\([^()]*\)[^()]*)*?, ([A-Z]\w+)", text))
    assert {"LoopConfig", "ClusterSite", "Campaign"} < read
    assert read <= {place.rpartition(":")[2] for place in FILE_KINDS.values()}
