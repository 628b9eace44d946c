"""The running product, started by its own command and used only over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Product:
    """`./run` with a data folder of its own, on servers given by URL (the tests' own) or embedded."""

    def __init__(self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self._log = (data.parent / f"{data.name}.out").open("ab")
        self._log_start = self._log.tell()  # an earlier run on this folder may have written there
        env = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_TEST_")}
        env.update(environment or {})
        command = [str(CHECKOUT / "run"), "--port", "0", "--data", str(data), "--no-frontend", *arguments]
        self.process = subprocess.Popen(command, cwd=CHECKOUT, env=env, stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self.run = self._wait()
        except BaseException:
            self.stop()  # nobody else can
            raise
        address = urllib.parse.urlparse(self.run["url"])
        self.host, self.port = str(address.hostname), int(address.port or 80)

    def output(self) -> str:
        """What the command printed so far."""
        return Path(self._log.name).read_bytes()[self._log_start :].decode(errors="replace")

    def _wait(self, seconds: float = 120) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"./run ended with {self.process.returncode}:\n{self.output()}")
            if "Millrace is ready:" in self.output():
                return json.loads((self.data / "run.json").read_text())
            time.sleep(0.1)
        raise RuntimeError(f"./run was not ready within {seconds} s:\n{self.output()}")

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, key: bool = True, **headers: str) -> Reply:
        """One request. `body` is sent as JSON, `raw` as it is; header names may use underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            sent["Authorization"] = f"Bearer {self.run['api_key']}"
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=40)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, *, status: int | None = None, **headers: str) -> Any:
        """An API call whose JSON is wanted; fails on any other status than the one given (default: any 2xx)."""
        reply = self.call(method, "/api" + path, body, **headers)
        good = reply.status == status if status is not None else 200 <= reply.status < 300
        assert good, f"{method} {path}: {reply.status} {reply.body[:2000]!r}"
        return reply.json() if reply.body else None

    def load(self, example: str, demo_url: str, **changes: str) -> dict[str, Any]:
        """Create, publish and trigger an example workflow; returns the workflow."""
        text = (CHECKOUT / "examples" / f"{example}.json").read_text().replace("${DEMO_URL}", demo_url)
        for old, new in changes.items():
            text = text.replace(old, new)
        document = json.loads(text)
        workflow = self.api("PUT", f"/workflows/by-slug/{document['workflow']['slug']}", document["workflow"])
        self.api("POST", f"/workflows/{workflow['id']}/publish")
        for trigger in document["triggers"]:
            self.api("POST", "/triggers", {"workflow_id": workflow["id"], **trigger})
        return workflow

    def children(self) -> dict[str, int]:
        """Pids of the processes by name, as run.json tells."""
        return json.loads((self.data / "run.json").read_text())["children"]

    def ended(self, workflow_id: str, count: int, seconds: float = 120) -> list[dict[str, Any]]:
        """All executions of a workflow once `count` have ended."""
        end = time.monotonic() + seconds
        while True:
            found, cursor = [], ""
            while True:
                page = self.api("GET", f"/executions?workflow_id={workflow_id}&limit=200{cursor}")
                found += page["items"]
                if page["next_cursor"] is None:
                    break
                cursor = "&cursor=" + urllib.parse.quote(page["next_cursor"])
            if sum(item["finished_at"] is not None for item in found) >= count:
                return found
            assert time.monotonic() < end, [item for item in found if item["finished_at"] is None][:3]
            time.sleep(0.3)

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(40)
        self._log.close()
        return code
