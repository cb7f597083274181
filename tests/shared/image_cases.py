"""Images without Docker: a clean Debian by debootstrap, and buildah, which carries out a Dockerfile word for word.

Every mount is made in a mount namespace of the one process that needs it, so none is left behind, however it ends.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

PROGRAMS: Final = ("debootstrap", "buildah", "setpriv", "unshare")
SEARCH: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE_S: Final = 5400.0
"""Of one command: a starved machine needs this long at most, a free one some minutes."""

# The kernel ends them with this process, and their mounts with them; private, so that no mount of theirs is seen here.
_ALONE: Final = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--propagation", "private")
_PIP_OPTIONS: Final = {
    "index-url": "PIP_INDEX_URL",
    "extra-index-url": "PIP_EXTRA_INDEX_URL",
    "find-links": "PIP_FIND_LINKS",
    "cert": "PIP_CERT",
}
_BASE: Final = """
box=$(buildah "${options[@]}" from scratch)
root=$(buildah "${options[@]}" mount "$box")
debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >&2
rm -rf -- "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb
buildah "${options[@]}" umount "$box" >&2
buildah "${options[@]}" commit --rm "$box" "$name" >&2
"""


def why_not() -> str:
    """What keeps images from being built here; empty where nothing does."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]
    if missing:
        return f"NO IMAGE IS BUILT: no {', '.join(missing)}: apt-get install debootstrap buildah util-linux"
    if os.geteuid() != 0:
        return "NO IMAGE IS BUILT: only root may make a root file system"
    done = subprocess.run([*_ALONE, "true"], env={"PATH": SEARCH}, capture_output=True, text=True, check=False)
    return f"NO IMAGE IS BUILT: root may not mount here ({done.stderr.strip()})" if done.returncode else ""


class Images:
    """Images in a folder of their own."""

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._options = ("--root", str(storage / "root"), "--runroot", str(storage / "run"))
        self._scratch = {**os.environ, "TMPDIR": str(storage), "PATH": SEARCH}

    def __call__(self, *words: str) -> str:
        """What `buildah WORDS` printed."""
        return self._run(["buildah", *self._options, *words])

    def debian(self, name: str, suite: str) -> None:
        """A clean Debian as an image of that name, from this machine's own mirror where it is a Debian, too."""
        head = f"set -euo pipefail\nname=$1 suite=$2 mirror=$3\noptions=({' '.join(self._options)})\n"
        self._run(["bash", "-c", head + _BASE, "bash", name, suite, _mirror(suite)])

    def build(self, dockerfile: Path, context: Path, name: str) -> str:
        """The image of a Dockerfile; pip looks there where it looks on this machine. What was printed."""
        settings = pip_settings()
        volumes = {place: place for place in _folders(settings.values())}
        if "PIP_CERT" in settings:  # aside, since a package of the image writes at the usual place itself
            own = self._storage / "certificates.pem"
            shutil.copyfile(settings["PIP_CERT"], own)
            settings["PIP_CERT"] = "/run/certificates.pem"
            volumes[own] = Path(settings["PIP_CERT"])
        arguments = [word for key, value in settings.items() for word in ("--build-arg", f"{key}={value}")]
        mounts = [word for here, there in volumes.items() for word in ("--volume", f"{here}:{there}:ro")]
        return self(
            "bud", "--isolation", "chroot", "--pull-never", *arguments, *mounts, "--tag", name, "--file",
            str(dockerfile), str(context),
        )  # fmt: skip

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            [*_ALONE, *command],
            env=self._scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        return done.stdout


@contextmanager
def images() -> Iterator[Images]:
    """An empty place for images, some GB in the end, which is removed."""
    # Not among pytest's own folders, of which it keeps some.
    storage = Path(tempfile.mkdtemp(prefix="molgun-images-")).resolve()
    try:
        yield Images(storage)
    finally:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        inside = [place for place in mounts if Path(place).is_relative_to(storage)]
        assert not inside, f"something is mounted at {', '.join(inside)}: {storage} is left as it is"
        subprocess.run(["rm", "-rf", "--one-file-system", "--", str(storage)], check=True)


def pip_settings() -> dict[str, str]:
    """Where pip looks on this machine, as the environment variables that would say so."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found: dict[str, dict[str, str]] = {"files": {}, "environment": {}}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if option in _PIP_OPTIONS:
            found["environment" if section == ":env:" else "files"][_PIP_OPTIONS[option]] = ast.literal_eval(value)
    return {key: " ".join(value.split()) for key, value in (found["files"] | found["environment"]).items()}


def parse_dockerfile(text: str) -> list[tuple[str, str]]:
    """The instructions, each with its words."""
    lines = text.replace("\\\n", " ").splitlines()
    parts = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return [(instruction, words.strip()) for instruction, _, words in parts]


def parse_definition(text: str) -> Mapping[str, list[str]]:
    """The lines of each section of an Apptainer definition; the header's are under the empty name."""
    sections: dict[str, list[str]] = {"": []}
    name = ""
    for line in text.splitlines():
        if line.startswith("%"):
            name = line.removeprefix("%").strip()
            sections[name] = []
        elif line.strip() and not line.startswith("#"):
            sections[name].append(line.strip())
    return sections


def _folders(values: Iterable[str]) -> list[Path]:
    """The folders of this machine that pip's settings name; an index's pages may link to what lies beside them."""
    places = []
    for word in " ".join(values).split():
        url = urlsplit(word)
        place = Path(unquote(url.path) if url.scheme == "file" else word)
        if url.scheme in {"", "file"} and place.is_absolute() and place.is_dir():
            places.append(place.parent if place.name == "simple" else place)
    return sorted(set(places))


def _mirror(suite: str) -> str:
    """The archive from which this machine has its packages of the suite; empty where it has none."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Identifier: Packages"]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return next((url for url, name, part in map(str.split, said.splitlines()) if (name, part) == (suite, "main")), "")
