"""GitHub's own sample deliveries, from the npm package `@octokit/webhooks-examples`, and what the example workflow must make of each."""

from __future__ import annotations

import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "7.6.1"
CACHE = Path(__file__).parents[2] / ".cache" / "octokit-webhooks-examples"


@dataclass(frozen=True)
class Delivery:
    """One webhook delivery."""

    id: str
    event: str
    payload: dict[str, Any]

    @property
    def route(self) -> str:
        """The case that the example's switch takes."""
        return self.event if self.event in ("issues", "pull_request", "push") else "default"

    @property
    def first_call(self) -> str | None:
        """The path that the example calls first, if it calls one."""
        if self.route == "issues":
            return "/issues/open" if self.payload["issue"].get("state") == "open" else "/issues/closed"
        return "/pull-requests" if self.route == "pull_request" else None


def deliveries() -> list[Delivery]:
    """All sample deliveries of github.com, in the package's order; fetched once into the cache."""
    index = CACHE / VERSION / "package" / "api.github.com" / "index.json"
    if not index.exists():
        index.parents[2].mkdir(parents=True, exist_ok=True)
        where = index.parents[2]
        package = f"@octokit/webhooks-examples@{VERSION}"
        name = subprocess.check_output(["npm", "pack", "--silent", package], cwd=where, text=True).strip().splitlines()[-1]
        with tarfile.open(where / name) as archive:
            archive.extractall(where, filter="data")
    found = []
    for event in json.loads(index.read_text()):
        for number, payload in enumerate(event["examples"]):
            found.append(Delivery(f"{event['name']}-{number}", event["name"], payload))
    return found
