"""`--demo`'s plug: GET /demo/workers names the engine's processes, POST /demo/plug kills them, to show that an execution goes on in others.

Beside the REST API, since it kills processes of this machine; the caller's key must be one that may run workflows.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from typing import Any

from chalicelib.api.authentication import authenticate
from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.config import settings
from chalicelib.core.errors import Forbidden
from chalicelib.core.jsontext import dumps
from chalicelib.identity.roles import OPERATOR, allows
from infra.host.web.gateway import Answer, request_headers

CONFIG, WORKERS, PLUG = "/config.json", "/demo/workers", "/demo/plug"
PATHS = frozenset((CONFIG, WORKERS, PLUG))


def answer(environ: Mapping[str, Any], path: str) -> Answer:
    """Answers one of PATHS. Raises Unauthenticated or Forbidden for who may not pull the plug."""
    if path == CONFIG:  # the web app's runtime configuration, with the page that pulls the plug
        return _json({"apiUrl": "api", "demo": True})
    if path == WORKERS:
        return _json({"items": [{"name": name, "pid": pid} for name, pid in _workers().items()]})
    if not allows(authenticate(request_headers(environ)).role, OPERATOR) or environ["REQUEST_METHOD"] != "POST":
        raise Forbidden("pulling the plug is a POST, with a key that may run workflows")
    return _json({"killed": _kill_workers(), "at": to_text(utc_now())})


def _workers() -> dict[str, int]:
    """The engine's processes by name, as the supervisor last wrote them down; it starts them again when they die."""
    try:
        children = json.loads((settings().data_dir / "run.json").read_text())["children"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name: pid for name, pid in children.items() if name.startswith("worker-")}


def _kill_workers() -> list[dict[str, Any]]:
    """Kills every worker at once, without a warning to any; returns which."""
    killed = []
    for name, pid in _workers().items():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it died by itself, and is being started again
        killed.append({"name": name, "pid": pid})
    return killed


def _json(value: Any) -> Answer:
    return 200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], [dumps(value).encode()]
