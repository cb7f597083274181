"""What the speed of reading is measured with is read as it was made; how fast is not a matter for a test."""

from pathlib import Path

import ase.io
import numpy as np

from molgun_lmp.bench.reading import measure_reading
from molgun_lmp.readers.trajectory import read_frames


def test_both_kinds_hold_the_same_trajectory(tmp_path: Path) -> None:
    text, binary = measure_reading(tmp_path, frames=30)
    assert (text.kind, binary.kind, text.frames, binary.atoms) == ("text", "binary", 30, 154)
    assert min(text.read, text.decided, binary.read, binary.decided) > 0
    ours = list(read_frames(tmp_path / "speed.bin", types={1: "H", 2: "C", 3: "Si"}))
    theirs = ase.io.read(tmp_path / "speed.dump", index=":", format="lammps-dump-text")
    assert len(ours) == len(theirs) == 30
    for frame, reference in zip(ours, theirs, strict=True):
        assert list(frame.symbols) == reference.get_chemical_symbols()
        assert np.abs(frame.positions - reference.positions).max() < 1e-6
