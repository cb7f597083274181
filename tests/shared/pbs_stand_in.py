"""Stands in for OpenPBS, which Debian does not have: its qsub, qstat and qalter, as far as the job scripts need them.

What it accepts and refuses, how it names jobs and what it answers follow OpenPBS's own code (src/cmds/qsub.c, qstat.c,
src/lib/Libcmds). All tasks run at once, on this machine, each until its walltime: then SIGTERM, and SIGKILL after
`KILL_DELAY_S`. Jobs are files in the folder `$PBS_STAND_IN`; `history` there makes it remember jobs that have ended.
"""

import getopt
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

KILL_DELAY_S = 1.0
OPTIONS = "A:e:hj:J:l:m:M:N:o:p:P:q:r:S:u:v:VW:"
FOLDER = Path(os.environ["PBS_STAND_IN"])
ID = re.compile(r"(\d+)(?:\[(\d*)\])?\.here")


def fail(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(code)


def directives(script: str) -> Iterator[str]:
    """The words of the script's directives, which end at its first command."""
    for line in script.splitlines():
        if line.startswith("#PBS "):
            yield from shlex.split(line[5:])
        elif line.strip() and not line.startswith("#"):
            return


def settings(given: Sequence[str], script: str) -> tuple[dict[str, str], dict[str, str]]:
    """Options and resources: the command line's before the script's, then the first resource and the last option."""
    options: dict[str, str] = {}
    resources: dict[str, str] = {}
    for words in (given, list(directives(script))):
        try:
            found, rest = getopt.getopt(list(words), OPTIONS)
        except getopt.GetoptError as error:
            fail(f"qsub: {error}", 2)
        assert not rest, rest
        before = dict(options)
        for option, value in found:
            if option == "-l":
                for resource in value.split(","):
                    name, _, amount = resource.partition("=")
                    resources.setdefault(name, amount)
            elif option not in before:
                options[option] = value
    return options, resources


def indices(text: str) -> range:
    match = re.fullmatch(r"(\d+)-(\d+)(?::(\d+))?", text)
    if match is None or int(match[1]) >= int(match[2]) or match[3] == "0":
        fail("qsub: illegal -J value", 2)
    return range(int(match[1]), int(match[2]) + 1, int(match[3] or 1))


def qsub(words: Sequence[str]) -> None:
    *given, name = words
    script = Path(name).read_text()
    options, resources = settings(given, script)
    tasks = [str(index) for index in indices(options["-J"])] if "-J" in options else [""]
    if not options.get("-N", "a")[0].isalpha():
        fail("qsub: illegal -N value", 2)
    if "-J" in options and options.get("-r", "y") != "y":
        fail("qsub: cannot submit non-rerunable Array Job", 2)
    number = 1 + sum(1 for _ in FOLDER.glob("[0-9]*"))
    job = FOLDER / str(number)
    job.mkdir()
    (job / "script").write_text(script)
    ids = {task: f"{number}[{task}].here" if task else f"{number}.here" for task in tasks}
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        serve(job, ids, options, resources)
        os._exit(0)
    while not (job / "started").exists():
        time.sleep(0.01)
    print(f"{number}[].here" if "-J" in options else f"{number}.here")


def serve(job: Path, ids: dict[str, str], options: dict[str, str], resources: dict[str, str]) -> None:
    """Run the tasks until all have ended."""
    home = os.environ["HOME"]
    limit = 0
    for part in resources.get("walltime", "99:00:00").split(":"):
        limit = 60 * limit + int(part)
    running: dict[str, subprocess.Popen[bytes]] = {}
    for task, name in ids.items():
        inherited = dict(os.environ) if "-V" in options else {"PATH": "/usr/bin:/bin", "HOME": home}
        told = {"PBS_JOBID": name, "PBS_O_WORKDIR": str(Path.cwd()), "PBS_ENVIRONMENT": "PBS_BATCH"}
        if task:
            told |= {"PBS_ARRAY_INDEX": task, "PBS_ARRAY_ID": f"{job.name}[].here"}
        output = f"{options.get('-N', 'STDIN')}.o{job.name}{'.' + task if task else ''}"
        with Path(output).open("wb") as written:
            running[task] = subprocess.Popen(
                [options.get("-S", "/bin/sh"), str(job / "script")],
                cwd=home,
                env=inherited | told,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (job / f"state-{task}").write_text("R")
        (job / f"group-{task}").write_text(str(running[task].pid))
    begun = time.monotonic()
    (job / "started").touch()
    warned: dict[str, float] = {}
    while running:
        time.sleep(0.05)
        for task, process in list(running.items()):
            now = time.monotonic()
            altered = job / f"walltime-{task}"
            if process.poll() is not None:
                del running[task]
                (job / f"status-{task}").write_text(str(process.returncode))
                (job / f"state-{task}").write_text("X" if task else "F")
            elif task in warned and now > warned[task] + KILL_DELAY_S:
                os.killpg(process.pid, signal.SIGKILL)
            elif task not in warned and (altered.exists() or now > begun + limit):
                warned[task] = now
                os.killpg(process.pid, signal.SIGTERM)
    (job / "finished").touch()


def place(name: str) -> tuple[Path, str]:
    match = ID.fullmatch(name)
    assert match is not None, name
    return FOLDER / match[1], match[2] or ""


def qstat(words: Sequence[str]) -> None:
    (option, name) = words
    assert option == "-f"
    job, task = place(name)
    if (job / "finished").exists() and (FOLDER / "history").exists():
        fail(f"qstat: {name} Job has finished, use -x or -H to obtain historical job information", 35)
    whole_array = name.partition(".")[0].endswith("[]")
    if (job / "finished").exists() or not (whole_array or (job / f"state-{task}").exists()):
        fail(f"qstat: Unknown Job Id {name}", 153)
    state = "B" if whole_array else (job / f"state-{task}").read_text()
    print(f"Job Id: {name}\n    Job_Name = any\n    job_state = {state}\n    queue = workq\n")


def qalter(words: Sequence[str]) -> None:
    """`qalter -l walltime=0 ID`: the time of a task is up now."""
    option, value, name = words
    assert (option, value) == ("-l", "walltime=0")
    job, task = place(name)
    (job / f"walltime-{task}").touch()


if __name__ == "__main__":
    {"qsub": qsub, "qstat": qstat, "qalter": qalter}[sys.argv[1]](sys.argv[2:])
