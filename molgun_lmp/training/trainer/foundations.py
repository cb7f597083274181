"""Foundation models that mace knows by name, and how much of one is left in a model that was trained from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molgun_lmp.models.mace_library import load_mace
from molgun_lmp.training.run_folder import KeptWeights


def known_foundations() -> tuple[str, ...]:
    """The names that the installed mace takes."""
    return tuple(_urls())


def cached_foundation(name: str) -> Path | None:
    """The file of a named model in mace's own cache, or None where it was not fetched."""
    load_mace()
    from mace.tools.utils import get_cache_dir  # noqa: PLC0415

    url = _urls().get(name)
    if url is None:
        return None
    base = url.rpartition("/")[2].partition("?")[0]
    # Mace keeps some files under the plain name and some without dots and dashes.
    bare = "".join(character for character in base if character.isalnum() or character == "_")
    return next((file for file in (Path(get_cache_dir()) / base, Path(get_cache_dir()) / bare) if file.is_file()), None)


def _urls() -> Mapping[str, str | None]:
    load_mace()
    from mace.calculators import foundations_models as known  # noqa: PLC0415

    return {
        **known.mace_mp_urls,
        **{f"{size}_off": url for size, url in known.mace_off_urls.items()},
        **getattr(known, "polar_model_urls", {}),
        "mace_omol": None,
    }


def kept_weights(model: Any, foundation: Any) -> KeptWeights | None:
    """How much of a foundation model's weights is left in one that was trained from it, both loaded.

    None where no readout has the shape that it had (several heads).
    """
    trained, before = (dict(one.named_parameters()) for one in (model, foundation))
    same = [name for name, weights in before.items() if name in trained and trained[name].shape == weights.shape]
    readouts = [name for name in same if name.startswith("readouts.")]
    others = [name for name in same if not name.startswith("readouts.")]
    if not readouts or not others:
        return None
    return KeptWeights(readouts=_cosine(trained, before, readouts), others=_cosine(trained, before, others))


def _cosine(first: Mapping[str, Any], second: Mapping[str, Any], names: list[str]) -> float:
    import torch  # noqa: PLC0415

    one, other = (
        torch.cat([weights[name].detach().double().flatten() for name in names]) for weights in (first, second)
    )
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))
