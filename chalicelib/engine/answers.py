"""Answering a waiting node from outside, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.errors import Conflict, NotFound
from chalicelib.core.jsontext import loads
from chalicelib.engine.links import read_token
from chalicelib.engine.signals import leave_signal

_NODE = """
SELECT d.body, (SELECT n.status FROM node_runs n WHERE n.execution_id = e.id AND n.node_id = %(node_id)s ORDER BY n.attempt DESC LIMIT 1) AS status
FROM executions e JOIN definitions d ON d.id = e.definition_id WHERE e.id = %(id)s
"""

# Given the node's definition: the port it passes on through, and its output. Raises ValidationFailed for an answer that does not fit.
Judge = Callable[[Mapping[str, Any]], tuple[str, Any]]


def answer_node(connection: Connection, token: str, node_type: str, judge: Judge) -> str:
    """Take an answer for the node that `token` names; returns the execution's id. One that comes before the node waits is kept for it.

    Raises NotFound for a token that is not genuine, Conflict `already_answered` for a second answer or one that comes too late, and what `judge` raises.
    Call `wake()` after the commit.
    """
    named = read_token(token)
    row = db.row(connection, _NODE, {"id": named[0], "node_id": named[1]}) if named else None
    nodes = loads(row["body"])["nodes"] if row is not None else []
    node = next((node for node in nodes if named and node["id"] == named[1] and node["type"] == node_type), None)
    if named is None or row is None or node is None:
        raise NotFound("this link leads nowhere; it may have been cut when it was copied")
    execution_id, node_id = named
    port, output = judge(node)
    if row["status"] is None or row["status"] == "waiting":
        sent = leave_signal(db.executor(connection), execution_id, "answer", node_id, {"node_id": node_id, "port": port, "output": output})
        if sent.alive and sent.new:
            return execution_id
    raise Conflict("this has been answered already, or its time was up; the first answer stands", code="already_answered")
