"""The browser of the tests: Debian's Chromium, installed the first time a test needs it.

    python -m tests.support.chromium      prints its path, or says why there is none
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[2] / ".cache" / "chromium.lock"
NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoChromium(Exception):
    """This machine has no Chromium and cannot be given one; the message says what to do."""


def chromium() -> Path:
    """Chromium's path: what CHROMIUM names, else what is on PATH, else installed by apt (which needs root). Raises NoChromium."""
    given = os.environ.get("CHROMIUM")
    if given:
        if not Path(given).is_file():
            raise NoChromium(f"CHROMIUM is {given}, which is not there")
        return Path(given)
    found = _on_path()
    if found is None:
        LOCK.parent.mkdir(exist_ok=True)
        with LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = _on_path() or _install()
    return found


def _on_path() -> Path | None:
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


def _install() -> Path:
    if not shutil.which("apt-get"):
        raise NoChromium("there is no Chromium and no apt-get to install it with; install it, or set CHROMIUM to its path")
    if os.geteuid() != 0:
        raise NoChromium("there is no Chromium; `sudo apt-get install chromium`, or set CHROMIUM to its path")
    print("Installing Chromium for the tests that look at pages", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-2000:]
            raise NoChromium(f"apt-get {words[0]} ended with {done.returncode}:\n{said}")
    found = _on_path()
    if found is None:
        raise NoChromium("apt-get installed chromium, but none of its commands is on PATH")
    return found


def main() -> int:
    """See the module's docstring."""
    try:
        print(chromium())
    except NoChromium as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
