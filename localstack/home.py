"""The whole home in one process: PostgreSQL, Valkey, Kafka and LocalStack started, Millrace deployed, everything stopped and deleted at the end.

LocalStack's open edition forgets everything when it stops, so this home does too: it is for trying and for testing. A database of one's own
(DATABASE_URL) keeps what is in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chalicelib.core.config import Settings as Given
from infra.host import demo, runfile
from infra.host.caches import CHECKOUT
from infra.host.frontend_build import FrontendBuild
from infra.host.processes import trim_log
from infra.host.progress import Progress
from infra.host.servers import Home, Interrupted, Server, ServerFailed, ServerUnavailable, Steps, run_together
from infra.host.servers.kafka import Kafka
from infra.host.servers.postgres import Postgres
from infra.host.servers.valkey import Valkey
from localstack.deploy import Deployment, Settings, Target, deploy
from localstack.environment import ensure
from localstack.server import LocalStack

SITE = CHECKOUT / "frontend" / "dist"
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Options:
    """What the command line says. `port` None: any free one."""

    data: Path
    port: int | None
    topics: Sequence[str]
    frontend: bool


class LocalHome:
    """Everything between the lock on the data folder and the last process."""

    def __init__(self, options: Options, given: Given, environ: Mapping[str, str]) -> None:
        self.options, self.given = options, given
        self.home = Home.at(options.data, {**environ, "PYTHONUNBUFFERED": "1"})
        self.postgres = None if given.database_url else Postgres(self.home)
        self.valkey = None if given.redis_url else Valkey(self.home)
        self.kafka = None if given.kafka_bootstrap_servers else Kafka(self.home)
        self.localstack: LocalStack | None = None
        self.stop_asked = False
        self._progress = Progress()

    def ask_to_stop(self, *_: object) -> None:
        """A signal handler."""
        self.stop_asked = True

    def start(self) -> Deployment:
        """Bring everything up and deploy. Raises ServerFailed, CannotDeploy, CannotBuild, or Interrupted when told to stop."""
        left = self.home.ledger.stop_survivors()
        if left:
            _say(f"Ended what a killed run had left behind: {', '.join(left)}")
        kafka = self.given.kafka_bootstrap_servers or ""
        self.localstack = LocalStack(self.home, ensure(self.home.env, _say), port=self.options.port, kafka=kafka)
        jobs: dict[str, Steps] = {server.name: server.start() for server in self._servers()}
        if self.options.frontend:
            jobs["web app"] = FrontendBuild(CHECKOUT, self.home.logs / "frontend-build.log", self.home.env).run()
        try:
            failures = run_together(jobs, on_wait=self._progress.show, interrupted=lambda: self.stop_asked)
        finally:
            self._progress.clear()
        self._do_without(failures)
        deployment = self.deploy()
        self._load_first_workflow(deployment)
        self._write_run_file(deployment)
        return deployment

    def _do_without(self, failures: dict[str, ServerFailed]) -> None:
        """A broker and a web app may be missing; the rest may not."""
        for name, failure in failures.items():
            if name == "kafka" and isinstance(failure, ServerUnavailable):
                _say(f"Kafka is off: {failure}")
                self.kafka = None
            elif name == "web app":
                _say(f"Web app: {failure}")
            else:
                raise failure

    def deploy(self) -> Deployment:
        """Deploy this checkout."""
        assert self.localstack is not None
        target = Target(self.localstack.url, self.localstack.host)
        site = SITE if self.options.frontend and SITE.is_dir() else None
        return deploy(target, self.settings(), _say, out=self.options.data / "build", site=site)

    def settings(self) -> Settings:
        """What the functions are given."""
        addresses = self.addresses()
        secret = self.given.secret or runfile.kept_secrets(self.options.data)["MILLRACE_SECRET"]
        parameters = {
            "EgressAllow": ",".join(self.given.egress_allow),
            "CorsOrigins": ",".join(self.given.cors_origins),
            "LogLevel": self.given.log_level.upper(),
        }
        return Settings(
            **addresses,
            secret=secret,
            bootstrap_key=runfile.bootstrap_key(self.options.data, self.given.bootstrap_key),
            topics=self.options.topics if addresses["kafka_bootstrap_servers"] != "none" else (),
            parameters=parameters,
        )

    def addresses(self) -> dict[str, str]:
        """The servers in use, ours or those given."""
        return {
            "database_url": self.given.database_url or (self.postgres.url if self.postgres else ""),
            "redis_url": self.given.redis_url or (self.valkey.url if self.valkey else "none"),
            "kafka_bootstrap_servers": self.given.kafka_bootstrap_servers or (self.kafka.url if self.kafka else "none"),
        }

    def _load_first_workflow(self, deployment: Deployment) -> None:
        assert self.localstack is not None
        api = demo.Api(local_address(self.localstack.url, deployment), self.settings().bootstrap_key)
        _say(f"The {demo.load(api, demo.example(demo.FIRST, ''))}")

    def _write_run_file(self, deployment: Deployment) -> None:
        assert self.localstack is not None
        content = {
            "url": deployment.api_url.rsplit("/", 1)[0] + "/",
            "api_key": self.settings().bootstrap_key,
            "pid": os.getpid(),
            **self.addresses(),
            "api_url": deployment.api_url,
            "site_url": deployment.site_url,
            "aws_cli": str(self.localstack.environment.aws),
            "target": asdict(Target(self.localstack.url, self.localstack.host)),
            "settings": asdict(self.settings()),
        }
        runfile.write_run_file(self.options.data, content)

    def watch(self) -> None:
        """Until somebody asks to stop. Raises ServerFailed when a server ends by itself: what LocalStack held is gone then."""
        trim_at = time.monotonic() + 60
        while not self.stop_asked:
            for server in self._servers():
                if server.child is not None and (status := server.child.poll()) is not None:
                    raise ServerFailed(f"{server.name} ended with status {status}.\n{server.child.log_tail()}")
            if time.monotonic() > trim_at:
                for log in self.home.logs.glob("*.log"):
                    trim_log(log)
                trim_at = time.monotonic() + 60
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """Stop everything and delete what it kept, but for the logs and the keys."""
        for server in self._servers():
            if server is not self.postgres and server.child is not None:
                server.child.kill_now()  # nothing of it is kept
        for server in self._servers():
            server.stop()
        if self.postgres:
            self.postgres.destroy()
        for name in ("kafka", "valkey", "postgres", "build"):
            shutil.rmtree(self.options.data / name, ignore_errors=True)
        (self.options.data / "servers.json").unlink(missing_ok=True)
        (self.options.data / "processes.json").unlink(missing_ok=True)
        runfile.remove_run_file(self.options.data)

    def _servers(self) -> list[Server]:
        return [server for server in (self.localstack, self.kafka, self.valkey, self.postgres) if server is not None]


def local_address(endpoint: str, deployment: Deployment) -> str:
    """The REST API for programs that do not take *.localhost for this machine: the same, by path."""
    return f"{endpoint}/_aws/execute-api/{deployment.outputs['RestApiId']}/{deployment.api_url.rsplit('/', 1)[1]}"


def serve(home: LocalHome, on_ready: Callable[[LocalHome, Deployment], None]) -> None:
    """Run it until SIGINT, SIGTERM or SIGHUP. Raises what `start` and `watch` raise, after everything has stopped."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, home.ask_to_stop)
    try:
        on_ready(home, home.start())
        home.watch()
    except Interrupted:
        return
    finally:
        _say("Stopping")
        home.stop()


def _say(text: str) -> None:
    print(text, flush=True)
