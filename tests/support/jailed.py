"""Real Python in the jail of the sandbox, as if the sandboxed language had been escaped: `python tests/support/jailed.py STAGE` with code on stdin.

STAGE is `settled` (where JavaScript runs, and what speaks to Python's helper) or `helper` (Python's helper itself). Prints one line of JSON about what came of
it. What the code may need is imported before, since afterwards there are no files to import from.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chalicelib.core.sandbox import jail, zygote  # noqa: E402
from chalicelib.core.sandbox.pool import monty_binary  # noqa: E402

LOADED = (ctypes, json, os, resource, signal, socket, subprocess)


def outcome(code: str) -> dict[str, object]:
    """`result` as the code leaves it, or what it raised."""
    scope: dict[str, object] = {module.__name__: module for module in LOADED}
    try:
        exec(code, scope)
    except BaseException as error:
        return {"raised": type(error).__name__, "errno": getattr(error, "errno", None)}
    return {"result": scope.get("result")}


def main(stage: str, code: str) -> None:
    """Take the steps a sandbox's process takes, then run the code."""
    telling = os.dup(1)
    missing = jail.isolate(zygote._files(monty_binary() or ""))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        missing += jail.drop_rights(7)
        if stage == "settled":
            missing += jail.confine()
        else:
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        told = json.dumps({**outcome(code), "missing": missing}, default=repr)
        os.write(telling, told.encode() + b"\n")
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    os.write(telling, json.dumps({"status": status}).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read())
