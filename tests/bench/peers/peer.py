"""What every product beside ours is measured with: a webhook to load, its processes and what its database says of it."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.bench.cpu import cpu_seconds, descendants
from tests.bench.workload_a import load, postmaster


@dataclass(frozen=True)
class Peer:
    """A running product on a database of its own.

    `unfinished` is SQL that counts executions still going on; `finished` gives how many ended well since %(since)s (a Unix time in seconds) and the seconds from the
    first one's start to the last one's end.
    """

    name: str
    url: str
    pid: int
    database_url: str
    unfinished: str
    finished: str

    def measure(self, concurrency: int, seconds: float) -> dict[str, Any]:
        """As `measure` of Workload A does."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            pids = {"app": self.pid, "postgres": postmaster(connection)}
            before = {name: sum(cpu_seconds(p) for p in descendants(pid)) for name, pid in pids.items()}
            since = time.time()
            times = asyncio.run(load(self.url, concurrency, seconds, statuses=(200, 202)))
            while connection.execute(self.unfinished).fetchone()[0]:  # type: ignore[call-overload, index]
                time.sleep(0.05)
            after = {name: sum(cpu_seconds(p) for p in descendants(pid)) for name, pid in pids.items()}
            done, took = connection.execute(self.finished, {"since": since}).fetchone()  # type: ignore[call-overload, misc]
        return {
            "executions": done,
            "per_second": round(done / float(took), 1),
            "answer_ms_p50": round(statistics.median(times) * 1000, 1),
            "cpu_ms_per_execution": {name: round((after[name] - before[name]) * 1000 / done, 2) for name in pids},
        }


def new_database(name: str) -> str:
    """The URL of a new database on the server of this run."""
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return server.rsplit("/", 1)[0] + f"/{name}"


def wait_for(url: str, seconds: float, body: bytes | None = None) -> None:
    """Ask until it is answered well. Raises RuntimeError after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310
            urllib.request.urlopen(request)  # noqa: S310
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {seconds:.0f} seconds")
