"""LocalStack's own Python environment: made once from locked lists, kept among the user's caches, shared by all checkouts."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.host.bootstrap import CannotStart, follow_pip, version_of
from infra.host.caches import NoCache, writable_cache
from infra.host.servers import ServerFailed, ServerUnavailable

PYTHON = (3, 13)
HERE = Path(__file__).parent
LISTS = (HERE / "requirements.txt", HERE / "requirements-runtime.txt")
_STAMP = ".installed"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """What is installed. `python` is the interpreter with LocalStack, `runtime` the folder with AWS's runtime client alone."""

    folder: Path

    @property
    def python(self) -> Path:
        """LocalStack's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def aws(self) -> Path:
        """The AWS command line."""
        return self.folder / "bin" / "aws"

    @property
    def runtime(self) -> Path:
        """AWS's runtime client."""
        return self.folder / "lambda-runtime"


def why_not() -> str | None:
    """Why functions cannot run on this machine without Docker, None when they can: the artifact is made for Lambda's platform."""
    if sys.version_info[:2] != PYTHON:
        return f"the functions' artifact is for Python 3.13, this is {sys.version_info[0]}.{sys.version_info[1]}"
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"the functions' artifact is for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    return None


def ensure(env: Mapping[str, str], say: Say) -> Environment:
    """The environment, installed when it is not there (some minutes, 520 MB). Raises ServerUnavailable or ServerFailed."""
    reason = why_not()
    if reason:
        raise ServerUnavailable(f"{reason}; use Docker: localstack/compose.yaml")
    try:
        cache = writable_cache(env)
    except NoCache as error:
        raise ServerUnavailable(f"{error}, so LocalStack has no place") from error
    made = Environment(cache / f"localstack-{_key()}")
    with (cache / "localstack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several checkouts may want it at once
        if not _usable(made):
            _install(made, say)
    return made


def _key() -> str:
    digest = hashlib.sha256(os.path.realpath(sys.executable).encode())  # a virtual environment lives on the Python it was made with
    for path in LISTS:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _usable(made: Environment) -> bool:
    return (made.folder / _STAMP).is_file() and version_of(str(made.python)) == PYTHON


def _install(made: Environment, say: Say) -> None:
    """In place, since a virtual environment cannot be moved; the stamp comes last."""
    say(f"Installing LocalStack into {made.folder}, once: this takes some minutes")
    began = time.monotonic()
    shutil.rmtree(made.folder, ignore_errors=True)
    try:
        subprocess.run([os.path.realpath(sys.executable), "-m", "venv", str(made.folder)], check=True, capture_output=True, text=True)
        _pip(made, "-r", str(LISTS[0]))
        _pip(made, "--target", str(made.runtime), "-r", str(LISTS[1]))
    except subprocess.CalledProcessError as error:
        raise ServerFailed(f"no virtual environment could be made: {error.stderr or error.stdout}") from error
    except CannotStart as error:
        raise ServerFailed(f"LocalStack could not be installed:\n{error}") from error
    (made.folder / _STAMP).write_text("complete\n")
    say(f"LocalStack is installed ({time.monotonic() - began:.0f} s)")


def _pip(made: Environment, *words: str) -> None:
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-deps", "--require-hashes"]
    follow_pip([str(made.python), "-m", "pip", "install", *options, *words])
