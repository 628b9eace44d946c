"""OAuth 2.0: access tokens fetched, renewed by one worker at a time, and granted by a user in the browser (authorization code with PKCE).

No transaction is open while a token endpoint is asked: who may ask is settled by a lease in the token's row.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from sqlalchemy import Connection

from chalicelib.core.clock import utc_now
from chalicelib.core.db import transaction
from chalicelib.core.errors import BadRequest, Conflict, MillraceError
from chalicelib.core.http import CallFailed, HttpClient, Response
from chalicelib.core.ids import new_id
from chalicelib.credentials import service, tokens_repository
from chalicelib.credentials.keys import keyring
from chalicelib.credentials.sealing import context_of, seal, unseal
from chalicelib.credentials.vault import Opened, Token, forget, load
from chalicelib.registry.spec import ActionError

EARLY_SECONDS = 60
TOKEN_TIMEOUT_SECONDS = 15.0
MAX_TOKEN_BYTES = 262_144
_POLL_SECONDS = 0.1
_POLLS = 300


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What a token endpoint gave."""

    access: str
    refresh: str | None
    expires_at: datetime | None


class TokenRefused(MillraceError):
    """The token endpoint gave no token. `error_class` is what `retry.on` matches; `final` says that only a new consent can help."""

    status, code, title = 422, "credential_token_failed", "No access token was given"

    def __init__(self, detail: str, error_class: str | None = None, *, final: bool = False, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.error_class = error_class
        self.final = final


def is_fresh(token: Token | None, now: datetime) -> bool:
    """Whether a token can be used for another minute."""
    return token is not None and (token.expires_at is None or token.expires_at - now > timedelta(seconds=EARLY_SECONDS))


async def with_token(opened: Opened, client: HttpClient, *, renew: bool = False) -> Opened:
    """The credential with an access token that is fresh. Many may ask at once; one fetches, the others wait for what it got.

    Raises ActionError credential_not_connected (no consent yet) and credential_token_failed.
    """
    seen = opened.token.version if opened.token else 0
    if is_fresh(opened.token, utc_now()) and not renew:
        return opened
    if opened.spec.grant == "authorization_code" and opened.token is None:
        raise ActionError("credential_not_connected", f"nobody has connected the credential {opened.name!r} yet; open it and choose Connect")
    me = new_id("tok")
    for _ in range(_POLLS):
        if await asyncio.to_thread(_lease, opened, seen, me):
            return await _fetch(opened, client, me)
        await asyncio.sleep(_POLL_SECONDS)
        current = await asyncio.to_thread(_reload, opened)
        if current.token is not None and current.token.version != seen:
            return current
    raise ActionError("credential_token_failed", f"another worker has been fetching a token for {opened.name!r} for too long", error_class="timeout")


def _lease(opened: Opened, seen: int, me: str) -> bool:
    with transaction() as connection:
        return tokens_repository.lease(connection, opened.workspace_id, opened.id, seen, me)


def _reload(opened: Opened) -> Opened:
    forget(opened.id)
    with transaction() as connection:
        return load(connection, opened.workspace_id, opened.id)


async def _fetch(opened: Opened, client: HttpClient, me: str) -> Opened:
    """Ask the token endpoint, holding the lease, and store what it gives."""
    try:
        granted = await request_token(opened.data, renewal_form(opened), client)
    except BaseException as error:
        problem = error.detail if isinstance(error, TokenRefused) and error.final else None
        await asyncio.shield(asyncio.to_thread(_release, opened, me, problem))
        if isinstance(error, TokenRefused):
            raise ActionError(error.code, error.detail, error_class=error.error_class) from None
        raise
    if granted.refresh is None and opened.token is not None:
        granted = replace(granted, refresh=opened.token.refresh)
    version = (opened.token.version if opened.token else 0) + 1
    await asyncio.shield(asyncio.to_thread(_store, opened, me, granted))
    forget(opened.id)
    return replace(opened, token=Token(granted.access, granted.refresh, granted.expires_at, version))


def _store(opened: Opened, me: str, granted: Grant) -> None:
    with transaction() as connection:
        tokens_repository.store(connection, opened.id, me, _sealed(opened.workspace_id, opened.id, granted), granted.expires_at)


def _release(opened: Opened, me: str, problem: str | None) -> None:
    with transaction() as connection:
        tokens_repository.release(connection, opened.id, me, problem)


def _sealed(workspace_id: str, credential_id: str, granted: Grant) -> Any:
    return seal(keyring(), {"access": granted.access, "refresh": granted.refresh}, context_of(workspace_id, credential_id))


def renewal_form(opened: Opened) -> dict[str, str]:
    """What is asked of the token endpoint: the application's own token, or a user's renewed."""
    data = opened.data
    if opened.spec.grant == "client_credentials":
        form = {"grant_type": "client_credentials", "scope": data.scope, "audience": data.audience}
        return {name: value for name, value in form.items() if value}
    if opened.token is None or not opened.token.refresh:
        raise ActionError(
            "credential_not_connected", f"the access of {opened.name!r} has ended and the server gave no means to renew it; connect it again"
        )
    return {"grant_type": "refresh_token", "refresh_token": opened.token.refresh}


async def request_token(data: Any, form: dict[str, str], client: HttpClient) -> Grant:
    """One call to the token endpoint. Raises TokenRefused."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    sent = dict(form)
    if data.client_secret and data.client_auth == "basic":
        pair = f"{quote_plus(data.client_id)}:{quote_plus(data.client_secret)}"  # RFC 6749, section 2.3.1: both are form-encoded first
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    else:
        sent["client_id"] = data.client_id
        if data.client_secret:
            sent["client_secret"] = data.client_secret
    try:
        answer = await client.call(
            "POST",
            data.token_url,
            headers=headers,
            body=urlencode(sent).encode(),
            timeout=TOKEN_TIMEOUT_SECONDS,
            max_bytes=MAX_TOKEN_BYTES,
            secret_headers=("authorization",),
            redirects=0,
        )
    except CallFailed as error:
        raise TokenRefused(f"the token endpoint: {error.detail}", error.error_class) from None
    except MillraceError as error:  # the guard refused, or the URL is none
        raise TokenRefused(f"the token endpoint: {error.detail}", code=error.code) from None
    return read_grant(answer, utc_now())


def read_grant(answer: Response, now: datetime) -> Grant:
    """The token in an answer. Raises TokenRefused, with the server's own error code, not its text."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    said = said if isinstance(said, dict) else {}
    if answer.status != 200 or not isinstance(said.get("access_token"), str) or not said["access_token"]:
        code = said.get("error") if isinstance(said.get("error"), str) else None
        words = f"{answer.target.origin} answered {answer.status}" + (f" ({code[:60]})" if code else " without a token")
        if answer.status >= 500 or answer.status in (408, 429):
            raise TokenRefused(f"the token endpoint {words}", f"http.{answer.status}")
        hint = "; connect the credential again" if code == "invalid_grant" else "; check the client's id and secret" if code == "invalid_client" else ""
        raise TokenRefused(f"the token endpoint {words}{hint}", final=True)
    refresh = said.get("refresh_token") if isinstance(said.get("refresh_token"), str) else None
    return Grant(said["access_token"], refresh or None, _expiry(said.get("expires_in"), now))


def _expiry(seconds: Any, now: datetime) -> datetime | None:
    try:
        return now + timedelta(seconds=min(max(int(seconds), 0), 10 * 365 * 86400))
    except (TypeError, ValueError):
        return None


# -- a user's consent ----------------------------------------------------------------------------------------------------------------


def begin_consent(connection: Connection, workspace_id: str, ref: str, redirect_uri: str) -> tuple[str, str]:
    """Begin a consent: the address to send the user's browser to, and the credential's id. Raises NotFound and Conflict `credential_not_oauth`."""
    opened = load(connection, workspace_id, ref)
    if opened.spec.grant != "authorization_code":
        raise Conflict(f"a credential of type {opened.spec.type} needs no consent", code="credential_not_oauth")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    kept = seal(keyring(), {"verifier": verifier, "redirect_uri": redirect_uri}, _consent_context(state))
    tokens_repository.add_consent(connection, workspace_id, opened.id, _hash(state), kept)
    return authorization_url(opened.data, state, verifier, redirect_uri), opened.id


def authorization_url(data: Any, state: str, verifier: str, redirect_uri: str) -> str:
    """The authorization endpoint with everything it must know; the challenge is S256."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode("ascii").rstrip("=")
    fields = {
        **data.parameters,
        "response_type": "code",
        "client_id": data.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"scope": data.scope} if data.scope else {}),
    }
    return data.authorization_url + ("&" if "?" in data.authorization_url else "?") + urlencode(fields, quote_via=quote)


@dataclass(frozen=True, slots=True, repr=False)
class Consent:
    """A consent that came back: what is exchanged for a token."""

    opened: Opened
    verifier: str
    redirect_uri: str


def take_consent(connection: Connection, state: str) -> Consent:
    """Use up a consent under way. Raises BadRequest `consent_unknown` when it is unknown, used or older than ten minutes."""
    found = tokens_repository.take_consent(connection, _hash(state))
    if found is None:
        raise BadRequest("this consent is not under way any more; begin it again in Millrace", code="consent_unknown")
    kept = unseal(keyring(), found, _consent_context(state))
    return Consent(load(connection, found["workspace_id"], found["credential_id"]), kept["verifier"], kept["redirect_uri"])


async def exchange(consent: Consent, code: str, client: HttpClient) -> Grant:
    """The token for a code. Raises TokenRefused."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": consent.redirect_uri, "code_verifier": consent.verifier}
    return await request_token(consent.opened.data, form, client)


def finish_consent(connection: Connection, consent: Consent, granted: Grant) -> None:
    """Store the token, unless the credential was changed meanwhile. Raises Conflict `credential_changed`."""
    opened = consent.opened
    if service.get(connection, opened.workspace_id, opened.id)["revision"] != opened.revision:
        raise Conflict("the credential was changed meanwhile; connect it again", code="credential_changed")
    tokens_repository.grant(connection, opened.workspace_id, opened.id, _sealed(opened.workspace_id, opened.id, granted), granted.expires_at)


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()


def _consent_context(state: str) -> dict[str, str]:
    return {"millrace:consent": _hash(state)}
