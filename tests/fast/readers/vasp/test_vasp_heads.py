"""What the heads of VASP's files say of time and elements, in all the ways in which they say it."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111
from vasp_cases import Step, outcar
from vasp_md_cases import as_vasp, md_outcar, md_vasprun, md_xdatcar

from molgun_lmp.config.external import ForeignFiles
from molgun_lmp.errors import ConfigError, InputFileError
from molgun_lmp.readers.common.drop_reasons import DropReason
from molgun_lmp.readers.common.reference_frame import FoundFrame, Unusable
from molgun_lmp.readers.vasp.common import element_of, vasp_timestep_fs
from molgun_lmp.readers.vasp.outcar import OutcarReader
from molgun_lmp.readers.vasp.vasprun import VasprunReader
from molgun_lmp.readers.vasp_trajectories import about, given_files, runs_frames
from molgun_lmp.results.external import Decided, trajectories


def fall(n_frames: int = 30) -> list[Atoms]:
    """CO falls on copper and leaves it again, 0.3 Å from frame to frame."""
    slab = fcc111("Cu", (2, 2, 3), vacuum=9.0)
    slab.pbc, slab.info = True, {}
    heights = np.abs(np.linspace(-6.0, 6.0, n_frames)) + 1.7
    top = slab.positions[-1]
    return as_vasp([slab + Atoms("CO", positions=top + np.array([[0, 0, z], [0, 0, z + 1.15]])) for z in heights])


FRAMES = fall()
CONTACT = 9
"""The first frame within the contact distance."""
MODES: Sequence[dict[str, str]] = ({"ML_MODE": "RUN"}, {"ML_MODE": "run"}, {"ML_ISTART": "2"})


def decided(folder: Path, *, one: bool = False, **settings: object) -> Decided:
    with given_files([folder]) as given:
        chosen = ForeignFiles.model_validate(settings)
        (found,) = trajectories(given, chosen, folder, one=one, processes=1)
    return found


def xml_of(tags: dict[str, str], *, potim: float = 1.0) -> str:
    head = "".join(f'<i name="{key}">{value}</i>' for key, value in {"ML_LMLFF": " T ", **tags}.items())
    text = md_vasprun(FRAMES, potim=potim, predicted=range(len(FRAMES)))
    return text.replace("<incar>", f"<incar>{head}")


def outcar_of(tags: dict[str, str], *, potim: float = 1.0) -> str:
    text = md_outcar(FRAMES, potim=potim).replace("TOTAL-FORCE (eV/Angst)", "TOTAL-FORCE (eV/Angst) (ML)")
    text = re.sub(r"-+ Iteration .*\n", "", text).replace("free  energy   TOTEN", "free  energy ML TOTEN")
    head = "".join(f"   {key} = {value}\n" for key, value in {"ML_LMLFF": "T", **tags}.items())
    return text.replace("   NELM ", f"{head}   NELM ", 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("blocks", "factor"),
    [
        ({"ML_OUTBLOCK": "10", "NBLOCK": "1"}, 10),
        ({"NBLOCK": "5"}, 5),
        ({"ML_OUTBLOCK": "4", "NBLOCK": "8"}, 8),
        ({}, 1),
    ],
)
@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_a_force_field_alone_writes_every_nth_step(
    tmp_path: Path, name: str, mode: dict[str, str], blocks: dict[str, str], factor: int
) -> None:
    tags = {**mode, **blocks}
    (tmp_path / name).write_text(xml_of(tags) if name == "vasprun.xml" else outcar_of(tags))
    outcome = decided(tmp_path).outcome
    assert outcome.time_ps == pytest.approx(0.001 * factor * (len(FRAMES) - 1))
    assert outcome.first_contact_ps == pytest.approx(0.001 * factor * CONTACT)


def test_dynamics_that_compute_forces_write_every_step() -> None:
    base = {"IBRION": "0", "POTIM": "2.0"}
    for tags in (
        {"NBLOCK": "10"},
        {"NBLOCK": "10", "ML_LMLFF": "T", "ML_MODE": "TRAIN", "ML_OUTBLOCK": "10"},
        {"ML_OUTBLOCK": "10", "ML_LMLFF": "F", "ML_MODE": "RUN"},
        {"ML_OUTBLOCK": "stars", "ML_MODE": "RUN"},
    ):
        assert vasp_timestep_fs({**base, **tags}) == 2.0
    assert vasp_timestep_fs({**base, "ML_MODE": "RUN", "ML_OUTBLOCK": "10"}) == 20.0
    assert vasp_timestep_fs({**base, "IBRION": "2", "ML_MODE": "RUN", "ML_OUTBLOCK": "10"}) is None


def test_another_timestep_than_the_file_s_is_refused_and_the_same_is_not(tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text(xml_of({"ML_MODE": "RUN", "ML_OUTBLOCK": "10"}))
    for wrong in (1.0, 7.0):
        with pytest.raises(ConfigError, match=r"10 fs pass .* timestep_fs says"):
            decided(tmp_path, timestep_fs=wrong)
    assert decided(tmp_path, timestep_fs=10.0).outcome.time_ps == pytest.approx(0.01 * (len(FRAMES) - 1))


@pytest.mark.parametrize("cuts", [(10, 20), (1, 2), (15,)])
def test_joined_xdatcars_go_on_counting(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    edges = [0, *cuts, len(FRAMES)]
    parts = [md_xdatcar(FRAMES[a:b]) for a, b in itertools.pairwise(edges)]
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "XDATCAR").write_text(md_xdatcar(FRAMES))
    (tmp_path / "joined").mkdir()
    (tmp_path / "joined" / "XDATCAR").write_text("".join(parts))
    for number, part in enumerate(parts):
        (tmp_path / "parts" / str(number)).mkdir(parents=True)
        (tmp_path / "parts" / str(number) / "XDATCAR").write_text(part)
    whole, joined = (decided(tmp_path / name, timestep_fs=10.0).outcome for name in ("whole", "joined"))
    several = decided(tmp_path / "parts", one=True, timestep_fs=10.0).outcome
    for found in (joined, several):
        assert found.events == whole.events
        assert found.first_contact_ps == whole.first_contact_ps
        assert found.time_ps == whole.time_ps == pytest.approx(0.01 * (len(FRAMES) - 1))


def test_numbers_of_thinned_runs_go_on_too(tmp_path: Path) -> None:
    for number, part in enumerate((FRAMES[:10], FRAMES[10:])):
        text = re.sub(r"configuration=\s+(\d+)", lambda found: f"configuration= {10 * int(found[1])}", md_xdatcar(part))
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "XDATCAR").write_text(text)
    with given_files([tmp_path]) as given:
        steps = [frame.step for frame in runs_frames([one.source for one in given if one.source is not None])]
    assert np.diff(steps).tolist() == [10] * (len(FRAMES) - 1)


def test_two_runs_in_one_xdatcar_are_refused(tmp_path: Path) -> None:
    elsewhere = [frame.copy() for frame in FRAMES]
    for frame in elsewhere:
        frame.positions[:, 0] += 1.2
    (tmp_path / "XDATCAR").write_text(md_xdatcar(FRAMES) + md_xdatcar(elsewhere))
    with pytest.raises(InputFileError, match="after configuration 30 the numbers begin again"):
        decided(tmp_path, timestep_fs=1.0)


def usable(path: Path) -> list[FoundFrame]:
    found = list(OutcarReader().read(path))
    assert not [item for item in found if isinstance(item, Unusable)]
    return [item for item in found if isinstance(item, FoundFrame)]


def test_elements_come_from_the_list_of_potentials_where_there_is_no_other(tmp_path: Path) -> None:
    text = md_outcar(FRAMES[:3], potim=1.0)
    titles = ["PAW_PBE C 08Apr2002", "PAW_PBE O_s 07Sep2000", "PAW_PBE Cu_pv 06Sep2000"]
    listed = "".join(f" POTCAR:    {title}\n" for title in titles)
    plain = re.sub(r"   (?:VRHFIN|TITEL).*\n", "", text)
    for head in (listed, listed + listed):  # VASP 6 lists them, and each again
        (tmp_path / "OUTCAR").write_text(head + plain)
        found = usable(tmp_path / "OUTCAR")
        assert [one.symbols for one in found] == [("C", "O", *["Cu"] * 12)] * 3
        assert found[0].level["POTCAR Cu"] == titles[2]
    assert about_of(tmp_path) == 1.0


def about_of(folder: Path) -> float | None:
    with given_files([folder]) as (given,):
        assert given.source is not None
        return about(given.source).timestep_fs


@pytest.mark.parametrize("width", [10, 1, 3])
def test_numbers_of_ions_may_go_on_in_further_lines(tmp_path: Path, width: int) -> None:
    text = md_outcar(FRAMES[:3], potim=1.0)
    heads = "".join(
        f"   VRHFIN ={one}: test\n   TITEL  = PAW_PBE {one} 15Jun2001\n" for one in ("C", "O", *["Cu"] * 12)
    )
    rows = "\n                                ".join(" ".join(["1"] * n) for n in lengths(14, width))
    text = re.sub(r"(   (?:VRHFIN|TITEL).*\n)+", heads, text)
    text = re.sub(r"ions per type =.*\n", f"ions per type =    {rows}\n", text)
    (tmp_path / "OUTCAR").write_text(text)
    assert [one.symbols for one in usable(tmp_path / "OUTCAR")] == [("C", "O", *["Cu"] * 12)] * 3


def lengths(total: int, width: int) -> list[int]:
    return [min(width, total - start) for start in range(0, total, width)]


def test_atoms_that_cannot_be_told_are_not_called_without_forces(tmp_path: Path) -> None:
    text = re.sub(r"   (?:VRHFIN|TITEL).*\n| POTCAR:.*\n", "", outcar([Step(), Step(distance=0.8)]))
    (tmp_path / "OUTCAR").write_text(text)
    first, *_ = OutcarReader().read(tmp_path / "OUTCAR")
    assert isinstance(first, Unusable)
    assert first.reason is DropReason.CUT
    assert "tells no elements for its 1 types" in first.detail


@pytest.mark.parametrize(
    ("name", "element"),
    [("Ti_sv_GW", "Ti"), ("H1.25", "H"), ("H.5", "H"), ("O", "O"), ("X", "Xe"), ("r", "Zr"), ("C_s", "C"), ("?", None)],
)
def test_names_of_potentials(name: str, element: str | None) -> None:
    assert element_of(name) == element


def test_xenon_and_zirconium_of_vasprun_xml(tmp_path: Path) -> None:
    atoms = Atoms("Xe2Zr", positions=[[0, 0, 0], [3, 0, 0], [0, 3, 0]], cell=[8, 8, 8], pbc=True)
    text = md_vasprun([atoms], potim=1.0).replace("<c>Xe</c>", "<c>X </c>").replace("<c>Zr</c>", "<c>r </c>")
    assert "<c>X </c>" in text
    (tmp_path / "vasprun.xml").write_text(text)
    (found,) = VasprunReader().read(tmp_path / "vasprun.xml")
    assert isinstance(found, FoundFrame)
    assert sorted(found.symbols) == ["Xe", "Xe", "Zr"]
    assert {"POTCAR Xe", "POTCAR Zr"} <= found.level.keys()
