"""Lending credentials to running actions: bound to workspace, workflow and host, remembered for a few seconds, and noted in the run's secrets.

Whatever is lent is added to the node's `secrets`, so that nothing the node says afterwards repeats it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.db import transaction
from chalicelib.core.egress import parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.credentials import repository, service
from chalicelib.credentials.binding import host_allowed, host_refusal
from chalicelib.credentials.catalogue import credential_types
from chalicelib.credentials.keys import keyring
from chalicelib.credentials.sealing import context_of, unseal
from chalicelib.credentials.spec import CredentialSpec, Outgoing
from chalicelib.registry.spec import ActionError, NodeContext

REMEMBER_SECONDS = 5.0
MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """An access token. `expires_at` None: the server did not say. `version` rises with each new one."""

    access: str
    refresh: str | None
    expires_at: datetime | None
    version: int

    def texts(self) -> list[str]:
        """What of it is secret."""
        return [text for text in (self.access, self.refresh) if text]


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A credential as an action may use it, for the moment."""

    id: str
    workspace_id: str
    name: str
    spec: CredentialSpec
    data: Any
    hosts: tuple[str, ...]
    workflows: tuple[str, ...] | None
    revision: int
    token: Token | None = None

    def secrets(self) -> list[str]:
        """Every text that may not appear anywhere."""
        return [*self.spec.secrets_of(self.data), *(self.token.texts() if self.token else ())]

    def check_host(self, host: str, port: int) -> None:
        """Raises ActionError `credential_host_denied` unless it may be sent there."""
        if not host_allowed(self.hosts, host, port):
            raise ActionError("credential_host_denied", host_refusal(self.name, self.hosts, host))


def open_row(row: service.Row) -> Opened:
    """Decrypt a row. Raises SealFailed and ActionError `credential_wrong_type`."""
    spec = credential_types().get(row["type"])
    if spec is None:
        raise ActionError("credential_wrong_type", f"this installation does not know the credential type {row['type']!r}")
    workflows = None if row["workflows"] is None else tuple(row["workflows"])
    return Opened(
        row["id"], row["workspace_id"], row["name"], spec, service.data_of(row), tuple(row["hosts"]), workflows, row["revision"], _token(row)
    )


def _token(row: service.Row) -> Token | None:
    if row["token_sealed"] is None:
        return None
    sealed = {"sealed": row["token_sealed"], "data_key": row["token_data_key"], "key_id": row["token_key_id"]}
    plain = unseal(keyring(), sealed, context_of(row["workspace_id"], row["id"]))
    return Token(plain["access"], plain.get("refresh"), row["expires_at"], row["token_version"])


_known: dict[tuple[str, str], tuple[Opened, float]] = {}
_locks: dict[tuple[asyncio.AbstractEventLoop, str, str], asyncio.Lock] = {}


async def borrow(ctx: NodeContext, ref: str, kinds: Collection[str] = ("http",)) -> Opened:
    """The credential a node names, by id or slug, for use now.

    Raises ActionError: credential_not_found, credential_wrong_type, credential_not_allowed (bound to other workflows), credential_sealed.
    """
    opened = await _find(ctx, ref)
    if opened.spec.kind not in kinds and opened.spec.type not in kinds:
        wanted = " or ".join(sorted(kinds))
        raise ActionError("credential_wrong_type", f"the credential {opened.name!r} is of type {opened.spec.type}; this node needs one for {wanted}")
    if opened.workflows is not None and ctx.workflow_id not in opened.workflows:
        raise ActionError("credential_not_allowed", f"the credential {opened.name!r} is bound to other workflows; add this one to it, or use another")
    ctx.secrets.add(opened.secrets())
    return opened


async def authenticate(ctx: NodeContext, ref: str, request: Outgoing, client: HttpClient, *, renew: bool = False) -> Opened:
    """Add a credential to a request, after checking that it may go to the request's host. With `renew` an access token is fetched anew.

    Raises ActionError as `borrow` does, and credential_host_denied, credential_not_connected, credential_token_failed.
    """
    from chalicelib.credentials.oauth import with_token

    opened = await borrow(ctx, ref)
    target = parse_url(request.url)
    opened.check_host(target.host, target.port)
    if opened.spec.grant is not None:
        opened = await with_token(opened, client, renew=renew)
        ctx.secrets.add(opened.secrets())
    assert opened.spec.apply is not None, "kind http means that there is an apply"
    request.url = target.text
    opened.spec.apply(request, opened.data, opened.token.access if opened.token else None)
    return opened


def forget(credential_id: str) -> None:
    """Drop what this process remembers of a credential: it was changed."""
    for key in [key for key, (opened, _) in list(_known.items()) if opened.id == credential_id]:
        _known.pop(key, None)


def forget_all() -> None:
    """Drop everything."""
    _known.clear()


async def _find(ctx: NodeContext, ref: str) -> Opened:
    key = (ctx.workspace_id, ref)
    remembered = _known.get(key)
    if remembered is not None and remembered[1] > time.monotonic():
        return remembered[0]
    lock = _locks.setdefault((asyncio.get_running_loop(), *key), asyncio.Lock())
    try:
        async with lock:
            remembered = _known.get(key)
            if remembered is not None and remembered[1] > time.monotonic():
                return remembered[0]
            opened = await asyncio.to_thread(_load, ctx, ref)
            if len(_known) >= MAX_REMEMBERED:
                _known.clear()
            _known[key] = (opened, time.monotonic() + REMEMBER_SECONDS)
            return opened
    finally:
        _locks.pop((asyncio.get_running_loop(), *key), None)


def _load(ctx: NodeContext, ref: str) -> Opened:
    try:
        with transaction() as connection:
            return load(connection, ctx.workspace_id, ref, service.used_by(ctx.execution_id, ctx.node_id))
    except MillraceError as error:
        if error.status == 404:
            message = f"there is no credential {ref[:80]!r} in this workspace; make one, or choose another in the node"
            raise ActionError("credential_not_found", message) from None
        raise ActionError(error.code, error.detail, error_class="connection" if error.status == 503 else None) from None


def load(connection: Connection, workspace_id: str, ref: str, by: str | None = None) -> Opened:
    """Open a credential within a transaction, noting who uses it. Raises NotFound, SealFailed."""
    row = service.get(connection, workspace_id, ref)
    opened = open_row(row)
    if by is not None:
        repository.touch(connection, row["id"], by)
    return opened
