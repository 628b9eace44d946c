"""Test URLs: each catches one request for the builder. It passes the trigger's own checks, and then runs the draft instead of the live version, if asked to.

The token in the URL is the secret; the database holds its hash. What was caught can be read for as long as the URL would have been valid.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.config import settings
from chalicelib.core.errors import Conflict, MillraceError, NotFound
from chalicelib.core.hot import hot_execute
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.triggers.bodies import parse_body
from chalicelib.triggers.doors import Door, door_of
from chalicelib.triggers.health import printable
from chalicelib.triggers.mapping import prepare_input
from chalicelib.triggers.visits import Authorize, Delivery, check_caller, check_method, context_of

VALID_MINUTES = 15
KEPT_HOURS = 24

_OPEN = """
INSERT INTO trigger_tests (id, workspace_id, trigger_id, token_hash, run, expires_at)
VALUES (%(id)s, %(workspace_id)s, %(trigger_id)s, %(token_hash)s, %(run)s, now() + make_interval(mins => %(minutes)s))
RETURNING *, false AS expired
"""
_NEWEST = "SELECT *, expires_at <= now() AS expired FROM trigger_tests WHERE trigger_id = %(trigger_id)s ORDER BY id DESC LIMIT 1"
_BY_URL = """
SELECT c.*, c.expires_at <= now() AS expired FROM trigger_tests c JOIN triggers t ON t.id = c.trigger_id
WHERE c.token_hash = %(token_hash)s AND t.path = %(path)s FOR UPDATE OF c
"""
_CATCH = "UPDATE trigger_tests SET captured_at = now(), captured = %(captured)s, problem = %(problem)s WHERE id = %(id)s"
_RAN = "UPDATE trigger_tests SET execution_id = %(execution_id)s, problem = coalesce(%(problem)s::text, problem) WHERE id = %(id)s"
_MISS = "UPDATE trigger_tests SET problem = %(problem)s WHERE id = %(id)s AND captured_at IS NULL"
_FORGET = "DELETE FROM trigger_tests WHERE expires_at < now() - make_interval(hours => %(hours)s)"


@dataclass(frozen=True, slots=True)
class Caught:
    """A request at a test URL: what the workflow would get. `problem` says why it would get nothing."""

    id: str
    workspace_id: str
    workflow_id: str
    run: bool
    context: Mapping[str, Any]
    input: Any
    problem: str | None


def open_test(connection: Connection, trigger: Mapping[str, Any], *, run: bool) -> dict[str, Any]:
    """A new test URL for an `api` trigger, shown with its `url` this once. Raises Conflict for another type."""
    if trigger["type"] != "api":
        raise Conflict("only api triggers have a test URL", code="not_an_api_trigger")
    token = secrets.token_urlsafe(24)
    values = {"id": new_id("tst"), "workspace_id": trigger["workspace_id"], "trigger_id": trigger["id"], "token_hash": _hash(token)}
    made = db.row(connection, _OPEN, {**values, "run": run, "minutes": VALID_MINUTES})
    assert made is not None
    return show(made) | {"url": f"{settings().base_url}/api/trigger/{trigger['path']}/test/{token}"}


def newest_test(connection: Connection, trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger's newest test and what it caught. Raises NotFound when there is none."""
    found = db.row(connection, _NEWEST, {"trigger_id": trigger["id"]})
    if found is None:
        raise NotFound("this trigger has no test URL; POST makes one")
    return show(found)


def show(row: Mapping[str, Any]) -> dict[str, Any]:
    """A test as the API answers it. `captured` is {trigger, body, input}; `problem` says why a request was refused, or why the draft did not run."""
    state = "captured" if row["captured_at"] is not None else "expired" if row["expired"] else "listening"
    return {
        "id": row["id"],
        "state": state,
        "run": row["run"],
        "created_at": to_text(row["created_at"]),
        "expires_at": to_text(row["expires_at"]),
        "captured_at": to_text(row["captured_at"]),
        "captured": None if row["captured"] is None else loads(row["captured"]),
        "problem": row["problem"],
        "execution_id": row["execution_id"],
    }


def catch(connection: Connection, token: str, delivery: Delivery, authorize: Authorize) -> Caught:
    """Take the one request of a test URL. The caller runs the draft, calls `keep`, and commits.

    Raises NotFound (no such URL, or no longer), Conflict `test_url_used`, and the refusals of the trigger's own checks, which use nothing up and are shown to
    the builder as `problem`.
    """
    row = db.row(connection, _BY_URL, {"token_hash": _hash(token), "path": delivery.path})
    if row is None or row["expired"]:
        raise NotFound("there is no test URL here, or it is too old; make a new one in the builder")
    if row["captured_at"] is not None:
        raise Conflict("this test URL has caught its one request; make a new one", code="test_url_used")
    door = door_of(db.executor(connection), row["trigger_id"])
    assert door is not None  # the test's row goes with its trigger
    try:
        check_method(door, delivery)
        proof = check_caller(door, delivery, authorize)
        raw, context = parse_body(delivery.headers, delivery.body), context_of(door, delivery, proof)
    except MillraceError as error:
        connection.rollback()  # so that the row is free
        hot_execute(_MISS, {"id": row["id"], "problem": printable(error.detail)})
        raise
    mapped, problem = _mapped(door, raw, context)
    captured = {"trigger": context, "body": raw, "input": mapped}
    db.run(connection, _CATCH, {"id": row["id"], "captured": dumps(captured), "problem": problem})
    return Caught(row["id"], row["workspace_id"], door.row["workflow_id"], row["run"], context, mapped, problem)


def _mapped(door: Door, raw: Any, context: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The input after the trigger's mapping; the draft's own schema is checked when it runs."""
    try:
        return prepare_input(door.row, raw, context, None), None
    except MillraceError as error:
        return None, printable(error.detail)


def keep(connection: Connection, caught: Caught, *, execution_id: str | None, problem: str | None) -> None:
    """Note what became of a caught request."""
    db.run(connection, _RAN, {"id": caught.id, "execution_id": execution_id, "problem": problem})


def forget_old(connection: Connection) -> int:
    """Delete tests that nobody can use or look at any more; returns how many."""
    return db.run(connection, _FORGET, {"hours": KEPT_HOURS})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
