"""What a LAMMPS says of itself, read; and which targets follow from it."""

import dataclasses
import datetime
import re
from pathlib import Path

import pytest
from campaign_cases import ELEMENTS, write_model
from help_texts import CORE, OPEN_MPI, help_text

from molgun_lmp.config import Dispersion
from molgun_lmp.engine.doctor import Finding
from molgun_lmp.engine.doctor_lammps import CampaignNeeds, lammps_findings, target_findings
from molgun_lmp.engine.lammps_build import LammpsBuild, read_help, released_on
from molgun_lmp.engine.target_needs import pair_styles_of, styles_of, target_obstacle
from molgun_lmp.engine.targets import LammpsTarget, check_model, load_target
from molgun_lmp.errors import ConfigError

STOCK = ["lj/cut", "morse", "zero"]
GPU = "-k on g 1 -sf kk -pk kokkos newton on neigh half"
DECK = "fix integrate mobile nve\ncompute mobile_temp mobile temp\ndump traj all custom 5 x id\nfix_modify a b c\n"


def build(version: str, packages: str, pairs: str = "", kokkos: str = "", mpi: str = OPEN_MPI) -> LammpsBuild:
    text = help_text(version, packages.split(), [*STOCK, *pairs.split()], kokkos=kokkos, mpi=mpi)
    found = read_help(text)
    assert found is not None
    return found


DEBIAN = build("29 Sep 2021 - Update 2", "MANYBODY PYTHON")
ML_MACE = build("29 Aug 2024 - Development", "ML-MACE PLUGIN KOKKOS", "mace mace/kk", kokkos="OpenMP Serial")


def test_what_it_says_is_read() -> None:
    assert (DEBIAN.version, DEBIAN.released) == ("29 Sep 2021 - Update 2", datetime.date(2021, 9, 29))
    assert DEBIAN.packages == {"MANYBODY", "PYTHON"}
    assert DEBIAN.has("pair", "morse")
    assert DEBIAN.has("fix", "langevin")
    assert not DEBIAN.has("pair", "mace")
    assert not DEBIAN.has("bond", "harmonic")
    assert (DEBIAN.backends, DEBIAN.mpi) == ((), "Open MPI v4.1.4")
    assert ML_MACE.backends == ("OpenMP", "Serial")
    assert ML_MACE.has("pair", "mace/kk")


def test_the_mpi_of_a_wheel_and_of_none() -> None:
    mpich = "MPI v5.0: MPICH Version:      5.0.2\nMPICH Release date: Fri Sep 25 20:45:26 UTC 2026"
    assert build("22 Jul 2025 - Update 4", "PLUGIN", mpi=mpich).mpi == "MPICH 5.0.2"
    assert build("22 Jul 2025", "PLUGIN", mpi="MPI v1.0: LAMMPS MPI STUBS for LAMMPS").mpi.startswith(
        "LAMMPS MPI STUBS"
    )
    assert build("22 Jul 2025", "PLUGIN", mpi="no line of MPI").mpi == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "usage: ls [OPTION]... [FILE]...",
        "Large-scale Atomic/Molecular Massively Parallel Simulator - 22 Jul 2025\n",
        help_text("22 Juli 2025", ["MANYBODY"], STOCK),
    ],
)
def test_other_programs_are_none(text: str) -> None:
    assert read_help(text) is None


def test_a_date_that_is_none_is_before_all() -> None:
    assert released_on(2025, 2, 30) == datetime.date.min


@pytest.mark.parametrize(
    ("name", "lammps", "words"),
    [
        ("ml-mace", DEBIAN, "no pair_style mace: build it with the package ML-MACE"),
        ("ml-mace", ML_MACE, None),
        ("ml-mace-kokkos", DEBIAN, "no package KOKKOS.*PKG_KOKKOS=on"),
        ("ml-mace-kokkos", ML_MACE, r"computes with OpenMP and Serial.*Kokkos_ENABLE_CUDA.*-k on t 1"),
        ("ml-mace-kokkos", build("29 Aug 2024", "ML-MACE KOKKOS", "mace", "CUDA"), "no mace/kk.*on the CPU in silence"),
        ("ml-mace-kokkos", build("29 Aug 2024", "ML-MACE KOKKOS", "mace mace/kk", "CUDA Serial"), None),
        ("pip", DEBIAN, "no package PLUGIN.*PKG_PLUGIN=on"),
        ("pip", build("22 Jul 2025", "PLUGIN"), None),
        ("symmetrix", DEBIAN, "no pair_style symmetrix/mace"),
        ("symmetrix", build("22 Jul 2025", "KOKKOS", "symmetrix/mace", "Serial"), None),
        (
            "mliap-kokkos",
            build("22 Jul 2025 - Update 4", "ML-IAP PYTHON KOKKOS", "mliap mliap/kk", "CUDA"),
            "15 Dec 2025",
        ),
        ("mliap-kokkos", build("10 Dec 2025", "ML-IAP PYTHON KOKKOS", "mliap mliap/kk", "CUDA"), "15 Dec 2025"),
        ("mliap-kokkos", build("11 Feb 2026", "ML-IAP KOKKOS", "mliap mliap/kk", "CUDA"), "no Python.*PKG_PYTHON=on"),
        ("mliap-kokkos", build("11 Feb 2026", "ML-IAP PYTHON KOKKOS", "mliap mliap/kk", "CUDA"), None),
    ],
)
def test_a_target_s_needs(name: str, lammps: LammpsBuild, words: str | None) -> None:
    obstacle = target_obstacle(load_target(name), lammps)
    if words is None:
        assert obstacle is None
    else:
        assert re.search(words, obstacle or ""), obstacle


