"""The one way in: starting executions, exactly once per key.

One statement inserts the start key, the execution and its row in the queue for any number of starts, and checks in the same statement that what the caller
had read (trigger, live version) is still so. Callers can therefore cache freely: a stale reading is answered `changed` and starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.core.hot import Execute
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps, loads

Verdict = Literal["started", "duplicate", "changed", "gone", "trigger_disabled", "workflow_disabled", "workflow_not_published"]


@dataclass(frozen=True, slots=True)
class StartRow:
    """One wish to start. With `definition_id` None whatever is live now is taken; given together with a trigger it must still be the live one."""

    workspace_id: str
    workflow_id: str
    input: Any
    trigger: Mapping[str, Any]
    trigger_id: str | None = None
    trigger_revision: int | None = None
    definition_id: str | None = None
    version: int | None = None
    key: str | None = None
    key_scope: str | None = None
    body_hash: str = ""
    retry_of: str | None = None
    key_origin: str | None = None  # the execution whose idempotency keys its effects carry; None: its own
    delivery: Mapping[str, Any] | None = None  # a line of the trigger's deliveries log: {id, method, body_bytes, request?, replay_of?}
    execution_id: str = ""
    depth: int = 0  # how many executions started each other before this one


@dataclass(frozen=True, slots=True)
class Started:
    """What became of one wish. `execution_id` is the new execution's, or for a duplicate the first one's (with its `body_hash`). `lag`: how long, in seconds, the
    oldest of the workflow's executions that are due had been so, up to a few seconds."""

    verdict: Verdict
    execution_id: str | None
    body_hash: str | None = None
    version: int | None = None
    lag: float = 0.0


_START = """
WITH v AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(rows)s::json) AS v(
    n int, id text, workspace_id text, workflow_id text, trigger_id text, trigger_revision int, definition_id text, version int,
    trigger text, input text, key_scope text, key text, body_hash text, retry_of text, key_origin text, delivery json, depth int)
), now_true AS MATERIALIZED (
  SELECT v.n, w.lane,
    CASE WHEN v.trigger_id IS NULL AND v.definition_id IS NOT NULL THEN v.definition_id ELSE live.definition_id END AS definition_id,
    CASE WHEN v.trigger_id IS NULL AND v.definition_id IS NOT NULL THEN v.version ELSE live.version END AS version,
    CASE
      WHEN w.id IS NULL OR (v.trigger_id IS NOT NULL AND t.id IS NULL) THEN 'gone'
      WHEN NOT w.enabled THEN 'workflow_disabled'
      WHEN v.trigger_id IS NOT NULL AND NOT t.enabled THEN 'trigger_disabled'
      WHEN v.trigger_id IS NULL AND v.definition_id IS NOT NULL THEN 'started'
      WHEN live.definition_id IS NULL THEN 'workflow_not_published'
      WHEN v.trigger_revision IS NOT NULL AND v.trigger_revision <> t.revision THEN 'changed'
      WHEN v.definition_id IS NOT NULL AND v.definition_id <> live.definition_id THEN 'changed'
      ELSE 'started'
    END AS verdict
  FROM v
  LEFT JOIN workflows w ON w.id = v.workflow_id AND w.workspace_id = v.workspace_id
  LEFT JOIN triggers t ON t.id = v.trigger_id AND t.workflow_id = v.workflow_id
  LEFT JOIN workflow_versions live ON live.workflow_id = w.id AND live.version = w.live_version
), k AS (
  INSERT INTO start_keys (trigger_id, key, workspace_id, execution_id, body_hash)
  SELECT v.key_scope, v.key, v.workspace_id, v.id, v.body_hash FROM v JOIN now_true USING (n)
  WHERE v.key IS NOT NULL AND now_true.verdict = 'started' ORDER BY 1, 2
  ON CONFLICT DO NOTHING RETURNING execution_id
), fresh AS MATERIALIZED (
  SELECT v.*, now_true.lane, now_true.definition_id AS pinned, now_true.version AS pinned_version FROM v JOIN now_true USING (n)
  WHERE now_true.verdict = 'started' AND (v.key IS NULL OR v.id IN (SELECT execution_id FROM k))
), e AS (
  INSERT INTO executions (id, workspace_id, workflow_id, definition_id, version, status, trigger_id, trigger, input, retry_of, key_origin, depth)
  SELECT id, workspace_id, workflow_id, pinned, pinned_version, 'queued', trigger_id, trigger, input, retry_of, key_origin, depth
  FROM fresh
), q AS (
  INSERT INTO wakes (execution_id, lane, wake_at) SELECT id, lane, now() FROM fresh
), d AS (
  INSERT INTO trigger_deliveries (trigger_id, id, method, outcome, status, execution_id, replay_of, body_bytes, request)
  SELECT trigger_id, delivery->>'id', delivery->>'method', 'started', 202, id, delivery->>'replay_of', (delivery->>'body_bytes')::int,
    delivery->>'request'
  FROM fresh WHERE delivery IS NOT NULL
), lags AS MATERIALIZED (
  SELECT l.lane, (SELECT extract(epoch FROM now() - w.wake_at)::float8 FROM wakes w
    WHERE w.lane = l.lane AND w.wake_at BETWEEN now() - interval '10 s' AND now() ORDER BY w.wake_at LIMIT 1) AS lag
  FROM (SELECT DISTINCT lane FROM fresh) AS l
)
SELECT now_true.n, fresh.id, fresh.pinned_version AS version, lags.lag,
  CASE WHEN now_true.verdict = 'started' AND fresh.id IS NULL THEN 'duplicate' ELSE now_true.verdict END AS verdict
FROM now_true LEFT JOIN fresh USING (n) LEFT JOIN lags ON lags.lane = fresh.lane
"""

