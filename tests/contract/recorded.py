"""Events as AWS sends them, from the files beside this one, with what a test needs put in."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from awslambdaric.lambda_context import LambdaContext

WEBHOOK = "/trigger/"
EVENTS = Path(__file__).parent / "events"


def recorded(name: str) -> dict[str, Any]:
    """A recorded event: api_gateway_rest, eventbridge_scheduled, msk, self_managed_kafka."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def rest_event(
    routes: Iterable[str],
    method: str,
    path: str,
    body: Any = None,
    *,
    raw: bytes | None = None,
    query: str = "",
    key: bool = True,
    **headers: str,
) -> dict[str, Any]:
    """A request as API Gateway hands it to the function: routed to a resource, the body in base64 since every media type counts as binary."""
    event = recorded("api_gateway_rest")
    resource, params = route(routes, path)
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    event |= {"resource": resource, "path": path, "httpMethod": method, "pathParameters": params or None}
    event["requestContext"] |= {
        "resourcePath": resource,
        "httpMethod": method,
        "path": f"/api{path}",
        "requestId": str(uuid.uuid4()),
    }
    if data is not None:
        event |= {"body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    if query:
        several = urllib.parse.parse_qs(query, keep_blank_values=True)
        event["multiValueQueryStringParameters"] = several
        event["queryStringParameters"] = {name: values[-1] for name, values in several.items()}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if not key:
        del event["headers"]["Authorization"], event["multiValueHeaders"]["Authorization"]
    event["headers"] |= sent
    event["multiValueHeaders"] |= {name: [value] for name, value in sent.items()}
    return event


def route(routes: Iterable[str], path: str) -> tuple[str, dict[str, str]]:
    """The resource API Gateway chooses, literal segments before variables; the catch-all when there is none."""
    for template in sorted(routes, key=lambda text: [segment.startswith("{") for segment in text.split("/")]):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
        match = re.fullmatch(pattern, path)
        if match:
            return template, match.groupdict()
    return "/{proxy+}", {"proxy": path.lstrip("/")}


def answer(response: dict[str, Any]) -> Any:
    """The JSON of a proxy answer; None without a body."""
    assert set(response) <= {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}, response.keys()
    text = base64.b64decode(response["body"]).decode() if response["isBase64Encoded"] else response["body"]
    return json.loads(text) if text else None


def context(seconds: float = 30.0, alias: str = "") -> LambdaContext:
    """A context of AWS's own runtime client with this long to go."""
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:millrace-test" + (f":{alias}" if alias else "")
    return LambdaContext(str(uuid.uuid4()), None, None, int((time.time() + seconds) * 1000), arn)


def is_delivery(event: dict[str, Any]) -> bool:
    """Whether the template sends this request to the webhook's function."""
    return str(event["resource"]).startswith(WEBHOOK)


class RestClient:
    """Calls the functions of the REST API with API Gateway's events; `invoke` takes an event and returns the proxy answer."""

    def __init__(self, invoke: Callable[[dict[str, Any]], dict[str, Any]], routes: Iterable[str]) -> None:
        self._invoke, self._routes = invoke, list(routes)

    def send(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, dict[str, str], Any]:
        """One request: status, headers in lower case, parsed body. `how` as for `rest_event`."""
        response = self._invoke(rest_event(self._routes, method, path, body, **how))
        return response["statusCode"], {name.lower(): value for name, value in response["headers"].items()}, answer(response)

    def want(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """The parsed body of a request that must succeed."""
        status, _, parsed = self.send(method, path, body, **how)
        assert 200 <= status < 300, f"{method} {path}: {status} {parsed}"
        return parsed

    def publish(self, definition: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Create a workflow and make it live."""
        workflow: dict[str, Any] = self.want("POST", "/workflows", {"name": "contract", "definition": definition, **fields})
        assert self.want("POST", f"/workflows/{workflow['id']}/publish")["version"] == 1
        return workflow

    def trigger(self, workflow: dict[str, Any], kind: str, **config: Any) -> dict[str, Any]:
        """Put a trigger on a workflow."""
        made: dict[str, Any] = self.want("POST", "/triggers", {"workflow_id": workflow["id"], "type": kind, "config": config})
        return made
