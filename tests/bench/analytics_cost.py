"""What analytics costs the engine's benchmarks: PostgreSQL's CPU for folding an execution, and how far behind the rollups are under load."""

from __future__ import annotations

import statistics
import threading
import time
from datetime import datetime
from typing import Any

import psycopg

from chalicelib.analytics.projector import fold_facts
from chalicelib.core import db
from chalicelib.core.clock import utc_now
from tests.bench.cpu import cpu_seconds

BATCH = 1_000  # about what two seconds of load leave


class LagSampler:
    """While it is entered: how old the oldest fact is that is not folded yet, a few times a second."""

    def __init__(self, database_url: str) -> None:
        self._url, self._stop, self._seen = database_url, threading.Event(), [0.0]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> LagSampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stop.wait(0.2):
                row = connection.execute("SELECT coalesce(extract(epoch FROM now() - min(at)), 0)::float FROM facts").fetchone()
                assert row is not None
                self._seen.append(row[0])

    def seconds(self) -> dict[str, float]:
        """Median and worst."""
        return {"p50": round(statistics.median(self._seen), 2), "max": round(max(self._seen), 2)}


def folding_cost(database_url: str, since: datetime) -> float:
    """PostgreSQL's CPU for folding one execution, in milliseconds: those that ended since then are folded once more, in a transaction that is rolled back."""
    with db.engine(database_url).connect() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        while not connection.exec_driver_sql("SELECT pg_try_advisory_xact_lock(hashtext('millrace.analytics'))").scalar_one():
            time.sleep(0.01)  # the installation's own projector is at it
        connection.exec_driver_sql("DELETE FROM facts")
        values: dict[str, Any] = {"since": since}
        insert = "INSERT INTO facts (kind, workspace_id, subject) SELECT 'execution', workspace_id, id FROM executions WHERE finished_at >= %(since)s"
        facts = connection.exec_driver_sql(insert, values).rowcount
        before = cpu_seconds(pid)
        while fold_facts(connection, utc_now(), BATCH).more:
            pass
        spent = cpu_seconds(pid) - before
        connection.rollback()
    return round(spent * 1000 / max(facts, 1), 3)
