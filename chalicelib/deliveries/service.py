"""The ledger's verbs. A message is `accepted` in a committed transaction before it is sent; afterwards the row says what became of it, and never less.

The edge of an action is `in_transaction`: a short transaction in a thread, beside the engine's event loop, done to its end even when the action is cut off.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import is_id, new_id
from chalicelib.deliveries import repository
from chalicelib.registry.spec import NodeContext

CHANNELS = ("email", "sms", "push", "slack", "discord", "teams", "webhook")
STATUSES = ("accepted", "unknown", "delivered", "failed")
MAX_DETAIL = 500
_SHOWN = ("id", "workflow_id", "execution_id", "node_id", "iteration", "attempt", "channel", "recipient", "provider", "message_id", "status", "reason", "detail", "tried")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the ledger knows of a recipient under this key from an earlier attempt: `landed` is not sent again; without it, it may have been sent, and only
    the credential it was sent by may try again."""

    id: str
    landed: bool
    provider: str
    credential_id: str
    message_id: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Row ids by recipient of what is to be sent, and what is known of recipients from before."""

    ids: Mapping[str, str]
    earlier: Mapping[str, Earlier]


async def in_transaction(work: Callable[[Connection], T]) -> T:
    """Run ledger work in a transaction of its own. Once begun it is finished, whatever becomes of the caller. Raises Unavailable."""

    def go() -> T:
        with db.transaction() as connection:
            return work(connection)

    return await asyncio.shield(asyncio.create_task(asyncio.to_thread(go)))


def accept(
    connection: Connection, ctx: NodeContext, channel: str, recipients: Sequence[str], provider: str, credential_id: str
) -> Accepted:
    """Write a row for each recipient that is to be sent to. Those whose message is on its way or has arrived, under the same key, are left out."""
    run = _run(ctx, channel)
    by_digest = {digest(ctx.workspace_id, channel, recipient): recipient for recipient in recipients}
    repository.lock(connection, run)
    repository.give_up_orphans(connection, run, list(by_digest))
    earlier: dict[str, Earlier] = {}
    for row in repository.earlier(connection, run, list(by_digest)):
        landed = row["status"] == "delivered" or row["handed_at"] is not None
        known = earlier.get(by_digest[row["recipient_digest"]])
        if known is None or not known.landed:
            earlier[by_digest[row["recipient_digest"]]] = Earlier(
                row["id"], landed, row["provider"], row["credential_id"], row["message_id"], row["status"]
            )
    fresh = [
        {"id": new_id("dlv"), "recipient": shortened(recipient), "digest": key}
        for key, recipient in by_digest.items()
        if not (recipient in earlier and earlier[recipient].landed)
    ]
    rows = repository.accept(connection, run, fresh, provider, credential_id) if fresh else ()
    return Accepted({by_digest[row["recipient_digest"]]: row["id"] for row in rows}, earlier)


def digest(workspace_id: str, channel: str, recipient: str) -> str:
    """What the ledger knows a recipient by."""
    text = recipient.strip().lower() if channel == "email" else recipient.strip()
    return hashlib.sha256(f"{workspace_id}\n{channel}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def shortened(recipient: str) -> str:
    """A recipient as people may see it: `j…@example.com`, `…4567`, `https://hooks.example.com/…`."""
    name, at, domain = recipient.rpartition("@")
    if at and name and "://" not in recipient:
        return f"{name[0]}…@{domain[:100]}"
    if re.fullmatch(r"\+?[\d\s().-]{5,}", recipient):
        return f"…{re.sub(r'[^0-9]', '', recipient)[-3:]}"
    if "://" in recipient and not recipient.startswith("{"):
        return f"{recipient.partition('://')[0]}://{urlsplit(recipient).netloc.rpartition('@')[2][:100]}/…"
    return recipient if len(recipient) <= 20 and "://" not in recipient else f"{recipient[:4]}…{recipient[-4:]}"


def settle_message(
    connection: Connection, rows: Sequence[repository.Row], status: str, reason: str, detail: str, recipients: Sequence[str] = ()
) -> int:
    """Apply a receipt to the rows of a message: all of them, or those of `recipients`. Returns how many it moved; those that are past it stay as they are."""
    moved = 0
    for row in rows:
        if recipients and row["recipient_digest"] not in {digest(row["workspace_id"], row["channel"], each) for each in recipients}:
            continue
        if repository.settle(connection, row["id"], status, reason, detail[:MAX_DETAIL]):
            moved += 1
        elif row["status"] != status and reason:
            repository.note(connection, row["id"], f"{reason}: {detail}"[:MAX_DETAIL])
    return moved


def get(connection: Connection, workspace_id: str, id: str) -> dict[str, Any]:
    """One delivery. Raises NotFound."""
    row = repository.get(connection, id, workspace_id) if is_id(id, "dlv") else None
    if row is None:
        raise NotFound("there is no delivery of this id")
    return show(row)


def show(row: repository.Row) -> dict[str, Any]:
    """A row as the API gives it."""
    times = {name: to_text(row[name]) for name in ("accepted_at", "handed_at", "unknown_at", "settled_at")}
    return {**{name: row[name] for name in _SHOWN}, "credential_id": row["credential_id"] or None, **times}


def database_now(connection: Connection) -> datetime:
    """The database's clock, by which the engine decides what is due."""
    now: datetime = db.rows(connection, "SELECT now() AS now")[0]["now"]
    return now


def _run(ctx: NodeContext, channel: str) -> dict[str, Any]:
    return {
        "workspace_id": ctx.workspace_id,
        "workflow_id": ctx.workflow_id,
        "execution_id": ctx.execution_id,
        "node_id": ctx.node_id,
        "iteration": ctx.iteration,
        "attempt": ctx.attempt,
        "key": ctx.idempotency_key,
        "channel": channel,
    }