_FIRST_BY_KEY = """
SELECT v.n, s.execution_id, s.body_hash
FROM json_to_recordset(%(keys)s::json) AS v(n int, key_scope text, key text)
JOIN start_keys s ON s.trigger_id = v.key_scope AND s.key = v.key
"""


def start_executions(execute: Execute, starts: Sequence[StartRow]) -> list[Started]:
    """Start what can be started and say of each wish what became of it, in the order given.

    Exactly once: of all wishes with the same `key` within `key_scope` (the trigger, unless another is named) only the first ever starts; the others are told
    its execution. A wish repeated after a lost acknowledgement carries its key again and is a duplicate. Call `wake()` after the commit.
    """
    if not starts:
        return []
    numbered = [_as_json(n, start) for n, start in enumerate(starts)]
    answers = {answer["n"]: answer for answer in execute(_START, {"rows": dumps(numbered)})}
    duplicates = [
        {"n": n, "key_scope": numbered[n]["key_scope"], "key": numbered[n]["key"]}
        for n, answer in answers.items()
        if answer["verdict"] == "duplicate"
    ]
    firsts = {}
    if duplicates:
        firsts = {first["n"]: first for first in execute(_FIRST_BY_KEY, {"keys": dumps(duplicates)})}
    return [_as_started(answers[n], firsts.get(n)) for n in range(len(starts))]


def _as_json(n: int, start: StartRow) -> dict[str, Any]:
    return {
        "n": n,
        "id": start.execution_id or new_id("exe"),
        "workspace_id": start.workspace_id,
        "workflow_id": start.workflow_id,
        "trigger_id": start.trigger_id,
        "trigger_revision": start.trigger_revision,
        "definition_id": start.definition_id,
        "version": start.version,
        "trigger": dumps(start.trigger),
        "input": dumps(start.input),
        "key_scope": start.key_scope or start.trigger_id or start.workflow_id,
        "key": start.key,
        "body_hash": start.body_hash,
        "retry_of": start.retry_of,
        "key_origin": start.key_origin,
        "delivery": start.delivery,
        "depth": start.depth,
    }


def _as_started(answer: Mapping[str, Any], first: Mapping[str, Any] | None) -> Started:
    if first is not None:
        return Started("duplicate", first["execution_id"], first["body_hash"])
    return Started(answer["verdict"], answer["id"], version=answer["version"], lag=answer["lag"] or 0.0)


def start_children(execute: Execute, rows: Sequence[Mapping[str, Any]]) -> None:
    """Start executions given as the rows that a save would have written."""
    wishes = [
        StartRow(
            workspace_id=row["workspace_id"],
            workflow_id=row["workflow_id"],
            input=loads(row["input"]),
            trigger=loads(row["trigger"]),
            definition_id=row["definition_id"],
            version=row["version"],
            execution_id=row["id"],
        )
        for row in rows
    ]
    start_executions(execute, wishes)
