"""Answers: JSON, problem details and nothing, in the form API Gateway takes from a Lambda function."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalice.app import Response

from chalicelib.api.request import current_request
from chalicelib.core.config import settings
from chalicelib.core.errors import MillraceError
from chalicelib.core.jsontext import dumps

JSON = "application/json"
PROBLEM = "application/problem+json"

Stream = Callable[[], Iterator[bytes]]


class Reply(Response):
    """One answer. `body` is text or bytes, already encoded; `stream` replaces it on the host, for server-sent events."""

    def __init__(
        self, status: int, body: str | bytes = "", headers: Mapping[str, str] | None = None, *, stream: Stream | None = None
    ) -> None:
        super().__init__(body, dict(headers or {}), status)
        self.stream = stream

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """What the Lambda proxy integration expects; text stays text, bytes travel as base64."""
        answer: dict[str, Any] = {"statusCode": self.status_code, "headers": self.headers, "multiValueHeaders": {}}
        if isinstance(self.body, bytes):
            answer |= {"body": base64.b64encode(self.body).decode("ascii"), "isBase64Encoded": True}
        else:
            answer |= {"body": self.body, "isBase64Encoded": False}
        if self.stream is not None:
            answer["stream"] = self.stream
        return answer


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer."""
    return Reply(status, dumps(value), {"Content-Type": JSON, "Cache-Control": "no-store", **(headers or {})})


def ui_url(execution_id: str) -> str:
    """Where a person sees an execution."""
    return f"{settings().base_url}/#/executions/{execution_id}"


def created(value: Any, location: str, headers: Mapping[str, str] | None = None) -> Reply:
    """201 with the resource and where it is found (a path of the API, such as `/workflows/wf_…`)."""
    return json_reply(value, 201, {"Location": current_request().root + location, **(headers or {})})


def no_content() -> Reply:
    """204, for a delete."""
    return Reply(204, "", {"Cache-Control": "no-store"})


def problem(error: MillraceError, request_id: str = "") -> Reply:
    """RFC 9457 problem details for an error of our tree."""
    body = error.problem()
    if request_id:
        body["request_id"] = request_id
    headers = {"Content-Type": PROBLEM, "Cache-Control": "no-store", **error.headers}
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="millrace"')
    return Reply(error.status, dumps(body), headers)
