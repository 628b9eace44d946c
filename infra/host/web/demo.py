"""`/demo/…`, with `--demo`: addresses for the examples' calls and messages, so that a first workflow needs no account anywhere. On this machine only.

    ANY    /demo/echo, and any other path     answered with what was sent; a call whose idempotency key was seen is answered as the first time
    GET    /demo/calls                        the newest calls                                      DELETE forgets them
    POST   /demo/sms  /demo/push              a gateway for text or push messages: JSON or a form, answered with {"id": …}
    POST   /demo/slack  /demo/discord  /demo/teams  /demo/chat/NAME     incoming webhooks for chat messages
    GET    /demo/inbox  ?kind=mail|sms|chat|push, /demo/inbox/ID        what came in by those, and by the mail server of the demo    DELETE forgets it

Nothing is kept beyond this process, and nothing is sent to anybody.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from chalicelib.core import jsontext
from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.errors import MethodNotAllowed, MillraceError, NotFound
from chalicelib.core.jsontext import dumps
from infra.host.web.demo_inbox import Inbox, posted_fields
from infra.host.web.gateway import Answer, read_body, request_headers

PREFIX = "/demo/"
MAX_BODY_BYTES = 256 * 1024
CALLS_KEPT = 200
KEYS_KEPT = 10_000
_CHATS = ("slack", "discord", "teams")
_SECRET_HEADERS = frozenset(("authorization", "cookie", "x-api-key", "proxy-authorization"))


class DemoKit:
    """Takes calls and messages and shows them."""

    def __init__(self, inbox: Inbox | None = None) -> None:
        self.inbox = inbox or Inbox()
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self._answers: OrderedDict[str, str] = OrderedDict()

    def answer(self, environ: Mapping[str, Any], path: str) -> Answer:
        """Answer one request below /demo/."""
        method, parts = environ["REQUEST_METHOD"], path.removeprefix(PREFIX).strip("/").split("/")
        if parts[0] == "inbox":
            return self._show_inbox(method, parts[1:], parse_qs(environ.get("QUERY_STRING", "")))
        if parts == ["calls"] and method in ("GET", "DELETE"):
            return self._show_calls(method)
        headers = request_headers(environ)
        text = read_body(environ, MAX_BODY_BYTES).decode("utf-8", "replace")
        if method == "POST" and (parts[0] in ("sms", "push", "chat") or parts == [parts[0]] and parts[0] in _CHATS):
            return self._take_message(parts, headers, text, "wait=true" in environ.get("QUERY_STRING", ""))
        return _json(self._take(method, path.removeprefix("/demo"), environ.get("QUERY_STRING", ""), headers, text))

    def _show_inbox(self, method: str, rest: list[str], query: Mapping[str, list[str]]) -> Answer:
        if method == "DELETE" and not rest:
            self.inbox.clear()
            return 204, [], []
        if method != "GET":
            raise MethodNotAllowed("the inbox is read by GET and emptied by DELETE")
        if not rest:
            return _json(dumps({"items": self.inbox.newest(query.get("kind", [None])[0])}))
        found = self.inbox.find(rest[0])
        if found is None:
            raise NotFound("there is no such message in the demo inbox")
        return _json(dumps(found))

    def _show_calls(self, method: str) -> Answer:
        with self._lock:
            if method == "DELETE":
                self._calls.clear()
                return 204, [], []
            return _json(dumps({"items": list(reversed(self._calls))}))

    def _take_message(self, parts: list[str], headers: Mapping[str, str], text: str, wait: bool) -> Answer:
        kind, name = (parts[0], "") if parts[0] in ("sms", "push") else ("chat", parts[-1])
        key = headers.get("idempotency-key", "")
        kept = self.inbox.add(kind, posted_fields(kind, name, headers.get("content-type", ""), text, key))
        if name == "slack":  # as the services themselves answer
            return 200, [("Content-Type", "text/plain")], [b"ok"]
        if name == "discord" and not wait:
            return 204, [], []
        return _json(dumps({"id": kept["id"], "status": "accepted"}), 202 if name == "teams" else 200)

    def _take(self, method: str, path: str, query: str, headers: Mapping[str, str], text: str) -> str:
        key = headers.get("idempotency-key", "")
        call = {"at": to_text(utc_now()), "method": method, "path": path, "idempotency_key": key, "body": text, "repeat": False}
        received = {"method": method, "path": path, "query": _query(query), "headers": _shown(headers), "body": text, "json": _parsed(text)}
        with self._lock:
            known = self._answers.get(key) if key else None
            self._calls.append({**call, "repeat": known is not None})
            if known is not None:
                return known
            answer = dumps({"received": received, "calls": len(self._calls)})
            if key:
                self._answers[key] = answer
                if len(self._answers) > KEYS_KEPT:
                    self._answers.popitem(last=False)
            return answer


def _query(text: str) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name, values in parse_qs(text, keep_blank_values=True).items()}


def _shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers, without what is secret in them."""
    return {name: "[hidden]" if name in _SECRET_HEADERS else value for name, value in headers.items()}


def _parsed(text: str) -> Any:
    """The body as JSON, null when it is none."""
    try:
        return jsontext.loads(text)
    except MillraceError:
        return None


def _json(text: str, status: int = 200) -> Answer:
    return status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], [text.encode()]
