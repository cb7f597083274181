"""The campaign file: strictness, presets, overrides, round trip."""

from pathlib import Path

import pytest

from molgun_lmp.config import Campaign, dump_yaml, load_campaign
from molgun_lmp.errors import ConfigError

MINIMAL = """
name: test
trajectories: 3
system:
  slab: {pool: slab.extxyz}
  molecule: {pool: molecule.extxyz, groups: {CY: [7, 8]}}
model: {folder: model}
"""


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    file = tmp_path / "campaign.yaml"
    file.write_text(MINIMAL)
    return file


def test_defaults_are_the_papers_protocol(campaign_file: Path) -> None:
    config = load_campaign(campaign_file).config
    assert (config.dynamics.ensemble, config.dynamics.timestep_fs, config.dynamics.steps) == ("nve", 0.5, 20_000)
    assert config.gun.start.kind == "height"
    assert config.gun.start.angstrom == 20.0
    assert config.stop.departed


def test_resolved_copy_round_trips(campaign_file: Path, tmp_path: Path) -> None:
    config = load_campaign(campaign_file, ["gun.preset=paper-aimd", "gun.kick.temperature_k=450"]).config
    copy = tmp_path / "resolved.yaml"
    copy.write_text(dump_yaml(config))
    assert load_campaign(copy).config == config


@pytest.mark.parametrize(
    ("preset", "pairing", "direction"), [("paper-ml", "paired", "normal"), ("paper-aimd", "independent", "components")]
)
def test_presets_fill_in_what_is_not_given(campaign_file: Path, preset: str, pairing: str, direction: str) -> None:
    gun = load_campaign(campaign_file, [f"gun.preset={preset}", "gun.orientation=random"]).config.gun
    assert gun.pairing == pairing
    assert gun.kick.kind == "thermal_all_atoms"
    assert gun.kick.direction.kind == direction
    assert gun.orientation == "random"  # given, so not the preset's


