"""What Lambda itself writes around the lines of a function."""

from __future__ import annotations

import math
from collections.abc import Sequence


def report(request_id: str, version: str, lines: Sequence[str], seconds: float, memory_mb: int, failure: str | None) -> list[str]:
    """The log of one invocation. `failure` is the platform's own word for a function that was killed or ended, None when it answered.

    Memory used is not measured, so it is not said.
    """
    milliseconds = seconds * 1000
    said = [failure if failure.startswith("RequestId:") else f"RequestId: {request_id} {failure}"] if failure else []
    return [
        f"START RequestId: {request_id} Version: {version}",
        *lines,
        *said,
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {memory_mb} MB",
    ]
