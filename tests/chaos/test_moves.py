"""Moving executions to another version while workers take them up, save and let go: nobody who holds one is disturbed, and nothing is run twice."""

from __future__ import annotations

import json
import logging
import random
import threading
from typing import Any

import pytest

from chalicelib.core import db
from chalicelib.core.config import DEFAULT_WORKSPACE, Settings
from chalicelib.core.ids import new_id
from chalicelib.engine import moving
from chalicelib.engine.links import token_of
from chalicelib.engine.saves import LeaseLost, Save
from chalicelib.engine.signals import leave_signal
from chalicelib.workflows import moves
from tests.chaos.test_clauses import Two, with_two
from tests.support.engines import Effects, EngineRun
from tests.support.workflows import Database, Published, definition, published, started

STEPS = 4


def body(tail: str) -> dict[str, Any]:
    """Effects with a short delay before each, and then the version's own."""
    nodes: list[dict[str, Any]] = []
    edges = []
    for n in range(STEPS):
        nodes += [{"id": f"wait{n}", "type": "delay", "config": {"seconds": 0.1}}, {"id": f"act{n}", "type": "test.effect", "config": {"value": n}}]
        edges += [(f"wait{n}", f"act{n}"), *([(f"act{n - 1}", f"wait{n}")] if n else [])]
    nodes += [{"id": "last", "type": "delay", "config": {"seconds": 0.1}}, {"id": tail, "type": "test.effect", "config": {"value": tail}}]
    return definition(*nodes, edges=[*edges, (f"act{STEPS - 1}", "last"), ("last", tail)])


def second_version(database: Database, workflow: Published, text: dict[str, Any]) -> str:
    definition_id = new_id("def")
    params = {"id": definition_id, "ws": DEFAULT_WORKSPACE, "wf": workflow.workflow_id, "body": json.dumps(text)}
    database.execute("INSERT INTO definitions (id, workspace_id, workflow_id, body) VALUES (%(id)s, %(ws)s, %(wf)s, %(body)s)", params)
    database.execute("INSERT INTO workflow_versions (workflow_id, version, workspace_id, definition_id) VALUES (%(wf)s, 2, %(ws)s, %(id)s)", params)
    return definition_id


class Mover(threading.Thread):
    """Moves everything that can be moved, to one version and the other, until it is told to stop."""

    def __init__(self, workflow: Published) -> None:
        super().__init__()
        self.workflow, self.stopping = workflow, threading.Event()
        self.moved: dict[str, list[int]] = {}
        self.outcomes = {"moved": 0, "held": 0, "blocked": 0}
        self.failure: Exception | None = None

    def run(self) -> None:
        choose = random.Random(self.name)
        try:
            while not self.stopping.is_set():
                version = choose.choice((1, 2))
                with db.transaction() as connection:
                    verdicts = moves.move(
                        connection, DEFAULT_WORKSPACE, self.workflow.workflow_id, str(version), moving.MoveFilter(),
                        dry_run=False, after=None, limit=choose.choice((3, 50)), moved_by=self.name,
                    )  # fmt: skip
                for verdict in verdicts:
                    if not verdict.moved and not verdict.obstacles:
                        continue  # one more than the page has
                    self.outcomes["moved" if verdict.moved else "held" if moves.HELD in verdict.obstacles else "blocked"] += 1
        except Exception as error:
            self.failure = error


