"""`molgun bench --quick`: every way is really run, and what is written is what was measured."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from molgun_lmp.bench.cases import has_symmetrix, slab_with_molecule
from molgun_lmp.cli.app import app

pytestmark = pytest.mark.engine


@pytest.mark.slow
def test_the_quick_measurement(tmp_path: Path, plugin: Path) -> None:
    answer = CliRunner().invoke(app, ["bench", "--quick", "--out", str(tmp_path)])
    assert answer.exit_code == 0, answer.output
    document = json.loads((tmp_path / "bench.json").read_text())
    ways = {row["way"]: row for row in document["steps"]}
    assert {"ASE + MACECalculator float64", "LAMMPS + TorchScript pair style float32"} <= ways.keys()
    assert ("LAMMPS + symmetrix float32" in ways) == has_symmetrix()
    for row in ways.values():
        assert 0.0 < row["lowest_ms"] <= row["median_ms"] <= row["highest_ms"]
        assert row["atoms"] == 26
    assert ways["ASE + MACECalculator float64"]["speedup"] == 1.0
    assert [point["together"] for point in document["together_torchscript"]["demo"]] == [1, 2]
    assert (tmp_path / "bench.png").stat().st_size > 1000


def test_the_structure_has_room_below_and_above_it() -> None:
    atoms = slab_with_molecule((2, 1))
    assert len(atoms) == 2 * 154
    spread = atoms.positions[:, 2].max() - atoms.positions[:, 2].min()
    assert atoms.cell[2, 2] - spread > 10.0
    distances = atoms.get_all_distances(mic=True)
    distances[range(len(atoms)), range(len(atoms))] = 9.0
    assert distances.min() > 0.9
