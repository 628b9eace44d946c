"""From the Authorization header to a caller, remembered for a few seconds so that most requests need no query for it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping

from chalicelib.core.db import transaction
from chalicelib.core.errors import MillraceError, NotFound, Unauthenticated
from chalicelib.core.jsontext import is_clean
from chalicelib.identity import members, service, workspaces
from chalicelib.identity.service import Caller

REMEMBER_SECONDS = 5.0
MAX_REMEMBERED = 2_000

WORKSPACE_HEADER = "millrace-workspace"

_known: dict[bytes, tuple[Caller, float]] = {}
_acting: dict[tuple[str, str], tuple[Caller, float]] = {}
_lock = threading.Lock()


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of `Authorization: Bearer ...`, None when there is no such header."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def authenticate(headers: Mapping[str, str]) -> Caller:
    """Who sent these headers, in the workspace that `Millrace-Workspace` names, if it does. Raises Unauthenticated, Forbidden or NotFound for a workspace that is not
    theirs, or Unavailable without a database."""
    token = bearer(headers)
    if token is None:
        raise Unauthenticated("send an API key as `Authorization: Bearer <key>`")
    caller, wanted = caller_of(token), headers.get(WORKSPACE_HEADER, "").strip()
    return _in_workspace(caller, wanted) if wanted else caller


def _in_workspace(caller: Caller, wanted: str) -> Caller:
    if not is_clean(wanted):
        raise NotFound("Millrace-Workspace names no workspace")
    remembered = _acting.get((caller.key_id, wanted))
    if remembered is not None and remembered[1] > time.monotonic():
        return remembered[0]
    with transaction() as connection:
        acting = workspaces.act_in(connection, caller, wanted)
    with _lock:
        if len(_acting) >= MAX_REMEMBERED:
            _acting.clear()
        _acting[(caller.key_id, wanted)] = (acting, time.monotonic() + REMEMBER_SECONDS)
    return acting


def caller_of(token: str) -> Caller:
    """The caller behind a key or a token of the OpenID provider; a revoked one is recognised at most REMEMBER_SECONDS later. Raises Unauthenticated, and Forbidden for who is a member of
    no workspace."""
    if service.is_bootstrap(token):
        return service.BOOTSTRAP
    digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    remembered = _known.get(digest)
    if remembered is not None and remembered[1] > time.monotonic():
        return remembered[0]
    claims = members.claims_of(token) if members.is_token(token) else None  # before the transaction: it may call the provider
    with transaction() as connection:
        caller = service.identify(connection, token) if claims is None else members.identify(connection, claims)
    with _lock:
        if len(_known) >= MAX_REMEMBERED:
            _known.clear()
        _known[digest] = (caller, time.monotonic() + REMEMBER_SECONDS)
    return caller


def known_caller(token: str) -> Caller | None:
    """Like `caller_of`, but None for a key that is not known. Raises Unavailable without a database."""
    try:
        return caller_of(token)
    except MillraceError as error:
        if error.status == 401:
            return None
        raise


def forget(key_id: str) -> None:
    """Drop what is remembered of a key: called once its revocation is committed."""
    with _lock:
        for named in [named for named, (acting, _) in _acting.items() if key_id in (named[0], acting.key_id)]:
            del _acting[named]
        for digest in [digest for digest, (caller, _) in _known.items() if caller.key_id == key_id]:
            del _known[digest]


def forget_workspaces() -> None:
    """Drop what is remembered of workspaces' names: called once a change is committed."""
    with _lock:
        _acting.clear()
