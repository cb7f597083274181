"""How a trajectory ended, for tests that need results and not the run behind them."""

from typing import Any

from molgun_lmp.records import Cause, EnergyRecord, Stop, TrajectoryResult


def ended(trajectory: int | str, cause: Cause | None = None, **different: Any) -> TrajectoryResult:
    """A result of trajectory 3 or `000003`: complete, or failed for a `cause`; `different` are fields not as usual."""
    usual: dict[str, Any] = {
        "trajectory_id": f"{int(trajectory):06d}",
        "state": "finished" if cause is None else "failed",
        "stop": Stop.COMPLETED if cause is None else None,
        "cause": cause,
        "message": "",
        "steps": 4000,
        "energy": energy(),
        "wall_s": 60.0,
        "started_at": "2026-11-22T12:00:00Z",
        "host": "node1",
        "engine": "mace float32",
        "attempt": 1,
        "hashes": {},
    }
    return TrajectoryResult(**(usual | different))


def energy(drift: float | None = None, *, excursion: float | None = None, flagged: bool = False) -> EnergyRecord:
    """A record of the total energy, in eV per atom (and ps)."""
    return EnergyRecord(drift_ev_per_atom_per_ps=drift, excursion_ev_per_atom=excursion, flagged=flagged)
