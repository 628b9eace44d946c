"""The way in over HTTP: `/trigger/{path}`. From a request to one execution, exactly once per key, and only on what is true at that moment."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

import psycopg

from chalicelib.core import metrics
from chalicelib.core.config import settings
from chalicelib.core.errors import Conflict, MillraceError, NotFound, Unavailable, ValidationFailed
from chalicelib.core.hot import hot_execute
from chalicelib.engine.outcomes import execution_status
from chalicelib.engine.overload import check_queue
from chalicelib.engine.starts import Started, StartRow
from chalicelib.engine.wake import wake
from chalicelib.triggers.batching import batcher
from chalicelib.triggers.delivery_notes import note_duplicate, note_refusal
from chalicelib.triggers.doors import Door, forget_door, held_door, read_door, remembered_door
from chalicelib.triggers.health import note_health
from chalicelib.triggers.limits import count_call
from chalicelib.triggers.refusals import CannotCheck, refusal
from chalicelib.triggers.visits import Authorize, Delivery, Visit, check_caller, check_method, wish_of

FREE_ROUNDS, MAX_ROUNDS = 3, 6
FIRED_SECONDS = 1.0
_PATH = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_NOTE_FIRED = "UPDATE triggers SET last_fired_at = now() WHERE id = %(id)s"
_SEE = """
INSERT INTO trigger_signatures (trigger_id, digest, key) VALUES (%(id)s, %(digest)s, %(key)s) ON CONFLICT DO NOTHING RETURNING key
"""
_SEEN = "SELECT key FROM trigger_signatures WHERE trigger_id = %(id)s AND digest = %(digest)s"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The execution a delivery started, or, as a duplicate, the one that its first copy started. `debounced`: it starts later, if no other call comes.

    `headers` go with the answer; `wait_seconds` is how long the trigger's own setting waits; `lag` is how long the workflow's executions wait for workers, in seconds.
    """

    execution_id: str
    status: str
    duplicate: bool
    debounced: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: int | None = None
    lag: float = 0.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a sender wants to hear back before it sends anything; nothing is started."""

    text: str


def receive(delivery: Delivery, authorize: Authorize) -> Receipt | Greeting:
    """Start an execution for a delivery; it is committed when this returns.

    Raises NotFound, MethodNotAllowed, Unauthenticated, Forbidden, RateLimited (too many calls, or a full queue), Conflict (disabled, not published, `delivery_replayed`), what `parse_body` and
    the mapping say, and ValidationFailed `idempotency_key_reused`. A refusal is always that of a fresh reading, and stands in the deliveries log.
    """
    if not _PATH.match(delivery.path):
        raise refusal("gone")
    visit = Visit(delivery, remembered_door(delivery.path))
    try:
        check_queue()
        return _received(visit, authorize)
    except MillraceError as error:
        if isinstance(error, CannotCheck) and visit.door is not None:
            note_health(visit.door.row, error.detail)
            forget_door(visit.delivery.path)
        if visit.standing is not None:
            error.headers = visit.standing.headers() | error.headers
        note_refusal(visit, error)
        raise


def _received(visit: Visit, authorize: Authorize) -> Receipt | Greeting:
    """What was read of the trigger may have changed by the time of starting; then all of it is done again, in the end with the trigger held still."""
    for n in range(MAX_ROUNDS):
        with held_door(visit.delivery.path) if n >= FREE_ROUNDS else nullcontext():
            outcome = _attempted(visit, authorize)
        if isinstance(outcome, Greeting):
            return outcome
        if outcome is not None:
            return _receipt(visit, *outcome)
    raise Unavailable("the trigger was made anew at each of several attempts; try again", retry_after=1)


def _attempted(visit: Visit, authorize: Authorize) -> Greeting | tuple[Door, StartRow, Started, bool] | None:
    """One attempt, by the door that is remembered or else read now; None when another is needed. Writes to neither trigger nor workflow: they may be held."""
    fresh = visit.door is None
    door = visit.door = read_door(visit.delivery.path) if fresh else visit.door
    try:
        wish = _admitted(visit, door, authorize)
    except MillraceError:
        if fresh:
            raise
        visit.door = None
        return None
    greeting = _greeting(visit)
    if greeting is not None:
        return greeting
    assert door is not None
    _refuse_replay(visit, wish)
    started, merged = _start(visit, door, wish)
    if started.verdict in ("started", "duplicate") and started.execution_id is not None:
        return door, wish, started, merged
    visit.door = None  # the row tells us more than the verdict: whether it is gone, closed or only changed
    return None


def _admitted(visit: Visit, door: Door | None, authorize: Authorize) -> StartRow:
    """What is to be started; everything that can be refused without writing is refused here."""
    if door is None:
        raise NotFound("there is no trigger at this path")
    check_method(door, visit.delivery)
    visit.proof = check_caller(door, visit.delivery, authorize)
    visit.admitted = True
    if visit.standing is None:
        visit.standing = count_call(door)
    return wish_of(visit, door)


def _greeting(visit: Visit) -> Greeting | None:
    """Slack asks a new URL to repeat a text, signed as everything else."""
    raw = visit.raw
    if visit.door is None or visit.door.config["auth"]["type"] != "slack" or not isinstance(raw, dict):
        return None
    challenge = raw.get("challenge")
    return Greeting(challenge) if raw.get("type") == "url_verification" and isinstance(challenge, str) else None


def _refuse_replay(visit: Visit, wish: StartRow) -> None:
    """A signed message that comes again under another key was caught by somebody: keys are not signed. Under the same key it is a duplicate."""
    if visit.proof.digest is None or wish.key is None:
        return
    values = {"id": wish.trigger_id, "digest": visit.proof.digest, "key": wish.key}
    try:
        first = hot_execute(_SEE, values) or hot_execute(_SEEN, values)
    except psycopg.errors.ForeignKeyViolation:
        return  # the trigger has just been deleted; starting will say so
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; send the request again, with the same key it starts only once") from error
    if first and first[0]["key"] != wish.key:
        raise Conflict("this signed message was delivered before, under another key; sign a new one", code="delivery_replayed")


def _start(visit: Visit, door: Door, wish: StartRow) -> tuple[Started, bool]:
    """What became of the wish, committed, and whether an earlier call's execution took it in."""
    rule = door.config.get("debounce")
    if rule is None:
        return batcher(settings().require_database_url()).start(wish), False
    from chalicelib.core.db import transaction  # here, since few triggers need more than single statements
    from chalicelib.triggers import debounce

    with transaction() as connection:
        held = debounce.hold(connection, rule, wish, visit.raw)
    return held.started, held.merged


