"""`/demo/…`, with `--demo`: an address for the examples' calls, so that a first workflow needs no account anywhere.

It answers every call with what it was sent, and honours idempotency keys: a call whose key it has seen is answered as the first time. GET /demo/calls shows the
newest calls. Nothing is kept beyond this process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.jsontext import dumps
from infra.host.web.gateway import Answer, read_body, request_headers

PREFIX = "/demo/"
MAX_BODY_BYTES = 256 * 1024
CALLS_KEPT = 200
KEYS_KEPT = 10_000


class DemoKit:
    """Takes calls and shows them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self._answers: OrderedDict[str, str] = OrderedDict()

    def answer(self, environ: Mapping[str, Any], path: str) -> Answer:
        """Echo one call, or list the newest ones."""
        if path == PREFIX + "calls" and environ["REQUEST_METHOD"] == "GET":
            with self._lock:
                return _json(dumps({"items": list(reversed(self._calls))}))
        headers = request_headers(environ)
        text = read_body(environ, MAX_BODY_BYTES).decode("utf-8", "replace")
        return _json(self._take(environ["REQUEST_METHOD"], path.removeprefix("/demo"), headers.get("idempotency-key", ""), text))

    def _take(self, method: str, path: str, key: str, text: str) -> str:
        call = {"at": to_text(utc_now()), "method": method, "path": path, "idempotency_key": key, "body": text, "repeat": False}
        with self._lock:
            known = self._answers.get(key) if key else None
            self._calls.append({**call, "repeat": known is not None})
            if known is not None:
                return known
            answer = dumps({"received": {"method": method, "path": path, "body": text}, "calls": len(self._calls)})
            if key:
                self._answers[key] = answer
                if len(self._answers) > KEYS_KEPT:
                    self._answers.popitem(last=False)
            return answer


def _json(text: str) -> Answer:
    return 200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], [text.encode()]
