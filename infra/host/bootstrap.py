"""What `./run` and `./test` do before there is a virtual environment: find a Python, make `.venv`, install, hand over.

Runs under whatever `python3` the machine has (3.7 and later), so it uses nothing newer and nothing that must be installed.
It is the one module beside `core/config.py` that reads the environment, because that one cannot be imported yet.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(CHECKOUT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
CACHE = os.path.join(CHECKOUT, ".cache")
OLDEST, PREFERRED = (3, 11), (3, 13)
# What each command installs. The larger list holds the smaller, so its stamp counts for both.
LISTS = {"run": ["requirements-host.txt"], "test": ["requirements-dev.txt"]}
MODULES = {"run": "infra.host.supervisor", "test": "tests.runner"}


class CannotStart(Exception):
    """The machine lacks something; the message says what to do."""


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)


def version_of(python: str) -> tuple[int, int] | None:
    """(major, minor) of an interpreter, None when it does not run."""
    try:
        shown = subprocess.check_output(
            [python, "-c", "import sys; print(*sys.version_info[:2])"], stderr=subprocess.DEVNULL, text=True
        )
        major, minor = shown.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def candidates() -> list[str]:
    """Interpreters worth asking: MILLRACE_PYTHON alone when set, else those on PATH, pyenv's, and our own."""
    wished = os.environ.get("MILLRACE_PYTHON")
    if wished:
        return [wished]
    found = [sys.executable]
    pyenv = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    if os.path.isdir(pyenv):
        found += [os.path.join(pyenv, name, "bin", "python") for name in sorted(os.listdir(pyenv), reverse=True)]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.path.isdir(folder):
            names = [name for name in os.listdir(folder) if re.match(r"^python3(\.\d+)?$", name)]
            found += [os.path.join(folder, name) for name in names]
    return found


def best_python() -> str:
    """Python 3.13 when there is one, else the newest from 3.11 on."""
    versions: dict[tuple[int, int], str] = {}
    for path in candidates():
        named = re.search(r"(?:python|versions/)3\.(\d+)", path)
        if named and int(named.group(1)) < OLDEST[1]:
            continue
        version = version_of(path)
        if version == PREFERRED:
            return path
        if version is not None and version >= OLDEST:
            versions.setdefault(version, path)
    if not versions:
        tried = os.environ.get("MILLRACE_PYTHON") or "PATH and pyenv"
        raise CannotStart(
            f"Millrace needs Python 3.11 or newer (3.13 is best), and {tried} has none. "
            "Install one, or name it: MILLRACE_PYTHON=/path/to/python3.13 ./run"
        )
    return versions[max(versions)]


def ensure_venv() -> None:
    """Makes `.venv`, again when it is broken (a moved checkout, a removed Python) or of too old a version."""
    version = version_of(VENV_PYTHON)
    if version and version >= OLDEST:
        return
    python = best_python()
    say(f"Creating the virtual environment .venv with {python}")
    done = subprocess.run([python, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        output = done.stdout.decode("utf-8", "replace").strip()
        raise CannotStart(f"{output}\nThe virtual environment could not be made (on Debian: install python3-venv).")


def fingerprint() -> str:
    """Changes when any list of requirements or the interpreter does."""
    digest = hashlib.sha256(repr(version_of(VENV_PYTHON)).encode())
    for name in sorted(name for name in os.listdir(CHECKOUT) if re.match(r"requirements.*\.txt$", name)):
        with open(os.path.join(CHECKOUT, name), "rb") as stream:
            digest.update(name.encode() + b"\0" + stream.read() + b"\0")
    return digest.hexdigest()


def stamped(command: str, mark: str) -> bool:
    """Whether this command's packages are installed as the lists say now."""
    try:
        with open(os.path.join(VENV, ".installed-" + command)) as stream:
            return stream.read().strip() == mark
    except OSError:
        return False


def install(command: str) -> None:
    """Installs what the command needs, unless a stamp says that it is there."""
    mark = fingerprint()
    if stamped(command, mark):
        return
    say("Installing Python packages ({})".format(", ".join(LISTS[command])))
    began = time.time()
    words = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    for name in LISTS[command]:
        words += ["-r", os.path.join(CHECKOUT, name)]
    follow_pip(words)
    for done in [command] if command == "run" else ["run", "test"]:
        with open(os.path.join(VENV, ".installed-" + done), "w") as stream:
            stream.write(mark + "\n")
    say(f"Installed in {time.time() - began:.0f} seconds")


def follow_pip(words: list[str]) -> None:
    """Runs pip, showing what it is at, and the end of its output when it fails."""
    on_terminal, lines = sys.stdout.isatty(), [""]
    pip = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in pip.stdout or ():
        lines.append(line.rstrip())
        shown = re.match(r"^\s*(Collecting|Downloading|Building|Installing|Using cached) ?(.*)", line)
        if not shown:
            continue
        if on_terminal:
            sys.stdout.write("\r\033[K  " + shown.group(0).strip()[:90])
            sys.stdout.flush()
        elif shown.group(1) in ("Collecting", "Installing"):
            say("  " + shown.group(0).strip()[:160])
    if on_terminal:
        sys.stdout.write("\r\033[K")
    if pip.wait() != 0:
        raise CannotStart("\n".join(lines[-25:] + ["pip could not install the packages; see above."]))


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands started at once must not install into the same environment together."""
    import fcntl

    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "bootstrap.lock"), "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another ./run or ./test is installing; waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def absolute_folders(words: list[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The given words and environment with relative data folders seen from where the user stands, since we go to the checkout."""
    words, variables = list(words), dict(environ)
    for index, word in enumerate(words):
        if word == "--data" and index + 1 < len(words):
            words[index + 1] = os.path.abspath(words[index + 1])
        elif word.startswith("--data="):
            words[index] = "--data=" + os.path.abspath(word[len("--data=") :])
    if variables.get("MILLRACE_DATA_DIR"):
        variables["MILLRACE_DATA_DIR"] = os.path.abspath(variables["MILLRACE_DATA_DIR"])
    return words, variables


def main(arguments: list[str]) -> None:
    """`bootstrap.py run|test [words…]`: prepares the environment and becomes the command."""
    command = arguments[0]
    words, environ = absolute_folders(arguments[1:], os.environ)
    try:
        if sys.platform == "win32":
            raise CannotStart("Millrace runs on Linux and macOS; on Windows use WSL.")
        with one_at_a_time():
            ensure_venv()
            install(command)
    except CannotStart as reason:
        sys.exit(f"\n{reason}")
    except KeyboardInterrupt:
        sys.exit(130)
    os.chdir(CHECKOUT)
    environ["PATH"] = os.path.dirname(VENV_PYTHON) + os.pathsep + environ.get("PATH", os.defpath)
    os.execve(VENV_PYTHON, [VENV_PYTHON, "-m", MODULES[command], *words], environ)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
