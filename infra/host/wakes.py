"""Wakes between the host's processes: a coalesced NOTIFY from a side connection, and the listener in each worker.

NOTIFY inside every commit would halve the commit rate; one at most every 20 milliseconds costs nothing one could see. Where little happens each start is told at once;
where much does, workers that found something look again by themselves, long before 20 milliseconds are over.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import psycopg

from chalicelib.core.hot import CONNECT_OPTIONS, libpq_url
from chalicelib.engine.database import answered_in_time
from chalicelib.engine.wake import CHANNEL

log = logging.getLogger("millrace.wakes")

COALESCE_SECONDS = 0.02
SPARSE_SECONDS = 0.002
DENSE_PER_SECOND = 150
# A listener only receives, so it would never notice that nobody is at the other end any more. It asks this often.
ASK_SECONDS = 10.0


class NotifyWaker:
    """Call it after a commit. It returns at once; a thread sends the NOTIFY."""

    def __init__(self, database_url: str) -> None:
        self._url = libpq_url(database_url)
        self._wanted = threading.Event()
        self._asked = 0  # since the last NOTIFY, about: threads may overtake each other
        threading.Thread(target=self._run, name="wakes", daemon=True).start()

    def __call__(self) -> None:
        """Say that something is due."""
        self._asked += 1
        self._wanted.set()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        sent_at = 0.0
        while True:
            self._wanted.wait()
            self._wanted.clear()
            now, asked, self._asked = time.monotonic(), self._asked, 0
            dense, sent_at = asked > 1 and asked > DENSE_PER_SECOND * (now - sent_at), now
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self._url, autocommit=True, **CONNECT_OPTIONS)  # type: ignore[arg-type]
                connection.execute(f"NOTIFY {CHANNEL}")
            except psycopg.Error as error:
                log.warning("a wake was not sent, the workers' polling takes its place: %s", type(error).__name__)
                connection = None
                time.sleep(1)
            time.sleep(COALESCE_SECONDS if dense else SPARSE_SECONDS)


async def listen(database_url: str, on_wake: Callable[[], None]) -> None:
    """Call `on_wake` for every notification, for ever, through outages of the database."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True, **CONNECT_OPTIONS)  # type: ignore[arg-type]
            async with connection:
                with answered_in_time(connection):
                    await connection.execute(f"LISTEN {CHANNEL}")
                on_wake()  # whatever was missed while not listening
                while True:
                    async for _ in connection.notifies(timeout=ASK_SECONDS):
                        on_wake()
                    with answered_in_time(connection):
                        await connection.execute("SELECT 1")
        except (psycopg.Error, OSError) as error:
            log.warning("not listening for wakes now, trying again: %s", type(error).__name__)
            await asyncio.sleep(1)
