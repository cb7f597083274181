"""The part of the page in which trajectories are turned: its data, its script, and the script's hash for the policy."""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from molgun_lmp.analysis.report.movies import Cast, Movie, viewer_data
from molgun_lmp.errors import InputFileError
from molgun_lmp.outcome_scheme import in_order
from molgun_lmp.shipped_templates import templates_folder

_SCRIPT: Final = "report/viewer.js"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Viewer:
    """What the template needs. `examples`: (mode, trajectory ids), modes in their order."""

    data: Markup
    script: Markup
    script_hash: str
    """The only script that the page's policy lets run, as `sha256-...`."""
    elements: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    examples: list[tuple[str, list[str]]]

    @property
    def ids(self) -> frozenset[str]:
        """The trajectories that can be turned."""
        return frozenset(name for _, names in self.examples for name in names)


def viewer_of(cast: Cast | None, movies: Sequence[Movie]) -> Viewer | None:
    """The viewer of these movies; None where there are none. Raises `InputFileError` where the script is missing."""
    if cast is None or not movies:
        return None
    file = templates_folder() / _SCRIPT
    try:
        script = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputFileError(f"cannot read {file}: {error}. Install molgun_lmp again.") from error
    data = viewer_data(cast, movies)
    # Inside a script element only this character could end it, and JSON has it within texts only.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    digest = hashlib.sha256(script.encode()).digest()
    return Viewer(
        data=Markup(text),
        script=Markup(script),
        script_hash=f"sha256-{base64.b64encode(digest).decode('ascii')}",
        elements=data["elements"],
        groups=data["groups"],
        examples=[
            (heading, [one.trajectory_id for one in movies if one.heading == heading])
            for heading in [
                *dict.fromkeys(one.heading for one in movies if one.chain),
                *(mode.label for mode in in_order(one.mode for one in movies if not one.chain)),
            ]
        ],
    )