def test_a_date_before_which_a_target_is_wrong_says_why() -> None:
    mliap = load_target("mliap-kokkos")
    assert mliap.not_before == datetime.date(2025, 12, 15)
    assert mliap.not_before_because in str(target_obstacle(mliap, DEBIAN))


def test_kokkos_on_threads_asks_for_no_gpu() -> None:
    threads = load_target("ml-mace-kokkos").model_copy(update={"launch": f"lmp {GPU}".replace("g 1", "t 1")})
    assert target_obstacle(threads, ML_MACE) is None


def test_a_stock_style_without_a_variant_for_kokkos_runs_plainly() -> None:
    own = LammpsTarget(summary="mine", include="pair_style morse 6.0\n", launch=f"lmp {GPU}".replace("g 1", "t 1"))
    assert target_obstacle(own, ML_MACE) is None


def test_what_decks_and_dispersion_need() -> None:
    assert styles_of(DECK) == {("fix", "nve"), ("compute", "temp"), ("dump", "custom")}
    ml_mace = load_target("ml-mace")
    assert target_obstacle(ml_mace, ML_MACE, deck=DECK) is None
    bare = dataclasses.replace(ML_MACE, styles={**ML_MACE.styles, "fix": frozenset({"nve"})})
    assert "lacks what the decks use (fix langevin)" in str(
        target_obstacle(ml_mace, bare, deck=f"{DECK}fix thermostat bath langevin 300 300 0.1 1\n")
    )
    d3 = Dispersion(kind="d3", functional="pbe", damping="bj", labels_hold_none=True)
    assert "February 2025 or later" in str(target_obstacle(ml_mace, ML_MACE, dispersion=d3))
    with_d3 = dataclasses.replace(ML_MACE, styles={"pair": frozenset({"mace", "dispersion/d3"}), **CORE_STYLES})
    assert target_obstacle(ml_mace, with_d3, dispersion=d3) is None


CORE_STYLES = {kind: frozenset(names) for kind, names in CORE.items()}


def answers(lammps: LammpsBuild, campaign: CampaignNeeds | None = None) -> dict[str, Finding]:
    return {finding.name.removeprefix("target "): finding for finding in target_findings(lammps, campaign)}


def test_doctor_answers_for_each_target(tmp_path: Path) -> None:
    assert {name for name, finding in answers(ML_MACE).items() if finding.found == "yes"} == {"ml-mace", "pip", "stock"}
    assert {finding.status for finding in answers(ML_MACE).values() if finding.found == "no"} == {"missing"}
    assert "until October 2029" in answers(ML_MACE)["pip"].follows
    assert [finding.found for finding in lammps_findings("/opt/lmp", ML_MACE)] == [
        "29 Aug 2024 - Development",
        "3, of those that matter here PLUGIN, ML-MACE, KOKKOS, KOKKOS with OpenMP and Serial",
        "Open MPI v4.1.4",
    ]
    card = write_model(tmp_path / "model")
    there = CampaignNeeds(card=card, dtype="float64", elements=ELEMENTS, dispersion=None, deck=DECK, include="")
    assert {name for name, finding in answers(ML_MACE, there).items() if finding.found == "yes"} == {"ml-mace", "pip"}
    symmetrix = build("22 Jul 2025", "KOKKOS", "symmetrix/mace", "Serial")
    assert answers(symmetrix)["symmetrix"].found == "yes"
    no_file = answers(symmetrix, there)["symmetrix"]
    assert no_file.found == "no"
    assert "--format symmetrix-splines" in no_file.follows
    float32 = answers(ML_MACE, dataclasses.replace(there, dtype="float32"))["ml-mace"]
    assert "no torchscript file in float32" in float32.follows


def test_a_campaign_without_a_model_takes_the_target_stock_where_its_styles_are(tmp_path: Path) -> None:
    card = write_model(tmp_path / "model").model_copy(update={"files": ()})
    with pytest.raises(ConfigError, match="no model: take the target `stock`"):
        check_model(load_target("pip"), card, "float64", ELEMENTS)
    morse = CampaignNeeds(
        card=card, dtype="float64", elements=ELEMENTS, dispersion=None, deck=DECK, include="pair_style morse 6.0\n"
    )
    assert [name for name, finding in answers(DEBIAN, morse).items() if finding.found == "yes"] == ["stock"]
    lines = "pair_style hybrid/overlay morse 6.0 eam/alloy\npair_coeff 1 1 morse 0.3 1.5 2.8\npair_coeff 1 2 none\n"
    metal = dataclasses.replace(morse, include=f"{lines}pair_coeff * * eam/alloy Cu.eam.alloy NULL Cu\n")
    assert pair_styles_of(metal.include) == ["hybrid/overlay", "morse", "eam/alloy"]
    hybrid = build("29 Sep 2021", "none", "hybrid/overlay")
    assert "it has no pair_style eam/alloy: build it" in answers(hybrid, metal)["stock"].follows
    assert answers(build("29 Sep 2021", "MANYBODY", "hybrid/overlay eam/alloy"), metal)["stock"].found == "yes"
