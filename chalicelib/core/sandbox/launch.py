"""How the zygote is started: without our environment, our descriptors and our folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys


def start(control: socket.socket, binary: str, places: list[str], cpu_seconds: int) -> subprocess.Popen[bytes]:
    """Start it with one socket of ours. What it says on stderr goes where ours goes: only its own code writes there, never a sandbox."""
    code = f"import sys; sys.path[:0] = {places!r}; from chalicelib.core.sandbox.zygote import main; main({control.fileno()}, {binary!r}, {cpu_seconds})"
    return subprocess.Popen(
        [sys.executable, "-I", "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        cwd="/",
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )
