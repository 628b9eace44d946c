"""LocalStack as one of the servers a machine carries itself (infra/host/servers): a process on loopback whose whole state is in one folder."""

from __future__ import annotations

import shutil
import signal
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from infra.host.processes import Child, spawn
from infra.host.servers import Home, ServerFailed, Steps, free_port, wait_until
from localstack.environment import HERE, Environment

REGION = "us-east-1"
# Browsers and curl take every name below `localhost` for this machine, without DNS.
HOST = "localhost"


class LocalStack:
    """One LocalStack. After `start()`, `url` is the endpoint of every AWS service, and `host` the host:port that host names end in."""

    name = "localstack"
    grace_seconds = 0.0  # there is nothing to save, and asked politely it takes ten seconds; its functions die with it

    def __init__(self, home: Home, environment: Environment, *, port: int | None = None, kafka: str = "") -> None:
        self._home, self.environment, self._kafka = home, environment, kafka
        self._folder = home.data / "localstack"
        self._port = port
        self.child: Child | None = None
        self.url = ""
        self.host = ""

    def start(self) -> Steps:
        """Starts it, empty, and waits until it serves. A port taken at the last moment means another one, unless it was asked for."""
        self.stop()
        log = self._home.logs / "localstack.log"
        for attempt in range(5):
            port = self._port or free_port()
            self._folder.mkdir(mode=0o700, exist_ok=True)
            words: list[str | Path] = [self.environment.python, "-s", "-B", "-m", "millrace_localstack.serve"]
            child = self.child = spawn(self.name, words, log=log, env=self._variables(port), cwd=self._folder, death_signal=signal.SIGKILL)
            self._home.ledger.add(child)
            try:
                yield from wait_until(partial(_serves, port), child, "LocalStack", 90)
            except ServerFailed as failure:
                self.stop()
                if attempt < 4 and self._port is None and "Address already in use" in str(failure):
                    yield "waiting for LocalStack's port"
                    continue
                raise
            self.url, self.host = f"http://127.0.0.1:{port}", f"{HOST}:{port}"
            return

    def stop(self) -> None:
        """Stops it and its functions; all that was in it is gone. Harmless when it does not run."""
        if self.child is not None:
            self.child.kill()
            self._home.ledger.remove(self.name)
            self.child = None
        for _ in range(20):  # a function may write its last file while we delete
            if not self._folder.exists():
                break
            shutil.rmtree(self._folder, ignore_errors=True)

    def _variables(self, port: int) -> dict[str, str]:
        """Everything LocalStack writes goes into our folder; it asks nothing of the network; Docker is not looked for."""
        folder = self._folder
        return {
            "PATH": self._home.env.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TMPDIR": str(folder),
            "FILESYSTEM_ROOT": str(folder / "files"),
            "PYTHONPATH": str(HERE / "plugin"),
            "OVERRIDE_IN_DOCKER": "0",
            "DNS_ADDRESS": "0",
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"{HOST}:{port}",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
            "LAMBDA_KEEPALIVE_MS": "600000",
            "MILLRACE_LAMBDA_RUNTIME": str(self.environment.runtime),
            "MILLRACE_MSK_SERVERS": self._kafka,
            **{name: value for name, value in self._home.env.items() if name in ("DEBUG", "LS_LOG")},
        }


def _serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
