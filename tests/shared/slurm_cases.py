"""SLURM on this machine for the length of a test: one controller, one node, one munge daemon, all of the test's own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from waiting import PATIENCE_S

PROGRAMS: Final = ("setpriv", "munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
_ATTEMPTS: Final = 5
SEARCH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"

# No cgroups and no task affinity, which a container has none of; eight processors whatever this machine has, so that no
# job waits for another.
CONF: Final = """ClusterName=molgun-test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=1
MpiDefault=none
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """What keeps SLURM from being brought up here; empty where nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm munge util-linux"
    return "" if os.geteuid() == 0 else "SLURM's daemons are brought up by root only"


class Slurm:
    """The running daemons, and the commands that speak to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH"))}
        self.environment |= {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": SEARCH}

    def __call__(self, *command: str, cwd: Path | None = None) -> str:
        """What a command answers. A controller that is busy is asked again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            done = subprocess.run(
                command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
            if done.returncode == 0:
                return done.stdout
            assert time.monotonic() < deadline, f"{command}: {done.stderr}\n{self.logs()}"
            time.sleep(0.5)

    def submit(self, script: str, cwd: Path) -> str:
        """The id of the job."""
        return self("sbatch", "--parsable", script, cwd=cwd).strip()

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Until it has happened."""
        deadline = time.monotonic() + PATIENCE_S
        while not happened():
            assert time.monotonic() < deadline, f"{what} did not happen.\n{self.logs()}"
            time.sleep(0.1)

    def jobs(self) -> list[str]:
        """Those that wait or run."""
        return self("squeue", "--noheader", "--format=%i %T").splitlines()

    def logs(self) -> str:
        """The ends of what the daemons wrote."""
        return "\n".join(f"{file.name}: {file.read_text()[-2000:]}" for file in sorted(self.folder.glob("*.log")))


@contextlib.contextmanager
def slurm() -> Iterator[Slurm]:
    """Bring it up, and leave no process behind. Raises `AssertionError` with the daemons' words."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # the path of a socket is short
    here = Slurm(folder)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname().partition(".")[0]
        munge = ["--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
        munge += [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "seed", "log")]
        daemons.append(_start(here, "munged", *munge))
        here.wait_for("munge", (folder / "munge.socket").exists)
        for attempt in range(_ATTEMPTS):
            (folder / "slurm.conf").write_text(CONF.format(host=host, folder=folder, ports=_free_ports()))
            pair = [_start(here, "slurmctld", "-D", "-i"), _start(here, "slurmd", "-D")]
            daemons += pair
            if _is_up(here, pair):
                break
            assert attempt < _ATTEMPTS - 1, f"SLURM does not come up.\n{here.logs()}"
            for one in pair:
                _end(one)
        yield here
    finally:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            command = ["scancel", "--signal=KILL", "--full", "--user=root"]
            subprocess.run(command, env=here.environment, capture_output=True, timeout=20, check=False)
        for daemon in reversed(daemons):
            _end(daemon)
        _end_jobs(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _is_up(here: Slurm, daemons: Sequence[subprocess.Popen[bytes]]) -> bool:
    """Wait for a node that is idle; False where a daemon ends instead, since another program took its port first."""

    def has_ended() -> bool:
        return any(daemon.poll() is not None for daemon in daemons)

    def is_idle() -> bool:
        asked = subprocess.run(
            ["sinfo", "--noheader", "--format=%t"], env=here.environment, capture_output=True, text=True, check=False
        )
        return asked.returncode == 0 and asked.stdout.strip() == "idle"

    here.wait_for("a node that is idle", lambda: has_ended() or is_idle())
    return not has_ended()


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _start(here: Slurm, program: str, *options: str) -> subprocess.Popen[bytes]:
    path = shutil.which(program, path=SEARCH)
    assert path is not None
    with (here.folder / f"{program}.log").open("wb") as log:
        # The kernel ends it with this process, however that ends.
        command = ["setpriv", "--pdeathsig=KILL", path, *options]
        return subprocess.Popen(command, env=here.environment, stdout=log, stderr=log, start_new_session=True)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _end_jobs(folder: Path) -> None:
    """Kill what still belongs to this SLURM: its steps and their jobs know it by its configuration."""
    mark = f"SLURM_CONF={folder}/slurm.conf".encode()
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
