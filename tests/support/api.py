"""A WSGI client: requests to the host's front within the test's process, on the way a real request takes but for the socket."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNSET = object()


@dataclass(frozen=True)
class ApiResponse:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """A problem's code."""
        return self.json.get("code") if self.headers.get("content-type") == "application/problem+json" else None


class ApiClient:
    """Speaks to a Front. `path` is decoded already, and below /api unless it begins with `//`; `raw` is a body as it is, `json` one to be encoded."""

    def __init__(self, front: Any, token: str | None) -> None:
        self.front = front
        self.token = token

    def as_key(self, token: str | None) -> ApiClient:
        """The same server, another caller."""
        return ApiClient(self.front, token)

    def request(
        self, method: str, path: str, *, json_body: Any = UNSET, raw: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> ApiResponse:
        """Send one request."""
        environ = self._environ(method, path, json_body, raw, headers or {})
        answer: list[Any] = []
        body = self.front(environ, lambda status, sent: answer.append((status, sent)))
        try:
            whole = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        status, sent = answer[0]
        return ApiResponse(int(status.split()[0]), {name.lower(): value for name, value in sent}, whole)

    def _environ(self, method: str, path: str, json_body: Any, raw: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        path, _, query = (path[1:] if path.startswith("//") else "/api" + path).partition("?")
        sent = {name.lower(): value for name, value in headers.items()}
        if json_body is not UNSET:
            raw = json.dumps(json_body).encode()
            sent.setdefault("content-type", "application/json")
        if self.token is not None:
            sent.setdefault("authorization", f"Bearer {self.token}")
        body = raw or b""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path.encode("utf-8", "surrogateescape").decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(body),
        }
        if raw is not None:
            environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in sent.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ

    def get(self, path: str, **headers: str) -> ApiResponse:
        """GET; keyword names are headers, with underscores for hyphens."""
        return self.request("GET", path, headers=_named(headers))

    def post(self, path: str, json_body: Any = UNSET, **headers: str) -> ApiResponse:
        """POST."""
        return self.request("POST", path, json_body=json_body, headers=_named(headers))

    def put(self, path: str, json_body: Any = UNSET, **headers: str) -> ApiResponse:
        """PUT."""
        return self.request("PUT", path, json_body=json_body, headers=_named(headers))

    def patch(self, path: str, json_body: Any = UNSET, **headers: str) -> ApiResponse:
        """PATCH."""
        return self.request("PATCH", path, json_body=json_body, headers=_named(headers))

    def delete(self, path: str, **headers: str) -> ApiResponse:
        """DELETE."""
        return self.request("DELETE", path, headers=_named(headers))

    def workflow(self, definition: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Create a workflow, by default one that answers its input; returns the resource with its `etag`."""
        made = self.post("/workflows", {"name": "Test", "definition": definition or ECHO, **fields})
        assert made.status == 201, made.body
        return {**made.json, "etag": made.headers["etag"]}

    def published(self, definition: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Create and publish."""
        made = self.workflow(definition, **fields)
        answer = self.post(f"/workflows/{made['id']}/publish")
        assert answer.status == 201, answer.body
        return made

    def door(self, workflow_id: str, *, input: Any = UNSET, enabled: bool = True, **config: Any) -> dict[str, Any]:
        """Create an `api` trigger; returns the resource."""
        body = {"workflow_id": workflow_id, "type": "api", "config": config, "enabled": enabled}
        made = self.post("/triggers", body | ({} if input is UNSET else {"input": input}))
        assert made.status == 201, made.body
        return made.json


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


ECHO: dict[str, Any] = {
    "schema": "millrace/1",
    "nodes": [{"id": "same", "type": "transform", "config": {"assign": {"input": "input"}}}],
    "edges": [],
    "output": "{{ nodes.same.output.input }}",
}
