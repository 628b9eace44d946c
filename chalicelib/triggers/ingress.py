"""The way in over HTTP: `/trigger/{path}`. From a request to one execution, exactly once per key, and only on what is true at that moment."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg

from chalicelib.core.clock import utc_now
from chalicelib.core.config import settings
from chalicelib.core.db import hot
from chalicelib.core.errors import (
    BadRequest,
    MethodNotAllowed,
    MillraceError,
    NotFound,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from chalicelib.core.expressions import Scope
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps, is_clean
from chalicelib.engine.queries import execution_status
from chalicelib.engine.starts import StartRow
from chalicelib.engine.wake import wake
from chalicelib.triggers.batching import batcher
from chalicelib.triggers.bodies import parse_body
from chalicelib.triggers.doors import Door, read_door, remembered_door
from chalicelib.triggers.mapping import prepare_input
from chalicelib.triggers.refusals import refusal
from chalicelib.triggers.signatures import check_signature, stored_headers

MAX_KEY_LENGTH = 255
MAX_ROUNDS = 4
FIRED_SECONDS = 1.0
_PATH = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_NOTE_FIRED = "UPDATE triggers SET last_fired_at = now() WHERE id = %(id)s"

# Raises Unauthenticated or Forbidden unless the key (None: none was sent) may start workflows of the workspace.
Authorize = Callable[[str | None, str], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request at a door: header names in lower case, the body as it came."""

    path: str
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The execution a delivery started, or, as a duplicate, the one that its first copy started."""

    execution_id: str
    status: str
    duplicate: bool


def receive(delivery: Delivery, authorize: Authorize) -> Receipt:
    """Start an execution for a delivery; it is committed when this returns.

    Raises NotFound, MethodNotAllowed, Unauthenticated, Forbidden, Conflict (disabled, not published), what `parse_body` and the mapping say, and
    ValidationFailed `idempotency_key_reused`. A refusal is always that of a fresh reading.
    """
    if not _PATH.match(delivery.path):
        raise refusal("gone")
    door, fresh = remembered_door(delivery.path), False
    for _ in range(MAX_ROUNDS):
        if door is None:
            door, fresh = read_door(delivery.path), True
        try:
            wish = _wish(door, delivery, authorize)
        except MillraceError:
            if fresh:
                raise
            door = None
            continue
        started = batcher(settings().require_database_url()).start(wish)
        if started.verdict in ("started", "duplicate") and started.execution_id is not None:
            return _receipt(wish, started.execution_id, started.verdict == "duplicate", started.body_hash)
        door = None  # the row tells us more than the verdict: whether it is gone, closed or only changed
    raise Unavailable("the trigger or its workflow changes faster than it can be read; try again", retry_after=1)


def _receipt(wish: StartRow, execution_id: str, duplicate: bool, body_hash: str | None) -> Receipt:
    if not duplicate:
        wake()
        _note_fired(str(wish.trigger_id))
        return Receipt(execution_id, "queued", duplicate=False)
    if body_hash != wish.body_hash:
        message = "this idempotency key was used before with another body; send a new key for a new request"
        problem = {"path": "", "code": "idempotency_key_reused", "message": message}
        error = ValidationFailed([problem], message, code="idempotency_key_reused")
        error.headers["Millrace-Execution-Id"] = execution_id
        raise error
    try:
        status = execution_status(hot(settings().require_database_url()).execute, execution_id)
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; try again with the same key") from error
    return Receipt(execution_id, status or "queued", duplicate=True)


def _wish(door: Door | None, delivery: Delivery, authorize: Authorize) -> StartRow:
    """What is to be started; everything that can be refused without the database is refused here."""
    if door is None:
        raise NotFound("there is no trigger at this path")
    _check_method(door, delivery)
    _check_caller(door, delivery, authorize)
    if door.closed:
        raise refusal(door.closed)
    raw = parse_body(delivery.headers, delivery.body)
    context = _context(door, delivery)
    execution_id = new_id("exe")
    key = _key(door, delivery, raw, context, execution_id)
    return StartRow(
        workspace_id=door.row["workspace_id"],
        workflow_id=door.row["workflow_id"],
        input=prepare_input(door.row, raw, context, door.input_schema, seed=execution_id),
        trigger=context,
        trigger_id=door.row["id"],
        trigger_revision=door.row["revision"],
        definition_id=door.row["definition_id"],
        version=door.row["version"],
        key=key,
        body_hash=_fingerprint(delivery) if key is not None else "",
        execution_id=execution_id,
    )


def _check_method(door: Door, delivery: Delivery) -> None:
    methods = door.config["methods"]
    if delivery.method not in methods:
        error = MethodNotAllowed(f"this trigger takes {', '.join(methods)}, not {delivery.method}")
        error.headers["Allow"] = ", ".join(methods)
        raise error


def _check_caller(door: Door, delivery: Delivery, authorize: Authorize) -> None:
    auth = door.config["auth"]
    if auth["type"] == "open":
        return
    if auth["type"] == "api_key":
        scheme, _, token = delivery.headers.get("authorization", "").strip().partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        authorize(bearer or delivery.headers.get("x-api-key") or None, door.row["workspace_id"])
    elif auth["type"] in ("hmac", "standard_webhooks"):
        check_signature(auth, delivery.headers, delivery.body, time.time())
    else:  # unknown means no
        raise Unauthenticated("this trigger asks for a kind of authentication that is not known here")


def _context(door: Door, delivery: Delivery) -> dict[str, Any]:
    query = {name: values[0] if len(values) == 1 else list(values) for name, values in delivery.query.items()}
    if not all(is_clean(text) for name, values in delivery.query.items() for text in (name, *values)):
        raise BadRequest("the query holds characters that are not text")
    return {
        "type": "api",
        "id": door.row["id"],
        "method": delivery.method,
        "path": delivery.path,
        "headers": stored_headers(delivery.headers, door.config["auth"]),
        "query": query,
    }


def _key(door: Door, delivery: Delivery, raw: Any, context: Mapping[str, Any], seed: str) -> str | None:
    """What makes two deliveries one; None when nothing does. Keys of different kinds never meet."""
    for prefix, header in (("i:", "idempotency-key"), ("w:", "webhook-id")):
        sent = delivery.headers.get(header, "").strip()
        if len(sent) > MAX_KEY_LENGTH or not is_clean(sent):
            message = f"{header} may have at most {MAX_KEY_LENGTH} characters"
            raise ValidationFailed([{"path": f"/headers/{header}", "code": "invalid_key", "message": message}])
        if sent:
            return prefix + sent
    source = door.config.get("dedupe_key")
    if source is None:
        return None
    value = Scope({"input": raw, "trigger": context}, now=utc_now(), seed=seed).evaluate(source)
    text = value if isinstance(value, str) else "" if value is None else dumps(value)
    if len(text) > MAX_KEY_LENGTH or not is_clean(text):
        text = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return "k:" + text if text else None


def _fingerprint(delivery: Delivery) -> str:
    """What a second delivery with the same key must repeat. A request without a body is told by its query, apart from `wait`."""
    rest = ""
    if not delivery.body:
        rest = urlencode(sorted((name, values) for name, values in delivery.query.items() if name != "wait"), doseq=True)
    return hashlib.sha256(f"{delivery.method}\n{rest}\n".encode() + delivery.body).hexdigest()


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
        hot(settings().require_database_url()).execute(_NOTE_FIRED, {"id": trigger_id})
    except psycopg.Error:
        return
