"""The base of every section of the campaign file."""

from pydantic import ConfigDict

from molgun_lmp.documented_model import DocumentedModel


class Section(DocumentedModel):
    """Strict and frozen: unknown keys, infinities and NaN are refused; attribute docstrings reach the JSON schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
