"""The witness of effects: an HTTP server in a process of its own, with an append-only file. Run as `python -m tests.support.recorder PORT FILE`.

It honours idempotency keys: a key seen before is answered as the first time and noted as `repeat`. Modes, in the query of a call, make it misbehave:
`?mode=drop` acts and closes the connection unanswered, `?mode=late` answers after a second, `?mode=hang` answers a repeat, and the first time not for a minute.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from aiohttp import web


class Recorder:
    """Starts the process; `calls()` reads what it saw."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "recorder.jsonl"
        self.file.touch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen([sys.executable, "-m", "tests.support.recorder", str(self.port), str(self.file)])
        self._wait()

    def _wait(self) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/alive", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the recorder did not start")

    def calls(self) -> list[dict[str, Any]]:
        """Every call so far: {at, path, key, repeat, body}."""
        return self.calls_from(0)[0]

    def calls_from(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The calls from that place in the file on, and the place from which to read on."""
        with self.file.open("rb") as stream:
            stream.seek(position)
            whole, _, _ = stream.read().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()], position + len(whole) + bool(whole)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(10)


def _application(file: Path) -> web.Application:
    seen: set[str] = set()
    log = file.open("a", buffering=1)

    async def record(request: web.Request) -> web.StreamResponse:
        if request.path == "/alive":
            return web.Response(text="alive")
        key = request.headers.get("Idempotency-Key", "")
        text = await request.text()
        repeat = bool(key) and key in seen
        seen.add(key)
        log.write(json.dumps({"at": time.time(), "path": request.path, "key": key, "repeat": repeat, "body": json.loads(text) if text else None}) + "\n")
        mode = request.query.get("mode")
        if mode == "drop" and not repeat and request.transport is not None:
            request.transport.close()
        if mode == "late":
            await asyncio.sleep(1)
        if mode == "hang" and not repeat:
            await asyncio.sleep(60)
        return web.json_response({"recorded": True, "repeat": repeat})

    application = web.Application(client_max_size=4 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", record)
    return application


if __name__ == "__main__":
    web.run_app(_application(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), print=None, shutdown_timeout=1.0)
