"""Answering a waiting node from outside, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.errors import Conflict, NotFound
from chalicelib.core.jsontext import loads
from chalicelib.engine.links import read_token
from chalicelib.engine.signals import leave_signal

_NODE = """
SELECT d.body, (SELECT n.status FROM node_runs n WHERE n.execution_id = e.id AND n.node_id = %(node_id)s AND n.iteration = %(iteration)s ORDER BY n.attempt DESC LIMIT 1) AS status
FROM executions e JOIN definitions d ON d.id = e.definition_id WHERE e.id = %(id)s
"""

# The save that ends a wait locks this row too: what is read after it stands until the answer is left.
_LOCK = "SELECT 1 FROM wakes WHERE execution_id = %(id)s FOR UPDATE"

_QUESTION = """
SELECT d.body, w.name AS workflow, e.finished_at, n.status, n.input, n.output FROM executions e JOIN definitions d ON d.id = e.definition_id
JOIN workflows w ON w.id = e.workflow_id LEFT JOIN LATERAL (SELECT status, input, output FROM node_runs
  WHERE execution_id = e.id AND node_id = %(node_id)s AND iteration = %(iteration)s ORDER BY attempt DESC LIMIT 1) n ON true WHERE e.id = %(id)s
"""

_NOWHERE = "this link leads nowhere; it may have been cut when it was copied"

# Given the node's definition: the port it passes on through, and its output. Raises ValidationFailed for an answer that does not fit.
Judge = Callable[[Mapping[str, Any]], tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a waiting node asks: the workflow's and the node's name, the node's config with its expressions' values (empty before it waits) and its output (empty before it
    has one). `open`: an answer may still be taken."""

    workflow: str
    title: str
    config: Mapping[str, Any]
    output: Mapping[str, Any]
    open: bool


def question_at(connection: Connection, token: str, node_type: str) -> Question:
    """What is asked at this link. Raises NotFound for a token that is not genuine."""
    named = read_token(token)
    row = db.row(connection, _QUESTION, {"id": named[0], "node_id": named[1], "iteration": named[2]}) if named else None
    node = _node_at(loads(row["body"]), named[1], named[2]) if named is not None and row is not None else None
    if row is None or node is None or node["type"] != node_type:
        raise NotFound(_NOWHERE)
    config, output = (loads(text) if text else None for text in (row["input"], row["output"]))
    return Question(
        row["workflow"],
        node.get("name") or node["id"],
        config if isinstance(config, dict) else {},
        output if isinstance(output, dict) else {},
        row["finished_at"] is None and row["status"] in (None, "waiting"),
    )


def answer_node(connection: Connection, token: str, node_type: str, judge: Judge) -> str:
    """Take an answer for the node that `token` names; returns the execution's id. One that comes before the node waits is kept for it.

    Raises NotFound for a token that is not genuine, Conflict `already_answered` for a second answer or one that comes too late, and what `judge` raises.
    Call `wake()` after the commit.
    """
    named = read_token(token)
    if named is not None:
        db.rows(connection, _LOCK, {"id": named[0]})
    row = db.row(connection, _NODE, {"id": named[0], "node_id": named[1], "iteration": named[2]}) if named else None
    node = _node_at(loads(row["body"]), named[1], named[2]) if named is not None and row is not None else None
    if named is None or row is None or node is None or node["type"] != node_type:
        raise NotFound(_NOWHERE)
    execution_id, node_id, iteration = named
    port, output = judge(node)
    if row["status"] is None or row["status"] == "waiting":
        sent = leave_signal(
            db.executor(connection),
            execution_id,
            "answer",
            f"{node_id} {iteration}".rstrip(),
            {"node_id": node_id, "iteration": iteration, "port": port, "output": output},
        )
        if sent.alive and sent.new:
            return execution_id
    raise Conflict("this has been answered already, or its time was up; the first answer stands", code="already_answered")


def _node_at(definition: Mapping[str, Any], node_id: str, iteration: str) -> Mapping[str, Any] | None:
    """The node of that id: in the definition itself, or in the body of the loops that the iteration names."""
    scope: Any = definition
    for step in iteration.split("/") if iteration else ():
        loop = next((node for node in scope.get("nodes", ()) if node["id"] == step.rpartition(":")[0]), None)
        scope = loop.get("config", {}).get("body", {}) if loop is not None else {}
    return next((node for node in scope.get("nodes", ()) if node["id"] == node_id), None)
