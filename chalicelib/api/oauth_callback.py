"""/callbacks/oauth2: where a user's browser comes back from an authorization server. `state` in the query is the secret, and works once."""

from __future__ import annotations

import asyncio

from chalicelib.api.credentials import html_reply
from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.replies import Reply
from chalicelib.core.db import transaction
from chalicelib.core.egress import guard
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.credentials import oauth, vault

routes = Routes("callbacks")
FAILED = "Not connected"


@routes.route("GET", "/callbacks/oauth2", role=None, transactional=False)
def finish_oauth(call: Call) -> Reply:
    """End a user's consent: exchange the code for tokens and seal them. Answers a page for the browser."""
    state, code, refused = (call.request.first(name) for name in ("state", "code", "error"))
    if not state:
        return html_reply(400, FAILED, "The address lacks its state. Begin again in Millrace.")
    try:
        with transaction() as connection:
            consent = oauth.take_consent(connection, state)
        if refused or not code:
            return html_reply(400, FAILED, "The authorization server gave no access: it was refused, or the request was not understood.")
        granted = asyncio.run(_exchange(consent, code))
        with transaction() as connection:
            oauth.finish_consent(connection, consent, granted)
    except MillraceError as error:
        return html_reply(error.status if error.status < 500 else 502, FAILED, error.detail)
    vault.forget(consent.opened.id)
    return html_reply(200, "Connected", f"The credential {consent.opened.name} can be used now. You may close this page.")


async def _exchange(consent: oauth.Consent, code: str) -> oauth.Grant:
    client = HttpClient(guard())
    try:
        return await oauth.exchange(consent, code, client)
    finally:
        await client.close()
