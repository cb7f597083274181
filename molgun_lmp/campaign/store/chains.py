"""What is known of a shot of a chain of doses that was drawn once the dose before had ended."""

import dataclasses
import json
import shutil

from pydantic import ConfigDict, ValidationError

from molgun_lmp.adsorbates import Adsorbate
from molgun_lmp.atomic_files import write_json
from molgun_lmp.campaign.store.campaign_folder import BETWEEN_FOLDER, DRAWN_NAME, TrajectoryFolder
from molgun_lmp.errors import CampaignError
from molgun_lmp.records import JsonRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnShot(JsonRecord):
    """A shot of a later dose, whose deck, data and shot are written.

    `hashes`: file name -> SHA-256; `after`: the trajectory whose end it starts from, and `dump` the hash of what that
    was read from; `left`: what of each molecule was no longer on the surface then, and was taken away; `left_between`:
    what left it while it was thermalised.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    hashes: dict[str, str]
    after: str
    dump: str
    left: tuple[Adsorbate, ...]
    left_between: tuple[Adsorbate, ...]


def read_drawn(folder: TrajectoryFolder) -> DrawnShot | None:
    """What was drawn; None where the shot was written at plan, or is not written yet. Raises `CampaignError`."""
    file = folder.path / DRAWN_NAME
    try:
        return DrawnShot.from_json(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, ValueError, RecursionError) as error:
        raise CampaignError(
            f"{file} is damaged ({error}). Delete it, and `molgun run` draws the shot again, as it was."
        ) from error


def write_drawn(folder: TrajectoryFolder, drawn: DrawnShot) -> None:
    """To be called last: with this file the shot is drawn."""
    write_json(drawn.to_json(), folder.path / DRAWN_NAME)


def undraw(folder: TrajectoryFolder) -> None:
    """Forget what was drawn for a shot from an end that does not count any more."""
    (folder.path / DRAWN_NAME).unlink(missing_ok=True)
    shutil.rmtree(folder.path / BETWEEN_FOLDER, ignore_errors=True)
