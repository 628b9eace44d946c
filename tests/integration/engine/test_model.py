"""The engine against a model: a simple interpreter in memory, and a Hypothesis state machine that starts, answers, cancels, crashes and resumes executions of
random graphs. Whatever happens in between, an execution ends as the model says, and so does each of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from chalicelib.engine.signals import leave_signal, send_signal
from chalicelib.registry.spec import ActionError, NodeContext
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, definition, published, started

Node = Mapping[str, Any]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A definition of up to six nodes. What a node does is in its config: `ok`, `bad` (fails), or it waits for an answer."""
    count = draw(st.integers(1, 6))
    nodes: list[dict[str, Any]] = []
    edges: list[tuple[Any, ...]] = []
    for n in range(count):
        node_id = f"n{n}"
        sources = draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True)) if n else []
        kind = draw(st.sampled_from(["ok", "ok", "bad", "wait"]))
        on_error = draw(st.sampled_from(["fail", "continue", "branch"])) if kind == "bad" else "fail"
        join = draw(st.sampled_from(["all", "all", "any"])) if len(sources) > 1 else "all"
        node: dict[str, Any] = {"id": node_id, "join": join}
        if kind == "wait":
            node |= {"type": "wait.callback", "config": {}}
        else:
            node |= {"type": "test.effect", "config": {"value": kind}, "on_error": on_error, "retry": {"max_attempts": 1}}
        nodes.append(node)
        for source in sources:
            port = "main"
            if nodes[source].get("on_error") == "branch" and draw(st.booleans()):
                port = "error"
            edges.append((f"n{source}", port, node_id))
    return definition(*nodes, edges=edges)


def interpreted(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """(status, node -> status) of an execution in which every wait is answered. Nodes that a failure cut off, or a race decided, are left out."""
    incoming: dict[str, list[tuple[str, str]]] = {node["id"]: [] for node in body["nodes"]}
    for edge in body["edges"]:
        incoming[edge["to"]].append((edge["from"], edge.get("port", "main")))
    statuses: dict[str, str] = {}
    ports: dict[str, str | None] = {}
    failed = False
    for node in body["nodes"]:
        taken = [ports[source] == port for source, port in dict.fromkeys(incoming[node["id"]])]
        if taken and not any(taken):
            statuses[node["id"]], ports[node["id"]] = "skipped", None
        elif node["config"].get("value") == "bad":
            statuses[node["id"]] = "failed"
            ports[node["id"]] = {"continue": "main", "branch": "error", "fail": None}[node["on_error"]]
            failed = failed or node["on_error"] == "fail"
        else:
            statuses[node["id"]], ports[node["id"]] = "succeeded", "main"
    return ("failed" if failed else "succeeded"), statuses


async def behave(ctx: NodeContext, value: Any) -> Any:
    if value == "bad":
        raise ActionError("refused", "no")
    return value


class Executions(RuleBasedStateMachine):
    """What may happen to executions, in any order."""

    database: Database
    redis_url: str

    def __init__(self) -> None:
        super().__init__()
        effects = Effects()
        effects.behaviour = behave
        self.engine = EngineRun(self.database, self.redis_url, effects)
        self.live: dict[str, dict[str, Any]] = {}
        self.cancelled: set[str] = set()

    @rule(body=graphs())
    def start(self, body: dict[str, Any]) -> None:
        self.live[started(self.database, published(self.database, body))] = body

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def answer_early_or_in_time(self, data: st.DataObject) -> None:
        execution_id = data.draw(st.sampled_from(sorted(self.live)))
        waits = [node["id"] for node in self.live[execution_id]["nodes"] if node["type"] == "wait.callback"]
        if waits:
            node_id = data.draw(st.sampled_from(waits))
            leave_signal(self.database.execute, execution_id, "answer", node_id, {"node_id": node_id, "port": "main", "output": 1})

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        execution_id = data.draw(st.sampled_from(sorted(self.live)))
        if send_signal(self.database.execute, execution_id, "cancel", ""):
            self.cancelled.add(execution_id)

    @rule()
    def work_until_nothing_is_due(self) -> None:
        self.engine.drain(seconds=70.0)

    @precondition(lambda self: self.live)
    @rule()
    def a_worker_vanishes_after_its_claim(self) -> None:
        self.database.execute("UPDATE wakes SET worker = 'gone', lease_epoch = lease_epoch + 1, wake_at = now() WHERE worker IS NULL AND wake_at <= now()")

    def teardown(self) -> None:
        """Answer everything, work to the end, and compare."""
        for execution_id, body in self.live.items():
            for node in body["nodes"]:
                payload = {"node_id": node["id"], "port": "main", "output": 1}
                leave_signal(self.database.execute, execution_id, "answer", node["id"], payload)
        for row in self.engine.until_ended(*self.live) if self.live else ():
            self._compare(row, self.live[row["id"]])

    def _compare(self, row: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        status, nodes = interpreted(body)
        if row["id"] in self.cancelled:
            assert row["status"] == "cancelled"
            return
        races = any(node["join"] == "any" for node in body["nodes"])  # what lost one may have been cancelled before it could fail
        assert row["status"] == status or (races and status == "failed"), (body, row["error"])
        runs = self.database.execute(
            "SELECT DISTINCT ON (node_id) node_id, status FROM node_runs WHERE execution_id = %(id)s ORDER BY node_id, attempt DESC", {"id": row["id"]}
        )
        found = {run["node_id"]: run["status"] for run in runs}
        if status == "succeeded" and not races:
            assert found == nodes, body
        assert all(found[node_id] in (nodes[node_id], "cancelled", "skipped") for node_id in found), (body, found, nodes)


@pytest.mark.timeout(600)
def test_executions_end_as_the_model_says(database: Database, redis_url: str) -> None:
    Executions.database, Executions.redis_url = database, redis_url
    run_state_machine_as_test(
        Executions,
        settings=settings(max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True),
    )
