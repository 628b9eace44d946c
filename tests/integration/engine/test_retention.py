"""History is forgotten when its workflow's live version says so, and not before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core import db
from chalicelib.core.config import Settings
from chalicelib.core.ids import bound
from chalicelib.engine.retention import forget_history
from tests.support.engines import EngineRun
from tests.support.workflows import Database, definition, published, started


@pytest.mark.parametrize(("settings", "kept"), [({"retention_days": 30}, 1), ({"retention_days": 90}, 2), ({}, 2)])
def test_what_is_older_than_it_is_kept_goes(database: Database, engine: EngineRun, settings_env: Settings, settings: dict[str, int], kept: int) -> None:
    workflow = published(database, definition({"id": "a", "type": "transform"}, settings=settings))
    ids = [started(database, workflow) for _ in range(2)]
    engine.until_ended(*ids)
    old = bound("exe", datetime.now(UTC) - timedelta(days=60))
    database.execute("ALTER TABLE executions DISABLE TRIGGER executions_end_once")
    database.execute("UPDATE executions SET id = %(old)s, finished_at = now() - interval '59 days' WHERE id = %(id)s", {"old": old, "id": ids[0]})
    database.execute("ALTER TABLE executions ENABLE TRIGGER executions_end_once")
    database.execute("ALTER TABLE node_runs DISABLE TRIGGER node_runs_end_once")
    database.execute("UPDATE node_runs SET execution_id = %(old)s WHERE execution_id = %(id)s", {"old": old, "id": ids[0]})
    database.execute("ALTER TABLE node_runs ENABLE TRIGGER node_runs_end_once")
    with db.transaction() as connection:
        assert forget_history(connection, 10) == 2 - kept
    assert database.one("SELECT count(*) AS n FROM executions")["n"] == kept
    assert database.one("SELECT count(*) AS n FROM node_runs")["n"] == kept
