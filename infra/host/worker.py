"""The host's engine worker: `python -m infra.host.worker`. One process, one event loop; as many as there are cores are worth running."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from chalicelib.core import metrics
from chalicelib.core.config import settings
from chalicelib.core.http import close_http_client
from chalicelib.core.kafka_publisher import close_publishers
from chalicelib.core.logging import logger
from chalicelib.core.sandbox.client import close_sandboxes
from chalicelib.credentials.health import health
from chalicelib.engine.worker import Worker, WorkerOptions
from infra.host.wakes import listen

log = logger("worker")


async def serve() -> None:
    """Work until SIGTERM or SIGINT, then give every lease back."""
    config = settings()
    worker = Worker(WorkerOptions(config.require_database_url(), config.redis_url))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    listening = asyncio.create_task(listen(config.require_database_url(), worker.wake))
    working = asyncio.create_task(worker.run())
    print(f"ready worker {worker.id}", flush=True)
    await asyncio.wait({asyncio.create_task(stopped.wait()), working}, return_when=asyncio.FIRST_COMPLETED)
    listening.cancel()
    await worker.stop()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await worker.close()
    await close_http_client()
    await asyncio.to_thread(health().flush)
    close_sandboxes()
    await asyncio.to_thread(close_publishers)


def main() -> int:
    """Run on uvloop where there is one."""
    metrics.use_sink(None)
    try:
        import uvloop

        uvloop.run(serve())
    except ImportError:
        asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
