"""Workers beside the product's own, each odd in its way: behind a proxy that breaks connections, of an older version, with a clock that is ten minutes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.host.runfile import kept_secrets
from tests.support.product import CHECKOUT, Product


@dataclass(frozen=True)
class Member:
    """How one of them is started."""

    name: str
    folder: Path
    environment: Mapping[str, str]


class Crew:
    """Keeps its members alive until `stop`, as a supervisor would. `missing` says which kinds cannot be had here, and why; `start_seconds` how long it took until all
    were ready."""

    def __init__(self, product: Product, proxied_url: str, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_TEST_")},
            **kept_secrets(product.data),
            "DATABASE_URL": product.run["database_url"],
            "REDIS_URL": product.run["redis_url"],
            "KAFKA_BOOTSTRAP_SERVERS": "none",
            "MILLRACE_PUBLIC_URL": product.run["url"].rstrip("/"),
            "MILLRACE_DATA_DIR": str(product.data),
            "MILLRACE_EGRESS_ALLOW": "127.0.0.1",
            "LOG_LEVEL": "WARNING",
        }
        self.missing: dict[str, str] = {}
        self._members = [Member("worker behind the proxy", CHECKOUT, {"DATABASE_URL": proxied_url}), *self._older(), *self._with_wrong_clocks()]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        began = time.monotonic()
        for member in self._members:
            self._start(member)
        while not all("ready" in self._log(member).read_text() for member in self._members):
            assert time.monotonic() < began + 180, {member.name: self._log(member).read_text()[-500:] for member in self._members}
            time.sleep(0.1)
        self.start_seconds = time.monotonic() - began
        self._keeper.start()

    @property
    def names(self) -> list[str]:
        """Who is in it."""
        return [member.name for member in self._members]

    def at_work(self, worker_ids: set[str]) -> dict[str, bool]:
        """Which members are, in one of their lives, among those workers."""
        return {member.name: any(worker_id in self._log(member).read_text() for worker_id in worker_ids) for member in self._members}

    def _log(self, member: Member) -> Path:
        return self._folder / f"{member.name.replace(' ', '-')}.log"

    def pids(self) -> dict[str, int]:
        """Of those alive, by name."""
        return {name: process.pid for name, process in list(self._running.items()) if process.poll() is None}

    def _older(self) -> list[Member]:
        """The version before the newest change of the engine: what still runs while a new version is rolled out."""
        folder = self._folder / "older"
        try:
            changed = _git("log", "-1", "--format=%H", "--", "chalicelib/engine").strip().decode()
            tree = _git("archive", f"{changed}^")
        except (OSError, subprocess.CalledProcessError) as error:
            self.missing["older version"] = f"this is no checkout with history ({error})"
            return []
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", str(folder)], input=tree, check=True)
        return [Member("worker of the version before", folder, {})]

    def _with_wrong_clocks(self) -> list[Member]:
        found = find_spec("libfaketime")
        library = Path(found.origin or "").parent / "vendor/libfaketime/src/libfaketime.so.1" if found else None
        if sys.platform != "linux" or library is None or not library.exists():
            self.missing["clocks"] = "libfaketime cannot be had here"
            return []
        wrong = {"LD_PRELOAD": str(library), "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        command = [sys.executable, "-c", "import time; print(time.time())"]
        shown = subprocess.run(command, env={**os.environ, **wrong, "FAKETIME": "-600s"}, capture_output=True, check=False).stdout
        if not shown or not 500 < time.time() - float(shown) < 700:
            self.missing["clocks"] = "libfaketime does not work here"
            return []
        offsets = {"ahead": "+600s", "behind": "-600s"}
        return [Member(f"worker ten minutes {way}", CHECKOUT, {**wrong, "FAKETIME": offset}) for way, offset in offsets.items()]

    def _start(self, member: Member) -> None:
        log = self._log(member).open("ab")
        environment = {**self._environment, **member.environment, "PYTHONPATH": str(member.folder)}
        command = [sys.executable, "-m", "infra.host.worker"]
        self._running[member.name] = subprocess.Popen(command, cwd=member.folder, env=environment, stdout=log, stderr=log)
        log.close()

    def _keep(self) -> None:
        while not self._stopped.wait(0.3):
            for member in self._members:
                if self._running[member.name].poll() is not None and not self._stopped.is_set():
                    self._start(member)

    def stop(self) -> None:
        """End them; those that do not go are killed."""
        self._stopped.set()
        self._keeper.join(10)
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=CHECKOUT, check=True, capture_output=True).stdout
