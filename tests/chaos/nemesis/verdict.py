"""What must be true when it is over, by the words of the recorder, of those who started executions and of the database, each checked against the others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.chaos.nemesis.shapes import Shape
from tests.support.recorder import Recorder

# Attempts, and the end of the execution, by idempotency key. A part of a loop carries its parent's keys.
_ATTEMPTS = """
SELECT coalesce(e.key_origin, e.id) || '.' || n.node_id || CASE WHEN n.iteration = '' THEN '' ELSE '.' || n.iteration END, count(*),
  extract(epoch FROM max(e.finished_at))::float
FROM node_runs n JOIN executions e ON e.id = n.execution_id WHERE n.attempt > 0 GROUP BY 1
"""

# What is not over though nothing is alive: a node run, a letter, a place, somebody who listens.
_LEFT = """
SELECT (SELECT count(*) FROM node_runs WHERE status NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')), (SELECT count(*) FROM inbox),
  (SELECT count(*) FROM concurrency_slots), (SELECT count(*) FROM event_waits)
"""


@dataclass(frozen=True)
class Sent:
    """What the recorder saw of one idempotency key: how often, at which place in its file first, when first (seconds), which bodies."""

    times: int
    place: int
    at: float
    bodies: frozenset[str]


def seen(recorder: Recorder) -> dict[str, Sent]:
    """By idempotency key."""
    found: dict[str, Sent] = {}
    for place, made in enumerate(recorder.calls()):
        before = found.get(made["key"], Sent(0, place, made["at"], frozenset()))
        found[made["key"]] = Sent(before.times + 1, before.place, before.at, before.bodies | {json.dumps(made["body"])})
    return found


def judge(
    connection: psycopg.Connection[Any], recorder: Recorder, started: Mapping[str, tuple[str, int]], known: Mapping[str, Shape], ids: Mapping[str, str]
) -> None:
    """Assert it all, and print the figures."""
    rows = {row[0]: row[1:] for row in connection.execute("SELECT id, status, error, workflow_id FROM executions WHERE id = ANY(%s)", (list(started),))}
    assert set(rows) == set(started), "executions were lost"
    assert {execution_id: row[2] for execution_id, row in rows.items()} == {execution_id: ids[slug] for execution_id, (slug, _) in started.items()}
    assert connection.execute(_LEFT).fetchone() == (0, 0, 0, 0), "something was left open"
    attempts = {key: (count, ended) for key, count, ended in connection.execute(_ATTEMPTS)}
    sent = seen(recorder)
    good = [execution_id for execution_id, (slug, _) in started.items() if rows[execution_id][0] == known[slug].ends]
    repeats = {key: each.times for key, each in sent.items() if each.times > 1}
    unexplained = {key: times for key, times in repeats.items() if times > attempts.get(key, (0, 0))[0]}
    print(f"{len(good)} of {len(started)} ended as they should; {len(sent)} effects, {len(repeats)} came again under their key, {len(unexplained)} unexplained")
    others = {json.dumps(rows[execution_id][1]) for execution_id in started if execution_id not in set(good)}
    assert len(good) >= 0.95 * len(started), list(others)[:5]
    assert not unexplained, list(unexplained.items())[:5]
    assert all(len(each.bodies) == 1 for each in sent.values()), "an effect was sent again with another body"
    at_most_once(sent, started)
    nothing_after_the_end(sent, attempts)
    nodes_ended(connection, good, started, known)
    for execution_id in good:
        in_order(sent, execution_id, started[execution_id][0], known)


def at_most_once(sent: Mapping[str, Sent], started: Mapping[str, tuple[str, int]]) -> None:
    """What asked for it was never sent twice, whatever happened."""
    once = {execution_id: sent[f"{execution_id}.once"].times for execution_id, (slug, _) in started.items() if f"{execution_id}.once" in sent and slug == "nemesis-once"}
    unsure = sum(f"{execution_id}.unknown" in sent for execution_id, (slug, _) in started.items() if slug == "nemesis-once")
    print(f"{len(once)} effects under delivery: at_most_once, none of them twice; of {unsure} the outcome is unknown, and the error port was taken")
    assert set(once.values()) <= {1}, [execution_id for execution_id, times in once.items() if times > 1]


def nothing_after_the_end(sent: Mapping[str, Sent], attempts: Mapping[str, tuple[int, float]]) -> None:
    """No effect was made for the first time when its execution had ended. (A frozen worker that wakes up may send again what was sent, and what it was told to send
    at most once: nobody else has.)"""
    late = {key: each.at - attempts[key][1] for key, each in sent.items() if key in attempts and each.at > attempts[key][1] and not key.endswith(".once")}
    assert not late, list(late.items())[:5]


def nodes_ended(connection: psycopg.Connection[Any], good: list[str], started: Mapping[str, tuple[str, int]], known: Mapping[str, Shape]) -> None:
    """Node runs that must end in a certain way did: the loser of a race as cancelled."""
    for slug, shape in known.items():
        own = [execution_id for execution_id in good if started[execution_id][0] == slug]
        for node_id, status in shape.nodes.items():
            rows = connection.execute("SELECT status, count(*) FROM node_runs WHERE execution_id = ANY(%s) AND node_id = %s GROUP BY 1", (own, node_id)).fetchall()
            assert rows == [(status, len(own))], (slug, node_id, rows)


def in_order(sent: Mapping[str, Sent], execution_id: str, slug: str, known: Mapping[str, Shape]) -> None:
    """Each effect was made, and after those of the nodes before it."""
    last = -1
    for name in known[slug].effects:
        keys = known[slug].keys(execution_id, name)
        missing = [key for key in keys if key not in sent]
        assert not missing, (slug, missing, "an effect is missing")
        places = [sent[key].place for key in keys]
        assert min(places) > last, (slug, execution_id, name, "came before what it follows")
        last = max(places)


def started_by_records(connection: psycopg.Connection[Any], workflow_id: str, slug: str, sent: list[int]) -> dict[str, tuple[str, int]]:
    """The executions that records started: one for each."""
    rows = connection.execute("SELECT id, (input::json->>'n')::int FROM executions WHERE workflow_id = %s AND parent_id IS NULL", (workflow_id,)).fetchall()
    by_number = defaultdict(list)
    for execution_id, n in rows:
        by_number[n].append(execution_id)
    assert sorted(by_number) == sorted(sent), "records were lost"
    assert all(len(found) == 1 for found in by_number.values()), "a record started two executions"
    return {execution_id: (slug, n) for execution_id, n in rows}
