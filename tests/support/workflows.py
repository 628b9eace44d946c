"""Factories: a published workflow, a started execution, straight in the database of the test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from chalicelib.core.config import DEFAULT_WORKSPACE
from chalicelib.core.ids import new_id
from chalicelib.engine.starts import Started, StartRow, start_executions


@dataclass(frozen=True)
class Published:
    """A workflow with one live version."""

    workflow_id: str
    definition_id: str


class Database:
    """A test's own connection; each statement commits."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True, row_factory=dict_row)

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """Run one statement and return its rows."""
        cursor = self.connection.execute(sql, params)
        return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, **params: Any) -> Mapping[str, Any]:
        """The only row."""
        (row,) = self.execute(sql, params)
        return row

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def definition(*nodes: Mapping[str, Any], edges: Sequence[Any] = (), **rest: Any) -> dict[str, Any]:
    """A definition; edges are (from, to) or (from, port, to)."""
    full = [{"from": edge[0], "to": edge[-1], **({"port": edge[1]} if len(edge) == 3 else {})} for edge in edges]
    return {"schema": "millrace/1", "nodes": [dict(node) for node in nodes], "edges": full, **rest}


def published(database: Database, body: Mapping[str, Any], *, enabled: bool = True) -> Published:
    """Insert a workflow whose version 1 is live."""
    workflow_id, definition_id = new_id("wf"), new_id("def")
    text = json.dumps(body)
    database.execute(
        """INSERT INTO workflows (id, workspace_id, slug, name, definition, enabled, live_version, last_version)
           VALUES (%(id)s, %(ws)s, %(id)s, 'test', %(body)s, %(enabled)s, 1, 1)""",
        {"id": workflow_id, "ws": DEFAULT_WORKSPACE, "body": text, "enabled": enabled},
    )
    database.execute(
        "INSERT INTO definitions (id, workspace_id, workflow_id, body) VALUES (%(id)s, %(ws)s, %(wf)s, %(body)s)",
        {"id": definition_id, "ws": DEFAULT_WORKSPACE, "wf": workflow_id, "body": text},
    )
    database.execute(
        """INSERT INTO workflow_versions (workflow_id, version, workspace_id, definition_id)
           VALUES (%(wf)s, 1, %(ws)s, %(def)s)""",
        {"wf": workflow_id, "ws": DEFAULT_WORKSPACE, "def": definition_id},
    )
    return Published(workflow_id, definition_id)


def api_trigger(database: Database, workflow: Published, path: str, **columns: Any) -> str:
    """An enabled API trigger; returns its id."""
    trigger_id = new_id("trg")
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, path, enabled)
           VALUES (%(id)s, %(ws)s, %(wf)s, 'api', '{}', %(path)s, %(enabled)s)""",
        {
            "id": trigger_id,
            "ws": DEFAULT_WORKSPACE,
            "wf": workflow.workflow_id,
            "path": path,
            "enabled": columns.get("enabled", True),
        },
    )
    return trigger_id


def started(database: Database, workflow: Published, data: Any = None, **fields: Any) -> str:
    """Start an execution of the live version; returns its id."""
    outcome = wish(database, workflow, data, **fields)
    assert outcome.verdict == "started", outcome
    assert outcome.execution_id is not None
    return outcome.execution_id


def wish(database: Database, workflow: Published, data: Any = None, **fields: Any) -> Started:
    """Try to start an execution; returns what became of it."""
    row = StartRow(DEFAULT_WORKSPACE, workflow.workflow_id, data if data is not None else {}, {"type": "manual"}, **fields)
    return start_executions(database.execute, [row])[0]
