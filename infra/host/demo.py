"""Loads workflows into a running Millrace over its own API: `python -m infra.host.demo` the first one (hello), with `--examples` all of examples/.

Safe to run again: workflows are found by slug and left as their owner made them, triggers that exist already are kept.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from chalicelib.core.config import Settings, settings

EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST = "hello"
DEMO_URL = "${DEMO_URL}"


class Api:
    """A few calls of the REST API that `base` is the address of, with an API key."""

    def __init__(self, base: str, key: str) -> None:
        self._base, self._key = base, key

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises urllib.error.HTTPError."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, data, headers, method=method)  # noqa: S310 - our own front, on loopback
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.loads(response.read() or b"null")


def load(api: Api, document: dict[str, Any]) -> str:
    """Create, publish and trigger one example unless a workflow of that slug is there; returns a line about it."""
    wanted = document["workflow"]
    known = {item["slug"] for item in api.call("GET", "/workflows?limit=200")["items"]}
    if wanted["slug"] in known:
        return f"workflow {wanted['slug']} is there already"
    workflow = api.call("POST", "/workflows", wanted)
    api.call("POST", f"/workflows/{workflow['id']}/publish")
    for trigger in document["triggers"]:
        api.call("POST", "/triggers", {"workflow_id": workflow["id"], **trigger})
    return f"workflow {wanted['slug']} is published"


def example(name: str, demo_url: str) -> dict[str, Any]:
    """One of examples/, calling the demo address given."""
    document: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8").replace(DEMO_URL, demo_url))
    return document


def credentials(config: Settings, demo_url: str) -> list[dict[str, Any]]:
    """What the examples send with: all of it leads to the demo inbox."""
    here = {"hosts": [f"127.0.0.1:{config.port}"]}
    mail = {"host": "127.0.0.1", "port": config.demo_smtp_port, "security": "none", "sender": "Millrace demo <demo@example.org>"}
    return [
        {"slug": "demo-mail", "name": "Demo mail server", "type": "smtp", "data": mail},
        {"slug": "demo-sms", "name": "Demo SMS gateway", "type": "bearer", "data": {"token": "demo-gateway-token"}, **here},
        {"slug": "demo-slack", "name": "Demo Slack channel", "type": "slack_webhook", "data": {"url": f"{demo_url}/slack"}},
        {"slug": "demo-discord", "name": "Demo Discord channel", "type": "discord_webhook", "data": {"url": f"{demo_url}/discord"}},
        {"slug": "demo-teams", "name": "Demo Teams channel", "type": "teams_webhook", "data": {"url": f"{demo_url}/teams"}},
    ]


def load_credentials(api: Api, wanted: list[dict[str, Any]]) -> None:
    """Create those that are not there; the mail server's address is brought up to date, since its port may differ from start to start."""
    known = {item["slug"]: item["id"] for item in api.call("GET", "/credentials?limit=200")["items"]}
    for each in wanted:
        if each["slug"] not in known:
            api.call("POST", "/credentials", each)
        elif each["type"] == "smtp":
            api.call("PATCH", f"/credentials/{known[each['slug']]}", {"data": each["data"]})


def main(arguments: list[str]) -> int:
    """Load; returns the exit code."""
    config = settings()
    api = Api(f"http://127.0.0.1:{config.port}/api", config.bootstrap_key or "")
    names = sorted(path.stem for path in EXAMPLES.glob("*.json")) if "--examples" in arguments else [FIRST]
    demo_url = f"http://127.0.0.1:{config.port}/demo"
    if config.demo and config.demo_smtp_port:
        load_credentials(api, credentials(config, demo_url))
    for name in names:
        try:
            print(load(api, example(name, demo_url)), flush=True)
        except urllib.error.HTTPError as error:
            print(f"example {name} was not loaded: {error.code} {error.read().decode()[:500]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
