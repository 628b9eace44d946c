"""/health/providers: how the other sides of credentials are, and which calls are held back."""

from __future__ import annotations

from typing import Literal

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply, json_reply
from chalicelib.credentials import health
from chalicelib.identity.roles import VIEWER

routes = Routes("health")


class ProviderCredential(Answer):
    """The credential called with."""

    id: str
    slug: str
    name: str


class Provider(Answer):
    """One credential (null: calls without) and host. `open`: calls are held back until `opened_until`; `half_open`: the next call shows whether it is back."""

    credential: ProviderCredential | None
    host: str
    state: Literal["closed", "open", "half_open"]
    failures: int
    opened_until: str | None
    calls: int
    errors: int
    average_ms: int | None
    last_error: str | None
    last_error_at: str | None
    last_success_at: str | None


@routes.route("GET", "/health/providers", role=VIEWER, answer=Provider, listing=True)
def list_providers(call: Call) -> Reply:
    """How the hosts that credentials are sent to have answered in the last thirty days, those in trouble first. All of them come on one page.

    Ten failures in a row (no answer, or a 5xx) hold back calls with that credential to that host for 30 seconds, doubling to five minutes, each time until one
    call succeeds. Calls without a credential are counted and never held back.
    """
    return json_reply({"items": health.list_page(call.connection, call.workspace_id), "next_cursor": None})
