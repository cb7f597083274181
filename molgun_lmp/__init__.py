"""molgun_lmp: molecular-gun campaigns with MACE and LAMMPS, from AIMD frames to adsorption statistics.

`load_campaign(folder)` gives a campaign's results in Python. Importing this package imports nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molgun_lmp.results.notebook import load_campaign

    __version__: str

__all__ = ["__version__", "load_campaign"]


def __getattr__(name: str) -> Any:
    """What is asked for only; a notebook should not wait for what it does not use."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("molgun_lmp")
    if name == "load_campaign":
        from molgun_lmp.results.notebook import load_campaign  # noqa: PLC0415

        return load_campaign
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
