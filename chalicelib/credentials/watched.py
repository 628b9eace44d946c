"""Calls to other sides, watched: counted by credential and host, and held back while their circuit is open. Every action that lends a credential calls within."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.core.http import CallFailed
from chalicelib.credentials.health import health
from chalicelib.registry.spec import NodeContext


@dataclass(slots=True)
class Watch:
    """One call. It counts when it was `answered`, or ends with a CallFailed that speaks of the other side."""

    ctx: NodeContext
    credential_id: str
    where: str = ""
    began: float = 0.0
    trouble: str | None = None
    ended: bool = False

    def to(self, where: str) -> None:
        """It goes to this `host:port`. Raises ActionError `circuit_open`."""
        self.where = where
        health().check((self.ctx.workspace_id, self.credential_id, where))
        self.began = time.monotonic()

    def answered(self, status: int = 200) -> None:
        """The other side answered; a 5xx is trouble of its own."""
        self.ended = True
        self.trouble = f"{self.where} answered {status}" if status >= 500 else None


@contextmanager
def watched(ctx: NodeContext, credential_id: str, where: str = "") -> Iterator[Watch]:
    """Watch one call. `where` may be told later, by `to`, while it is not known. Raises ActionError `circuit_open`."""
    watch = Watch(ctx, credential_id)
    if where:
        watch.to(where)
    try:
        yield watch
    except CallFailed as error:
        if error.error_class is not None or error.code == "tls_error":
            watch.ended, watch.trouble = True, ctx.secrets.text(error.detail)
        raise
    finally:
        if watch.ended and watch.where:
            key = (ctx.workspace_id, credential_id, watch.where)
            health().record(key, time.monotonic() - watch.began, watch.trouble)
