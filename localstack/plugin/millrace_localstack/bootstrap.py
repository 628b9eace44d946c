"""The first code in a function's process: ties it to LocalStack's life, then becomes AWS's runtime client.

    python -P -s -S -B bootstrap.py PARENT_PID HANDLER
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> None:
    """Never returns: the runtime client asks for one event after the other until it is killed."""
    parent, handler = int(words[1]), words[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # LocalStack died before we could ask
            os._exit(1)
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv)
