"""Who looks at a campaign may go at any time, and the campaign goes on."""

import os
import subprocess
from pathlib import Path

import pytest
from campaign_commands import ENVIRONMENT, MOLGUN
from dosing_cases import plan_doses
from waiting import PATIENCE_S

pytestmark = pytest.mark.engine

SHOTS = 30


@pytest.mark.parametrize("json", [False, True])
def test_a_campaign_goes_on_when_nobody_reads_what_is_shown(tmp_path: Path, *, json: bool) -> None:
    """As with `2>&1 | head`: the first line that is written has no reader, long before the last shot has ended."""
    store = plan_doses(tmp_path, dose=None, trajectories=SHOTS)
    reader, writer = os.pipe()
    os.close(reader)
    words = [*MOLGUN, "run", str(store.root), "--workers", "1", *(["--json"] if json else [])]
    done = subprocess.run(words, env=ENVIRONMENT, stdout=writer, stderr=writer, timeout=PATIENCE_S, check=False)
    os.close(writer)
    ended = [folder.result() for folder in store.trajectories()]
    assert [one.state for one in ended if one is not None] == ["finished"] * SHOTS
    assert done.returncode == 1, "the answer itself found no reader"
