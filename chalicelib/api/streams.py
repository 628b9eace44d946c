"""Server-sent events of an execution, on the host only: what GET /executions/{id}/events says, as it happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from chalicelib.core.db import transaction
from chalicelib.core.errors import MillraceError, Unavailable
from chalicelib.core.jsontext import dumps
from chalicelib.engine.queries import execution_events

PAUSE_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LONGEST_SECONDS = 600.0
MAX_STREAMS = 48
ENDED = frozenset({"execution.succeeded", "execution.failed", "execution.cancelled"})

_places = threading.BoundedSemaphore(MAX_STREAMS)
_stopping = threading.Event()


def start() -> None:
    """Allow streams: called by the server that can send them."""
    _stopping.clear()


def stop() -> None:
    """End all streams: the server goes down, and clients come back by themselves."""
    _stopping.set()


class EventStream:
    """An iterator of text/event-stream bytes. It ends after the execution's last event, or after ten minutes; `Last-Event-ID` picks it up again."""

    def __init__(self, workspace_id: str, execution_id: str, after: int) -> None:
        if not _places.acquire(blocking=False):
            raise Unavailable("too many event streams are open on this server; poll with `?after=`", retry_after=5)
        self._open = True
        self._events = self._run(workspace_id, execution_id, after)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._events)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Called when the client has gone, too."""
        if self._open:
            self._open = False
            _places.release()

    def _run(self, workspace_id: str, execution_id: str, after: int) -> Iterator[bytes]:
        yield b"retry: 2000\n\n"
        until = time.monotonic() + LONGEST_SECONDS
        silent_since = time.monotonic()
        while time.monotonic() < until and not _stopping.is_set():
            try:
                with transaction() as connection:
                    events = execution_events(connection, workspace_id, execution_id, after)
            except MillraceError:
                return  # the client comes back with Last-Event-ID
            for event in events:
                after = event["seq"]
                yield f"id: {event['seq']}\nevent: {event['type']}\ndata: {dumps(event)}\n\n".encode()
                silent_since = time.monotonic()
                if event["type"] in ENDED:
                    return
            if time.monotonic() - silent_since > HEARTBEAT_SECONDS:
                yield b": still here\n\n"
                silent_since = time.monotonic()
            _stopping.wait(PAUSE_SECONDS)
