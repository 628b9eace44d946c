"""The API in the test's process: the host's front over real PostgreSQL, and an engine where a test asks for one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from chalicelib.api import authentication
from chalicelib.core.config import Settings
from chalicelib.engine.wake import use_waker
from chalicelib.engine.worker import Worker, WorkerOptions
from infra.host.front import Front
from tests.conftest import BOOTSTRAP_KEY
from tests.support.api import ApiClient


@pytest.fixture
def api(settings_env: Settings) -> Iterator[ApiClient]:
    """A client with the bootstrap key."""
    from app import app

    authentication.forget_workspaces()  # those of the test before are gone, which they never are in life
    front = Front(app)
    yield ApiClient(front, BOOTSTRAP_KEY)
    front.stop()


@pytest.fixture
def worker(settings_env: Settings) -> Iterator[None]:
    """A worker on a thread of its own, woken by every start."""
    loop = asyncio.new_event_loop()
    started, stopping = threading.Event(), asyncio.Event()
    found: list[Worker] = []

    async def work() -> None:
        engine = Worker(WorkerOptions(settings_env.require_database_url(), settings_env.redis_url))
        found.append(engine)
        task = asyncio.create_task(engine.run())
        started.set()
        await stopping.wait()
        await engine.stop()
        await task
        await engine.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()), name="worker")
    thread.start()
    started.wait()
    use_waker(lambda: loop.call_soon_threadsafe(found[0].wake))
    yield
    use_waker(None)
    loop.call_soon_threadsafe(stopping.set)
    thread.join()
    loop.close()