def _receipt(visit: Visit, door: Door, wish: StartRow, started: Started, merged: bool) -> Receipt:
    execution_id = started.execution_id
    assert execution_id is not None
    headers = visit.standing.headers() if visit.standing is not None else {}
    wait = door.config.get("wait_seconds")
    if door.row["unhealthy_reason"] is not None:
        note_health(door.row, None)
        forget_door(visit.delivery.path)
    if started.verdict == "started":
        debounced = door.config.get("debounce") is not None
        metrics.count("trigger_deliveries", outcome="debounced" if merged else "started")
        if not debounced:
            wake()
        _note_fired(str(wish.trigger_id))
        return Receipt(execution_id, "queued", False, debounced, headers, wait, started.lag)
    if started.body_hash != wish.body_hash:
        raise _key_reused(execution_id)
    note_duplicate(visit, execution_id)
    return Receipt(execution_id, _status(execution_id), True, False, headers, wait)


def _key_reused(execution_id: str) -> ValidationFailed:
    message = "this idempotency key was used before with another body; send a new key for a new request"
    problem = {"path": "", "code": "idempotency_key_reused", "message": message}
    error = ValidationFailed([problem], message, code="idempotency_key_reused")
    error.headers["Millrace-Execution-Id"] = execution_id
    return error


def _status(execution_id: str) -> str:
    try:
        status = execution_status(hot_execute, execution_id)
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; try again with the same key") from error
    return status or "queued"


_fired: dict[str, float] = {}
_fired_lock = threading.Lock()


def _note_fired(trigger_id: str) -> None:
    """Keep `last_fired_at` true to a second. Only for show: it must not fail a delivery that was accepted."""
    now = time.monotonic()
    with _fired_lock:
        if now - _fired.get(trigger_id, float("-inf")) < FIRED_SECONDS:
            return
        if len(_fired) > 10_000:
            _fired.clear()
        _fired[trigger_id] = now
    try:
        hot_execute(_NOTE_FIRED, {"id": trigger_id})
    except psycopg.Error:
        return
