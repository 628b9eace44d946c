"""Where sandboxes are: in processes of this machine, or on AWS in a Lambda function of its own. One call serves both."""

from __future__ import annotations

import asyncio
import contextlib
import json
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from chalicelib.core.config import settings
from chalicelib.core.sandbox.job import Job, Ran
from chalicelib.core.sandbox.pool import SandboxPool, SandboxUnavailable

__all__ = ["SandboxUnavailable", "close_sandboxes", "pool", "run_job"]

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, SandboxPool] = WeakKeyDictionary()


async def run_job(job: Job) -> Ran:
    """Run user code wherever this installation runs it. Raises SandboxUnavailable; what the code does wrong is in the answer."""
    name = settings().sandbox_function
    if name:
        return await asyncio.to_thread(_invoke, name, job)
    return await pool().run(job)


def pool() -> SandboxPool:
    """The running event loop's sandboxes. Those of loops that are closed are ended."""
    for closed in [loop for loop in _pools if loop.is_closed()]:
        _pools.pop(closed).close()
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        _pools[loop] = SandboxPool()
    return _pools[loop]


def close_sandboxes() -> None:
    """End the running event loop's sandboxes; call it before the loop ends."""
    found = _pools.pop(asyncio.get_running_loop(), None)
    if found is not None:
        found.close()


@lru_cache(maxsize=1)
def _lambda() -> Any:
    import boto3
    from botocore.config import Config

    # Each job is invoked once: a second try would compute again what may have taken all its time.
    return boto3.client(
        "lambda", config=Config(connect_timeout=2, read_timeout=60, max_pool_connections=50, retries={"total_max_attempts": 1})
    )


def _invoke(name: str, job: Job) -> Ran:
    """The sandbox function's answer. It has no rights, and its answer is not believed more than a process's."""
    payload = json.dumps({"language": job.language, "source": job.source, "input": job.input}).encode()
    try:
        answer = _lambda().invoke(FunctionName=name, InvocationType="RequestResponse", Payload=payload)
        body = answer["Payload"].read()
    except Exception as error:  # botocore has dozens, and all mean that there was no run
        raise SandboxUnavailable(f"the sandbox function {name} cannot be invoked: {type(error).__name__}: {error}") from None
    with contextlib.suppress(ValueError, RecursionError):
        if "FunctionError" not in answer:
            return Ran.read(json.loads(body))
    raise SandboxUnavailable(f"the sandbox function {name} failed; its log says why")
