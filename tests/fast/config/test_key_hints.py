"""The key that a hint names is never the one that was refused."""

import pytest

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
