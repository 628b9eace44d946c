"""JSON Web Tokens at a trigger: checked against the issuer's published keys, which are fetched through the egress guard and remembered.

Keys are kept for ten minutes, and for a day when the issuer cannot be reached. A token with an unknown key id makes them be fetched anew, at most every
half minute, so that strangers cannot make us call the issuer at will.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.egress import guard
from chalicelib.core.errors import MillraceError, Unauthenticated
from chalicelib.core.http import HttpClient
from chalicelib.core.jsontext import loads
from chalicelib.triggers.refusals import AGAIN_SECONDS, CannotCheck

FRESH_SECONDS = 600.0
KEPT_SECONDS = 86_400.0
FETCH_SECONDS = 5.0
LEEWAY_SECONDS = 60
MAX_JWKS_BYTES = 512 * 1024
MAX_KEYS = 100
MAX_TOKEN_LENGTH = 16_384
MAX_ISSUERS = 500


@dataclass(slots=True)
class _Keys:
    """What one issuer published. Times are monotonic seconds."""

    by_id: Mapping[str | None, Any]
    fetched_at: float
    tried_at: float
    problem: str | None = None


_known: dict[str, _Keys] = {}
_lock = threading.Lock()
_fetching: dict[str, threading.Lock] = {}


def check_token(auth: Mapping[str, Any], token: str, *, fetch: Callable[[str], bytes] | None = None) -> dict[str, Any]:
    """The claims of a token that this trigger accepts. Raises Unauthenticated, with what is wrong, and CannotCheck."""
    import jwt  # where it is needed only: it loads a large library

    if not token or len(token) > MAX_TOKEN_LENGTH:
        raise Unauthenticated("send a token of the issuer as `Authorization: Bearer`")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthenticated("this is no JSON Web Token") from None
    algorithm, key_id = str(header.get("alg")), header.get("kid")
    if algorithm not in auth["algorithms"]:
        raise Unauthenticated(f"the token is signed by {algorithm[:20]}; this trigger takes {', '.join(auth['algorithms'])}")
    key = _key(auth["jwks_url"], key_id if isinstance(key_id, str) else None, algorithm, fetch or _fetch)
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=auth.get("audience"),
            issuer=auth["issuer"],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss"], "verify_aud": auth.get("audience") is not None},
        )
    except jwt.PyJWTError as error:
        raise Unauthenticated(f"the token is not valid here: {error}"[:300]) from None
    for name, wanted in auth.get("claims", {}).items():
        if name not in claims or claims[name] != wanted or type(claims[name]) is not type(wanted):
            raise Unauthenticated(f"the token's claim {name!r} is not the one this trigger asks for")
    return claims


def _key(url: str, key_id: str | None, algorithm: str, fetch: Callable[[str], bytes]) -> Any:
    """The issuer's key of this id that fits the algorithm; without an id its only one."""
    now = time.monotonic()
    keys = _known.get(url)
    if keys is None or now - keys.fetched_at > FRESH_SECONDS:
        keys = _refresh(url, fetch)
    found = _fitting(keys, key_id, algorithm)
    if found is None and time.monotonic() - keys.tried_at > AGAIN_SECONDS:
        found = _fitting(_refresh(url, fetch), key_id, algorithm)
    if found is None:
        raise Unauthenticated("the token is signed by a key that the issuer does not publish")
    return found


def _fitting(keys: _Keys, key_id: str | None, algorithm: str) -> Any:
    if key_id is None and len(keys.by_id) == 1:
        key = next(iter(keys.by_id.values()))
    else:
        key = keys.by_id.get(key_id)
    kinds = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
    return key.key if key is not None and key.key_type == kinds[algorithm[:2]] else None


def _refresh(url: str, fetch: Callable[[str], bytes]) -> _Keys:
    """Fetch once for all threads that ask at the same time. Raises CannotCheck when nothing usable is known."""
    with _lock:
        turn = _fetching.setdefault(url, threading.Lock())
    asked_at = time.monotonic()
    with turn:
        keys = _known.get(url)
        if (
            keys is None or asked_at - keys.tried_at > AGAIN_SECONDS
        ):  # else somebody has tried while this thread waited, or just before
            keys = _tried(url, keys, fetch)
    if not keys.by_id or time.monotonic() - keys.fetched_at > KEPT_SECONDS:
        raise CannotCheck(keys.problem or "the issuer publishes no usable key")
    return keys


def _tried(url: str, before: _Keys | None, fetch: Callable[[str], bytes]) -> _Keys:
    problem, by_id = None, None
    try:
        by_id = _read(fetch(url))
    except MillraceError as error:
        problem = f"the keys at jwks_url cannot be read: {error.detail}"[:500]
    except Exception as error:
        problem = f"the keys at jwks_url cannot be read ({type(error).__name__})"
    now = time.monotonic()
    if by_id is not None:
        keys = _Keys(by_id, now, now)
    elif before is not None:
        keys = _Keys(before.by_id, before.fetched_at, now, problem)
    else:
        keys = _Keys({}, now, now, problem)
    with _lock:
        if len(_known) >= MAX_ISSUERS:
            _known.clear()
        _known[url] = keys
    return keys


def _read(body: bytes) -> dict[str | None, Any]:
    import jwt

    document = loads(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise MillraceError("it is no JWKS document (an object with `keys`)")
    found: dict[str | None, Any] = {}
    for entry in listed[:MAX_KEYS]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            found[entry.get("kid")] = jwt.PyJWK(entry)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # one key that cannot be read must not spoil the others
    return found


def _fetch(url: str) -> bytes:
    """GET through the egress guard, on an event loop of its own: callers are plain threads."""

    async def get() -> bytes:
        client = HttpClient(guard())
        try:
            answer = await client.call(
                "GET", url, timeout=FETCH_SECONDS, max_bytes=MAX_JWKS_BYTES, headers={"Accept": "application/json"}
            )
        finally:
            await client.close()
        if answer.status != 200:
            raise MillraceError(f"the issuer answered {answer.status}")
        return answer.body

    return asyncio.run(get())


def forget_keys() -> None:
    """Forget all issuers' keys; tests begin with it."""
    with _lock:
        _known.clear()
