"""The packages of requirements.txt as Lambda needs them, whatever machine this is: Linux on x86-64, Python 3.13, wheels only.

The pruned and compiled folder is kept under .cache/lambda by a key made of everything it depends on, so a second build installs nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from pathlib import Path, PurePosixPath

from infra.aws import pruning, symbols
from infra.host.bootstrap import CannotStart, follow_pip

PYTHON = (3, 13)
# AL2023, which Lambda's Python 3.13 runs on, has glibc 2.34. CEL's wheel is tagged 2_27 and 2_28; others bear older tags.
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in range(28, 16, -1)), "manylinux2014_x86_64")
TASK_ROOT = "/var/task"
_OWNERS = "owners.json"

Say = Callable[[str], None]


class CannotBuild(Exception):
    """The artifact cannot be built on this machine, or from these requirements; the message says why."""


@dataclass(frozen=True)
class Dependencies:
    """A folder of packages, ready to be zipped, and which package each of its files belongs to."""

    folder: Path
    owners: dict[str, str]
    compiled: bool


def can_compile() -> bool:
    """Whether this interpreter writes the byte code that Lambda's reads. Without it a cold start compiles everything it imports."""
    return sys.version_info[:2] == PYTHON


def install(requirements: Path, cache: Path, say: Say) -> Dependencies:
    """The installed packages, from the cache when nothing changed. Raises CannotBuild."""
    kept = cache / _key(requirements)
    if not (kept / _OWNERS).is_file():
        _build(requirements, kept, say)
    else:
        say(f"Packages: as built before ({kept.name})")
    return Dependencies(kept / "packages", json.loads((kept / _OWNERS).read_text("utf-8")), can_compile())


def _key(requirements: Path) -> str:
    digest = hashlib.sha256(requirements.read_bytes())
    for part in (*PLATFORMS, MAGIC_NUMBER.hex() if can_compile() else "sources only"):
        digest.update(part.encode() + b"\0")
    for module in (pruning.__file__, symbols.__file__, __file__):
        digest.update(Path(module).read_bytes())
    return digest.hexdigest()[:16]


def _build(requirements: Path, kept: Path, say: Say) -> None:
    """Build beside the cache and move into place, so that a build which was stopped leaves nothing half done."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="building-") as name:
        work = Path(name)
        packages = work / "packages"
        _pip_install(requirements, packages, say)
        owners = _owners(packages)
        gone = pruning.prune(packages)
        saved = symbols.strip(packages)
        say(f"Left out {gone} files that no function reads, and {saved / 1e6:.0f} MB of symbols for debuggers")
        if can_compile():
            say("Compiling the packages")
            compile_folder(packages)
        else:
            say(
                f"Not compiled: this is Python {sys.version_info[0]}.{sys.version_info[1]}, Lambda runs 3.13; cold starts take over a second longer"
            )
        (work / _OWNERS).write_text(json.dumps(owners), "utf-8")
        for old in kept.parent.iterdir():
            if old.name not in (work.name, kept.name) and not old.name.startswith("building-"):
                shutil.rmtree(old, ignore_errors=True)
        if not kept.exists():
            work.rename(kept)
            work.mkdir()


def _pip_install(requirements: Path, target: Path, say: Say) -> None:
    say("Installing packages for Lambda (Linux x86-64, Python 3.13)")
    words = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    words += ["--no-deps", "--no-compile", "--only-binary=:all:", "--implementation", "cp", "--python-version", "3.13"]
    for platform in PLATFORMS:
        words += ["--platform", platform]
    try:
        follow_pip([*words, "--target", str(target), "-r", str(requirements)])
    except CannotStart as error:
        raise CannotBuild(
            f"{error}\nEvery package must offer a wheel, pure or for Linux x86-64 and Python 3.13: a source distribution would be built for this machine."
        ) from None


def _owners(packages: Path) -> dict[str, str]:
    """File -> package, as the packages' own records tell."""
    owners = {}
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        package = record.parent.name.partition("-")[0].lower().replace("_", "-")
        with record.open(newline="", encoding="utf-8") as lines:
            owners.update({str(PurePosixPath(row[0].removeprefix("../../../").removeprefix("../../"))): package for row in csv.reader(lines) if row})
    return owners


def compile_folder(folder: Path) -> None:
    """Byte code that is valid whatever the files' dates are, and names files as they will stand in Lambda. In a process of its own with a fixed hash
    seed, because byte code is only then the same each time."""
    code = (
        "import compileall, py_compile, sys; sys.exit(not compileall.compile_dir(sys.argv[1], maxlevels=40, quiet=2, stripdir=sys.argv[1], "
        f"prependdir={TASK_ROOT!r}, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(folder)],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotBuild(f"some modules do not compile:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
