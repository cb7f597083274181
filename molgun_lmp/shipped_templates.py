"""Where the templates lie that come with this package."""

from pathlib import Path

from molgun_lmp.errors import InputFileError


def templates_folder() -> Path:
    """The folder of the templates: `templates/` of the repository is their only source, put into the wheel at build.

    It is the packaged one, or the repository's in an editable install. Raises `InputFileError` where neither exists.
    """
    package = Path(__file__).parent
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    raise InputFileError(
        f"the templates of molgun_lmp are missing: looked beside and above {package}. Install the package again."
    )
