"""Calling a provider's HTTP API: through the guard, to the hosts the credential is bound to, and with each failure told apart: not taken, or perhaps taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.actions.messages.provider import Job, NotTaken, Problem
from chalicelib.core import jsontext
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import CallFailed, Response
from chalicelib.credentials.spec import Outgoing
from chalicelib.credentials.watched import watched

MAX_ANSWER_BYTES = 1_000_000
MAX_WORDS = 300
# The gateway's own words: what stands behind it may have acted.
UNSURE_STATUSES = frozenset((408, 502, 504))


async def post(
    job: Job,
    url: str,
    *,
    json: Any = None,
    form: Mapping[str, Any] | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    authenticate: bool = False,
    secret: tuple[str, ...] = (),
    method: str = "POST",
) -> Response:
    """Send one request with the node's Idempotency-Key. `authenticate` adds the job's credential (of kind http). Raises NotTaken when there was no answer, and
    ActionError `circuit_open`."""
    target = parse_url(url)
    job.credential.check_host(target.host, target.port)
    sent = {"Idempotency-Key": job.ctx.idempotency_key, **(headers or {})}
    if json is not None:
        body, sent["Content-Type"] = jsontext.dumps(json).encode("ascii"), "application/json"
    elif form is not None:
        texts = {name: value if isinstance(value, str) else jsontext.dumps(value) for name, value in form.items()}
        body, sent["Content-Type"] = urlencode(texts).encode("ascii"), "application/x-www-form-urlencoded"
    request = Outgoing(method, target.text, sent, body, set(secret))
    if authenticate:
        await _authenticate(job, request)
    try:
        with watched(job.ctx, job.credential.id, f"{target.host}:{target.port}") as watch:
            response = await job.client.call(
                method,
                request.url,
                headers=request.headers,
                body=body,
                timeout=job.seconds,
                max_bytes=MAX_ANSWER_BYTES,
                secret_headers=request.secret_headers,
                redirects=0,
            )
            watch.answered(response.status)
        return response
    except (CallFailed, EgressDenied, InvalidUrl) as error:
        raise NotTaken(of_failure(error)) from None


async def _authenticate(job: Job, request: Outgoing) -> None:
    """Add the credential that the job was lent; its host has been checked."""
    from chalicelib.credentials.oauth import with_token

    opened = job.credential
    if opened.spec.grant is not None:
        opened = await with_token(opened, job.client)
        job.ctx.secrets.add(opened.secrets())
    assert opened.spec.apply is not None, "kind http means that there is an apply"
    opened.spec.apply(request, opened.data, opened.token.access if opened.token else None)


def of_failure(error: MillraceError) -> Problem:
    """What a call without an answer means."""
    if not isinstance(error, CallFailed):
        return Problem(error.code, error.detail, error.code)
    unsure = not error.unsent and error.code in ("connection_failed", "timeout", "invalid_response", "response_too_large", "call_failed")
    return Problem(error.code, error.detail, error.code, error.error_class, unsure=unsure)


def of_status(response: Response, name: str, said: str, *, code: str = "provider_error", reason: str | None = None) -> Problem:
    """What an answer of 400 and above means. 429 and 5xx are worth another try; a gateway's 502 and 504 say nothing of what stands behind it."""
    from chalicelib.actions.http.answers import retry_after
    from chalicelib.core.clock import utc_now

    status = response.status
    wait = retry_after(response, utc_now()) if status in (429, 503) else None
    message = f"{name} answered {status}" + (f": {words(said)}" if said else "")
    if status == 429:
        return Problem("rate_limited", message, reason or "rate_limited", "http.429", wait)
    worth_it = f"http.{status}" if status >= 500 or status == 408 else None
    if status in (401, 403):
        return Problem(code, message, reason or "unauthorized")
    return Problem(code, message, reason or f"http_{status}", worth_it, wait, unsure=status in UNSURE_STATUSES)


def words(text: str) -> str:
    """A provider's words on one line, without what looks like an address, for history and the ledger."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    line = re.sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "[address]", line)
    line = re.sub(r"\+?\d[\d ().-]{6,}\d", "[number]", line)
    return line if len(line) <= MAX_WORDS else line[:MAX_WORDS] + "…"


def parsed(response: Response) -> Any:
    """The answer's JSON, or None."""
    try:
        return jsontext.loads(response.body)
    except MillraceError:
        return None


def text_of(response: Response) -> str:
    """The answer as text."""
    return response.body[:4_000].decode("utf-8", "replace")