def test_movers_race_with_workers(
    database: Database, redis_url: str, settings_env: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = published(database, body("old"))
    second_version(database, workflow, body("new"))
    ids = [started(database, workflow) for _ in range(60)]
    effects = Effects()
    known = effects.catalogue()
    monkeypatch.setattr(moves, "catalogue", lambda: known)
    movers = [Mover(workflow) for _ in range(2)]
    for mover in movers:
        mover.start()
    try:
        with caplog.at_level(logging.INFO, logger="millrace.engine"):
            rows = EngineRun(database, redis_url, effects).until_ended(*ids, workers=3, seconds=120)
    finally:
        for mover in movers:
            mover.stopping.set()
            mover.join()
    assert [mover.failure for mover in movers] == [None, None]
    outcomes = {name: sum(mover.outcomes[name] for mover in movers) for name in movers[0].outcomes}
    print(f"{len(ids)} executions: {outcomes}")
    assert outcomes["moved"] > len(ids)
    assert [row["status"] for row in rows] == ["succeeded"] * len(ids)
    assert [record for record in caplog.records if "lease" in record.message] == []  # no worker lost what it held
    keys = [key for _, _, key, _ in effects.calls]
    assert len(keys) == len(set(keys)) == len(ids) * (STEPS + 1)
    for row in rows:
        last = database.execute("SELECT to_version FROM execution_moves WHERE execution_id = %(id)s ORDER BY moved_at DESC LIMIT 1", {"id": row["id"]})
        assert row["version"] == (last[0]["to_version"] if last else 1)
        assert row["output"] == {1: {"old": "old"}, 2: {"new": "new"}}[row["version"]]
    assert {row["to_version"] for row in database.execute("SELECT DISTINCT to_version FROM execution_moves")} == {1, 2}  # forth and back


# -- the clauses that see to it, taken out one by one ------------------------------------------------------------------------------------


def found(workflow: Published) -> list[moving.Candidate]:
    with db.transaction() as connection:
        return moving.find(connection, DEFAULT_WORKSPACE, workflow.workflow_id, 2, moving.MoveFilter(), None, 10)


def moved(candidates: list[moving.Candidate], definition_id: str) -> set[str]:
    with db.transaction() as connection:
        return moving.move(connection, candidates, definition_id, 2, "test")


def a_worker_that_took_it_up_in_between_is_not_disturbed(database: Database, _redis_url: str) -> None:
    workflow = published(database, body("old"))
    definition_id = second_version(database, workflow, body("new"))
    execution_id = started(database, workflow)

    async def steps(two: Two) -> None:
        candidates = found(workflow)
        claim = await two.claim(0)
        assert moved(candidates, definition_id) == set()
        disturbed = False
        try:
            await two.flushers[0].save(Save(execution_id, claim.epoch, claim.signals, True))
        except LeaseLost:
            disturbed = True
        assert not disturbed

    with_two(database, steps)


def what_changed_in_between_is_judged_again(database: Database, _redis_url: str) -> None:
    """A worker took it up, did something, and let it go: what was read before is stale."""
    workflow = published(database, body("old"))
    definition_id = second_version(database, workflow, body("new"))
    execution_id = started(database, workflow)

    async def steps(two: Two) -> None:
        candidates = found(workflow)
        claim = await two.claim(0)
        await two.flushers[0].save(Save(execution_id, claim.epoch, claim.signals, False, next_at=claim.now))
        assert moved(candidates, definition_id) == set()

    with_two(database, steps)


def a_context_of_before_the_move_is_not_used(database: Database, redis_url: str) -> None:
    """Parked with its context in Redis, moved, then answered."""
    ask = {"id": "ask", "type": "wait.callback", "config": {}}
    old, new = (definition(ask, {"id": name, "type": "test.effect", "config": {"value": name}}, edges=[("ask", name)]) for name in ("old", "new"))
    workflow = published(database, old)
    definition_id = second_version(database, workflow, new)
    execution_id = started(database, workflow)
    engine = EngineRun(database, redis_url, Effects())
    engine.drain()
    assert moved(found(workflow), definition_id) == {execution_id}
    leave_signal(database.execute, execution_id, "answer", "ask", {"node_id": "ask", "port": "main", "output": 1})
    (row,) = engine.until_ended(execution_id)
    assert row["output"] == {"new": "new"}
    assert token_of(execution_id, "ask")


CHECKS: dict[Any, list[tuple[str, str]]] = {
    a_worker_that_took_it_up_in_between_is_not_disturbed: [(" WHERE w.worker IS NULL AND w.lease_epoch = v.epoch\n", "\n"), (" AND w.worker IS NULL AND w.lease_epoch = locked.epoch", "")],
    what_changed_in_between_is_judged_again: [(" AND w.lease_epoch = v.epoch\n", "\n"), (" AND w.lease_epoch = locked.epoch", "")],
    a_context_of_before_the_move_is_not_used: [("SET lease_epoch = w.lease_epoch + 1, wake_at", "SET wake_at")],
}  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_with_every_clause_it_holds(database: Database, redis_url: str, settings_env: Settings, check: Any) -> None:
    check(database, redis_url)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_without_its_clause_it_fails(database: Database, redis_url: str, settings_env: Settings, monkeypatch: pytest.MonkeyPatch, check: Any) -> None:
    if redis_url == "none" and check is a_context_of_before_the_move_is_not_used:
        pytest.skip("without Redis nothing is ever stale")
    sql = moving.MOVE
    for clause, instead in CHECKS[check]:
        assert sql.count(clause) == 1, clause
        sql = sql.replace(clause, instead)
    monkeypatch.setattr(moving, "MOVE", sql)
    with pytest.raises(AssertionError):
        check(database, redis_url)
