"""What the line of the deliveries log costs an HTTP start: PostgreSQL's CPU for starts with and without it, in groups as concurrent requests make them.

    python -m tests.servers run --no-kafka -- python -m tests.bench.delivery_log [--starts 20000]

The two are measured in turns, so that a busy machine troubles both alike. The line is part of the statement that starts, so it costs no round trip and no commit.
"""

from __future__ import annotations

import argparse
import os
import statistics
import uuid

import psycopg

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.ids import new_id
from chalicelib.engine.starts import StartRow, start_executions
from infra.migrations.runner import upgrade
from tests.bench.cpu import cpu_seconds
from tests.support.workflows import Database, Published, api_trigger, definition, published

ROUNDS = 10


def spent(database: Database, workflow: Published, trigger_id: str, starts: int, group: int, *, logged: bool) -> float:
    """Microseconds of the server's CPU for each of so many starts."""
    pid = database.one("SELECT pg_backend_pid() AS pid")["pid"]
    before = cpu_seconds(pid)
    for _ in range(starts // group):
        rows = [
            StartRow(
                DEFAULT_WORKSPACE,
                workflow.workflow_id,
                {"total": 60.5, "customer": "ada"},
                {"type": "api", "id": trigger_id, "method": "POST", "headers": {"content-type": "application/json"}},
                trigger_id=trigger_id,
                trigger_revision=1,
                definition_id=workflow.definition_id,
                version=1,
                delivery={"id": new_id("dlv"), "method": "POST", "body_bytes": 38} if logged else None,
            )
            for _ in range(group)
        ]
        start_executions(database.execute, rows)
    return (cpu_seconds(pid) - before) / starts * 1e6


def main() -> None:
    """Measure groups of 1 and of 30."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=20_000)
    asked = parser.parse_args()
    server = os.environ["MILLRACE_TEST_DATABASE_URL"]
    name = f"log_{uuid.uuid4().hex[:8]}"
    url = server.rsplit("/", 1)[0] + "/" + name
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        upgrade(database_url=url)
        database = Database(url)
        workflow = published(database, definition({"id": "done", "type": "stop", "config": {}}))
        trigger_id = api_trigger(database, workflow, "log")
        for group in (1, 30):
            turns = [(spent(database, workflow, trigger_id, asked.starts // ROUNDS, group, logged=logged), logged) for _ in range(ROUNDS) for logged in (True, False)]
            with_line, without = (statistics.median(us for us, logged in turns if logged is wanted) for wanted in (True, False))
            print(f"groups of {group}: {with_line:.0f} us with the line, {without:.0f} us without: {with_line - without:.0f} us for the line")
        database.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


if __name__ == "__main__":
    main()
