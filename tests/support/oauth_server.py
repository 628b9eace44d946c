"""A local authorization server: consent in the browser, PKCE, rotating refresh tokens that work once, and an API that asks for its tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote_plus, urlsplit

from tests.support.http_server import Request, Server, answer, serving

CLIENT_ID, CLIENT_SECRET = "millrace-test", "client-secret-canary-123456"


@dataclass
class OAuthServer:
    """What it knows. `expires_in` is what tokens are said to live, `rotates` whether a refresh token is replaced at each use, `public` a client without secret."""

    expires_in: int | None = 3600
    rotates: bool = True
    public: bool = False
    refuses: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    refresh: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    reused: int = 0
    grants: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> bytes:
        """Answer one request."""
        path = urlsplit(request.path).path
        if path == "/authorize":
            return self._authorize(dict(parse_qsl(urlsplit(request.path).query)))
        if path == "/token":
            return self._token(request, {name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        right = request.headers.get("authorization", "").removeprefix("Bearer ") in self.live
        return answer(b'{"ok": true}', "200 OK" if right else "401 Unauthorized", "Content-Type: application/json")

    def _authorize(self, query: dict[str, str]) -> bytes:
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return answer(b"", "302 Found", f"Location: {query['redirect_uri']}?code={code}&state={quote(query['state'], safe='')}")

    def _token(self, request: Request, form: dict[str, str]) -> bytes:
        with self.lock:
            self.grants.append(form["grant_type"])
            if self.refuses:
                return self._problem(self.refuses)
            if not self._knows(request, form):
                return self._problem("invalid_client", "401 Unauthorized")
            if form["grant_type"] == "authorization_code" and not self._code_fits(form):
                return self._problem("invalid_grant")
            if form["grant_type"] == "refresh_token" and not self._refresh_fits(form["refresh_token"]):
                return self._problem("invalid_grant")
            return self._issue(with_refresh=form["grant_type"] != "client_credentials" and (self.rotates or form["grant_type"] == "authorization_code"))

    def _knows(self, request: Request, form: dict[str, str]) -> bool:
        if self.public:
            return form.get("client_id") == CLIENT_ID and "authorization" not in request.headers
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def _code_fits(self, form: dict[str, str]) -> bool:
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        return asked is not None and asked["code_challenge"] == challenge and asked["redirect_uri"] == form["redirect_uri"]

    def _refresh_fits(self, token: str) -> bool:
        if token in self.spent:
            self.reused += 1
        if token not in self.refresh:
            return False
        if self.rotates:
            self.refresh.discard(token)
            self.spent.add(token)
        return True

    def _issue(self, *, with_refresh: bool) -> bytes:
        said: dict[str, Any] = {"access_token": "access-" + secrets.token_urlsafe(24), "token_type": "Bearer"}
        self.live.add(said["access_token"])
        if self.expires_in is not None:
            said["expires_in"] = self.expires_in
        if with_refresh:
            said["refresh_token"] = "refresh-" + secrets.token_urlsafe(24)
            self.refresh.add(said["refresh_token"])
        return answer(json.dumps(said).encode(), "200 OK", "Content-Type: application/json")

    @staticmethod
    def _problem(code: str, status: str = "400 Bad Request") -> bytes:
        return answer(json.dumps({"error": code, "error_description": "no"}).encode(), status, "Content-Type: application/json")


@contextmanager
def oauth_server(**options: Any) -> Iterator[tuple[OAuthServer, Server]]:
    """The server, running."""
    known = OAuthServer(**options)
    with serving(known.handle) as server:
        yield known, server