def test_another_kick_replaces_the_presets(campaign_file: Path) -> None:
    gun = load_campaign(campaign_file, ["gun.preset=paper-ml", "gun.kick.kind=flux"]).config.gun
    assert gun.kick.kind == "flux"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "stop.settled={after_ps: 0.05, excess_k: 100}",
            "is below outcomes.persistence_fs (100)",
        ),
        ("stop.settled={after_ps: 20, excess_k: 100}", "planned length of 10 ps"),
        ("stop.settled={after_ps: 1, excess_k: 100, audit_share: 0}", "stop.settled.audit_share"),
        ("gun.kik=3", "gun.kik: unknown key; did you mean `gun.kick`?"),
        (
            "gun.timestep_fs=3",
            "gun.timestep_fs: unknown key here; it is `system.equilibration.timestep_fs` or `dynamics.timestep_fs`",
        ),
        (
            "timestep=3",
            "timestep: unknown key; did you mean `system.equilibration.timestep_fs` or `dynamics.timestep_fs`?",
        ),
        (
            "gun.kick={kind: flux, energy_ev: 1}",
            "energy_ev: unknown key here; `gun.kick` has it where it is of another",
        ),
        ("zzz=3", "zzz: unknown key; `molgun schema campaign` lists"),
        ("dynamics.steps=0", "dynamics.steps"),
        ("dynamics.timestep_fs=.nan", "dynamics.timestep_fs"),
        ("name=../elsewhere", "name"),
        ("name='a; rm -rf b'", "name"),
        ("gun.kick={kind: bow}", "gun.kick"),
        ("dynamics.thermostat={kind: langevin}", "ensemble: nvt"),
        ("system.equilibration.duration_ps=5", "no snapshot is left"),
        ("gun.start={kind: clearance, angstrom: 1}", "min_distance_angstrom"),
        ("trajectories=-1", "trajectories"),
        ("gun.grid={}", "energies_ev, polar_deg"),
        ("gun.grid={energies_ev: [0.1, 0.2]}", "kick.kind: fixed_energy"),
        ("gun={kick: {kind: fixed_energy, energy_ev: 0.3}, grid: {energies_ev: [0.1, 0.2]}}", "it is 0.3"),
        ("gun={kick: {kind: fixed_energy}, grid: {energies_ev: [0.1, 0.2, 0.1]}}", "twice"),
        ("gun={kick: {kind: fixed_energy}, grid: {energies_ev: 0.1}}", "energies_ev"),
        ("gun={kick: {kind: fixed_energy, energy_ev: 1}, grid: {polar_deg: [0, 9]}}", "kind: fixed, azimuth_deg"),
        ("gun={kick: {kind: fixed_energy, energy_ev: 1}, grid: {polar_deg: [90]}}", "polar_deg"),
        ("gun.kick={kind: supersonic, speed_ratio: 8}", "either stream_velocity_m_per_s or energy_ev"),
        ("gun.kick={kind: supersonic, energy_ev: 1, speed_ratio: 8, width_m_per_s: 9}", "either width_m_per_s"),
        (
            "gun={kick: {kind: supersonic, stream_velocity_m_per_s: 9, speed_ratio: 8}, grid: {energies_ev: [1, 2]}}",
            "supersonic by its energy_ev",
        ),
        ("engine.multistep={inner: inner, every: 1}", "engine.multistep.every"),
        ("engine={kind: mace, multistep: {inner: inner, every: 4}}", "set `kind` to symmetrix, torchscript or auto"),
        ("engine={kind: stock, multistep: {inner: inner, every: 4}}", "set `kind` to symmetrix, torchscript or auto"),
        ("engine.multistep={inner: inner, every: 3}", "dynamics.steps is 20000, dynamics.dump_every_steps is 40, "),
        ("engine.multistep={inner: inner, every: 8}", "every is 8, and stop.check_every_steps is 20: frames, energies"),
    ],
)
def test_bad_values_are_named(campaign_file: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_campaign(campaign_file, [override])
    assert message in str(caught.value)
    assert str(campaign_file) in str(caught.value)


def test_a_grid_stands_in_place_of_energy_and_angle(campaign_file: Path) -> None:
    text = (
        "gun={kick: {kind: fixed_energy, direction: {kind: fixed}}, grid: {energies_ev: [0.1, 0.2], polar_deg: [5, 6]}}"
    )
    gun = load_campaign(campaign_file, [text]).config.gun
    assert gun.points == ((0.1, 5.0), (0.2, 5.0), (0.1, 6.0), (0.2, 6.0))
    assert [gun.aimed(index) for index in (0, 3, 4, 9)] == [(0, 0), (3, 0), (0, 1), (1, 2)]
    assert type(gun).model_validate(gun.model_dump(mode="json")) == gun
    beam = load_campaign(
        campaign_file, ["gun={kick: {kind: supersonic, speed_ratio: 9}, grid: {energies_ev: [0.1, 0.2]}}"]
    ).config.gun
    assert [getattr(kick, "energy_ev", None) for kick in beam.kicks] == [0.1, 0.2]
    single = load_campaign(campaign_file, ["gun={kick: {kind: fixed_energy, energy_ev: 0.4}}"]).config.gun
    assert single.points == ((0.4, 0.0),)
    assert single.aimed(7) == (0, 7)


@pytest.mark.parametrize("override", ["novalue", "=3", "a..b=1", "name.sub=1", "x=[1"])
def test_malformed_overrides(campaign_file: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_campaign(campaign_file, [override])


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "name: a\nname: b",
        "- a\n- b",
        "",
        "{unclosed",
        "? {a: 1}\n: 2",
        "\x00",
    ],
)
def test_what_is_not_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_campaign(file)
    assert str(file) in str(caught.value)


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="molgun init"):
        load_campaign(tmp_path / "absent.yaml")


def test_every_key_of_the_schema_is_described() -> None:
    schema = Campaign.model_json_schema()
    assert schema["additionalProperties"] is False
    for name, section in schema["$defs"].items():
        assert section["additionalProperties"] is False, name
        assert section["description"], name
