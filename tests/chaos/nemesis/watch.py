"""Two who look on from outside while it goes on: whether what a dead worker held is picked up in time, and whether what has ended stays as it ended."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from datetime import datetime
from typing import Any

import psycopg

EVERY_SECONDS = 0.2
ENDED_EVERY_SECONDS = 2.0

# How long what a vanished worker held has been due by now, and the time.
_OVERDUE = "SELECT now() AS now, min(wake_at) AS since FROM wakes WHERE worker IS NOT NULL AND wake_at <= now()"

_WORKERS = "SELECT DISTINCT worker FROM wakes WHERE worker IS NOT NULL"

_ENDED = "SELECT id FROM executions WHERE status <> 'queued' AND finished_at >= %(since)s::timestamptz - interval '1 minute'"

_STORY = """
SELECT e.id, (e.status, e.output, e.error, e.finished_at, e.last_seq)::text || coalesce((
  SELECT string_agg(n::text, ',' ORDER BY n.node_id, n.iteration, n.attempt) FROM node_runs n WHERE n.execution_id = e.id), '') AS story
FROM executions e WHERE e.id = ANY(%(ids)s)
"""


class Watch(threading.Thread):
    """`overdue` is the longest in seconds that the work of a vanished worker lay about after its lease had ended, time without a database not counted. `workers` are those seen to hold
    something."""

    def __init__(self, database_url: str) -> None:
        super().__init__(daemon=True)
        self._url = database_url
        self._done = threading.Event()
        self._back_at: datetime | None = None  # since when the database answers
        self._looked_at: datetime | None = None
        self._ended: dict[str, str] = {}
        self.overdue = 0.0
        self.workers: set[str] = set()

    def run(self) -> None:
        """As a thread."""
        connection: psycopg.Connection[Any] | None = None
        while not self._done.wait(EVERY_SECONDS):
            try:
                if connection is None:
                    connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
                    self._back_at = None
                self._look(connection)
            except psycopg.Error:
                if connection is not None:
                    with contextlib.suppress(psycopg.Error):
                        connection.close()
                connection = None

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(_OVERDUE).fetchone()
        assert row is not None
        now, since = row
        self._back_at = self._back_at or now
        if since is not None:
            self.overdue = max(self.overdue, (now - max(since, self._back_at)).total_seconds())
        self.workers = self.workers | {found[0] for found in connection.execute(_WORKERS)}  # a new set: others iterate over the old one
        if self._looked_at is not None and (now - self._looked_at).total_seconds() < ENDED_EVERY_SECONDS:
            return
        ids = [found[0] for found in connection.execute(_ENDED, {"since": self._looked_at or now}) if found[0] not in self._ended]
        self._looked_at = now
        self._ended.update(stories(connection, ids))

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()

    def changed(self, connection: psycopg.Connection[Any]) -> tuple[list[str], int]:
        """Executions that are no longer as they were when they were first seen to have ended, and how many were seen."""
        now = stories(connection, list(self._ended))
        return [execution_id for execution_id, story in self._ended.items() if now.get(execution_id) != story], len(self._ended)


def stories(connection: psycopg.Connection[Any], ids: list[str]) -> dict[str, str]:
    """A digest of all that is kept of each execution."""
    found = {}
    for at in range(0, len(ids), 500):
        for execution_id, story in connection.execute(_STORY, {"ids": ids[at : at + 500]}):
            found[execution_id] = hashlib.md5(story.encode(), usedforsecurity=False).hexdigest()
    return found
