"""/callbacks/oauth2: where a user's browser comes back from an authorization server. `state` in the query is the secret, and works once."""

from __future__ import annotations

import asyncio

from chalicelib.api.credentials import html_reply
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.db import transaction
from chalicelib.core.egress import guard
from chalicelib.core.errors import BadRequest, MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.credentials import oauth, vault

routes = Routes("callbacks")
QUERY = {
    "state": {"type": "string", "description": "what the authorization server gives back"},
    "code": {"type": "string", "description": "what is exchanged for tokens"},
    "error": {"type": "string", "description": "why there is no code"},
}


@routes.route("GET", "/callbacks/oauth2", role=None, transactional=False, query=QUERY)
def finish_oauth(call: Call) -> Reply:
    """End a user's consent: exchange the code for tokens and seal them. A browser is answered with a page, anything else with JSON or a problem."""
    in_browser = "text/html" in call.request.headers.get("accept", "")
    try:
        opened = _finish(*(call.request.first(name) for name in ("state", "code", "error")))
    except MillraceError as error:
        if not in_browser:
            raise
        return html_reply(error.status, "Not connected", error.detail)
    if not in_browser:
        return json_reply({"connected": True, "credential_id": opened.id})
    return html_reply(200, "Connected", f"The credential {opened.name} can be used now. You may close this page.")


def _finish(state: str | None, code: str | None, refused: str | None) -> vault.Opened:
    """The credential that is connected now. Raises BadRequest `consent_unknown`, `consent_refused`, Conflict and TokenRefused."""
    if not state:
        raise BadRequest("the address lacks its state; begin again in Millrace", code="consent_unknown")
    with transaction() as connection:
        consent = oauth.take_consent(connection, state)
    if refused or not code:
        raise BadRequest("the authorization server gave no access: it was refused, or the request was not understood", code="consent_refused")
    granted = asyncio.run(_exchange(consent, code))
    with transaction() as connection:
        oauth.finish_consent(connection, consent, granted)
    vault.forget(consent.opened.id)
    return consent.opened


async def _exchange(consent: oauth.Consent, code: str) -> oauth.Grant:
    client = HttpClient(guard())
    try:
        return await oauth.exchange(consent, code, client)
    finally:
        await client.close()
