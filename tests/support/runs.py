"""Running a workflow over the API and waiting for its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.support.api import ApiClient
from tests.support.workflows import definition

ENDED = ("succeeded", "failed", "cancelled")


def until_ended(api: ApiClient, execution_id: str, seconds: float = 60) -> dict[str, Any]:
    """The execution, once it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        execution = api.get(f"/executions/{execution_id}").json
        if execution["status"] in ENDED:
            return execution
        time.sleep(0.03)
    raise AssertionError(f"{execution_id} is still {execution['status']}")


def run_definition(api: ApiClient, body: Mapping[str, Any], data: Any = None) -> dict[str, Any]:
    """Publish a definition, run it once, and return the execution that ended."""
    workflow = api.published(body)
    started = api.post(f"/workflows/{workflow['id']}/executions", {"input": data or {}})
    assert started.status == 202, started.body
    return until_ended(api, started.json["id"])


def run_node(api: ApiClient, type: str, config: Mapping[str, Any], **node: Any) -> dict[str, Any]:
    """Run a workflow of one node, by default without a second attempt; returns the node's last run."""
    body = definition({"id": "n", "type": type, "config": dict(config), "retry": {"max_attempts": 1}, **node})
    return run_definition(api, body)["nodes"][-1]
