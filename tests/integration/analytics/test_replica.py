"""With DATABASE_REPLICA_URL, analytics reads the replica and nothing else does: both servers' statement logs are the witness."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from chalicelib.analytics.folding import fold_all
from chalicelib.core import config, db
from infra.host.front import Front
from infra.host.servers import Home, run_together
from infra.host.servers.postgres import Postgres
from infra.migrations.runner import upgrade
from tests.conftest import BOOTSTRAP_KEY, SECRET
from tests.integration.analytics.test_projector import invented
from tests.support.api import ApiClient
from tests.support.replica import Replica
from tests.support.workflows import Database


@dataclass
class Pair:
    """A primary and its replica, with their logs."""

    primary: Postgres
    replica: Postgres
    logs: dict[str, Path]

    def said(self, name: str) -> str:
        """A server's log so far."""
        return self.logs[name].read_text()

    def catch_up(self) -> None:
        """Wait until the replica has everything the primary has."""
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            (at,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
        with psycopg.connect(self.replica.url, autocommit=True) as connection:
            while not (connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (at,)).fetchone() or (False,))[0]:
                time.sleep(0.05)


@pytest.fixture
def pair() -> Iterator[Pair]:
    root = Path(tempfile.mkdtemp(prefix="millrace-replica-"))
    root.chmod(0o711)
    for name in ("primary", "replica"):
        (root / name).mkdir(mode=0o711)
    homes = {name: Home.at(root / name, os.environ) for name in ("primary", "replica")}
    primary = Postgres(homes["primary"])
    assert run_together({"postgres": primary.start()}) == {}
    with psycopg.connect(primary.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    upgrade(database_url=primary.url)
    replica = Replica(homes["replica"], primary)
    try:
        assert run_together({"postgres": replica.start()}) == {}
        yield Pair(primary, replica, {name: home.logs / "postgres.log" for name, home in homes.items()})
    finally:
        for url in (primary.url, replica.url):
            db.engine(url).dispose()
        replica.destroy()
        primary.destroy()
        shutil.rmtree(root)


@pytest.fixture
def api(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiClient]:
    from app import app

    values = {
        "DATABASE_URL": pair.primary.url,
        "DATABASE_REPLICA_URL": pair.replica.url,
        "REDIS_URL": "none",
        "KAFKA_BOOTSTRAP_SERVERS": "none",
        "MILLRACE_BOOTSTRAP_KEY": BOOTSTRAP_KEY,
        "MILLRACE_SECRET": SECRET,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()
    front = Front(app)
    yield ApiClient(front, BOOTSTRAP_KEY)
    front.stop()
    config.settings.cache_clear()


@pytest.mark.slow
def test_the_pages_read_the_replica(api: ApiClient, pair: Pair) -> None:
    database = Database(pair.primary.url)
    invented(database, random.Random(3), 20)
    database.close()
    fold_all(lambda: True)
    pair.catch_up()
    before = len(pair.said("primary"))
    for path in ("summary", "timeseries", "breakdown", "triggers", "deliveries"):
        assert api.get(f"/analytics/{path}").status == 200
    assert api.get("/analytics/summary").json["executions"]["total"] == 20
    assert api.get("/workflows").json["items"] != []
    assert "FROM execution_rollups" in pair.said("replica")
    asked_of_primary = pair.said("primary")[before:]
    assert "FROM workflows" in asked_of_primary
    assert "_rollups" not in asked_of_primary
    assert api.request("POST", "/workflows", json_body={"name": "W", "definition": {"schema": "millrace/1", "nodes": []}}).status == 201
