"""molgun_lmp: molecular-gun campaigns with MACE and LAMMPS, from AIMD frames to adsorption statistics.

`load_campaign(folder)` gives a campaign's results in Python, `load_members(folders)` what campaigns of the same shots
say under the members of a committee. Importing this package imports nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from molgun_lmp.results.members import load_members
    from molgun_lmp.results.notebook import load_campaign

    __version__: str

__all__ = ["__version__", "load_campaign", "load_members"]


def __getattr__(name: str) -> Any:
    """What is asked for only; a notebook should not wait for what it does not use."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("molgun_lmp")
    if name == "load_campaign":
        from molgun_lmp.results.notebook import load_campaign  # noqa: PLC0415

        return load_campaign
    if name == "load_members":
        from molgun_lmp.results.members import load_members  # noqa: PLC0415

        return load_members
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
