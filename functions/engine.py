"""The engine on Lambda: claims what is due and carries it on until nothing is left or the time is nearly up."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from chalicelib.core import metrics
from chalicelib.core.config import settings
from chalicelib.core.logging import logger
from chalicelib.engine.wake_lambda import give_token_back
from chalicelib.engine.worker import Worker, WorkerOptions

SPARE_SECONDS = 10.0  # time kept for saving and letting go
log = logger("engine")


@lru_cache(maxsize=1)
def _runtime() -> tuple[asyncio.AbstractEventLoop, Worker]:
    """One event loop and one worker per Lambda environment: `asyncio.run` would close the loop under the connections."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    options = WorkerOptions(settings().require_database_url(), settings().redis_url, prepare=False)
    return loop, Worker(options)


@log.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Answers {"claimed": n}. Nothing is leased when it returns."""
    with metrics.emitted():
        give_token_back()
        loop, worker = _runtime()
        seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
        claimed = loop.run_until_complete(worker.drain(seconds))
        metrics.count("executions_claimed", claimed)
        return {"claimed": claimed}
