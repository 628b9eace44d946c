"""The sandbox on Lambda: runs what users wrote, for function nodes. It has no role, no secrets and no part of ours but this.

Lambda allows neither namespaces nor another user, so the walls are: an account without rights, a process for each run under limits and a filter of system
calls that knows no sockets, files and processes, and the interpreters. Its own event loop keeps processes ready between invocations.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from chalicelib.core.sandbox.jail import hide_memory
from chalicelib.core.sandbox.job import Job
from chalicelib.core.sandbox.pool import SandboxPool


@lru_cache(maxsize=1)
def _runtime() -> tuple[asyncio.AbstractEventLoop, SandboxPool]:
    hide_memory()
    loop = asyncio.new_event_loop()
    return loop, SandboxPool()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Takes {language, source, input: JSON text}, answers {output: JSON text, failure, console}. Raises when there is no sandbox to be had."""
    loop, pool = _runtime()
    ran = loop.run_until_complete(pool.run(Job(event["language"], event["source"], event["input"])))
    return ran.as_json()
