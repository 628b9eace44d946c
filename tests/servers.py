"""Real servers for the tests: one PostgreSQL, one Valkey and, where Java is, one Kafka, shared by a whole run.

    python -m tests.servers run [--no-kafka] -- COMMAND…     starts them, runs the command with their addresses, stops them

The command finds them in MILLRACE_TEST_DATABASE_URL, MILLRACE_TEST_REDIS_URL and MILLRACE_TEST_KAFKA (`none` with the reason
in MILLRACE_TEST_KAFKA_OFF_REASON). `start_test_servers` takes these when they are set, so that every pytest process and
xdist worker below the command shares one set; otherwise it starts a set of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.host.servers import Home, ServerUnavailable, Steps, run_together
from infra.host.servers.kafka import Kafka
from infra.host.servers.postgres import Postgres
from infra.host.servers.valkey import Valkey


@dataclass(frozen=True)
class TestServers:
    """Addresses of running servers. `kafka_bootstrap_servers` is `none` when there is no broker; then the reason says why."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    database_url: str
    redis_url: str
    kafka_bootstrap_servers: str
    kafka_off_reason: str = ""
    stop: Callable[[], None] = field(default=lambda: None, repr=False)

    def environment(self) -> dict[str, str]:
        """What hands these servers on to a process below."""
        return {
            "MILLRACE_TEST_DATABASE_URL": self.database_url,
            "MILLRACE_TEST_REDIS_URL": self.redis_url,
            "MILLRACE_TEST_KAFKA": self.kafka_bootstrap_servers,
            "MILLRACE_TEST_KAFKA_OFF_REASON": self.kafka_off_reason,
        }


def start_test_servers(root: Path, *, kafka: bool) -> TestServers:
    """The servers of the run we are part of, or new ones with their data under `root` (an existing, throw-away folder).

    Call it from the main thread. `stop()` of servers that were handed to us does nothing; of new ones it stops them and
    deletes their data. With `kafka` false, or where this machine cannot have it, the broker's address is `none`.
    """
    handed = os.environ.get("MILLRACE_TEST_DATABASE_URL")
    if handed:
        return TestServers(
            handed,
            os.environ.get("MILLRACE_TEST_REDIS_URL", "none"),
            os.environ.get("MILLRACE_TEST_KAFKA", "none"),
            os.environ.get("MILLRACE_TEST_KAFKA_OFF_REASON", ""),
        )
    return _start_new(root, kafka=kafka)


def _start_new(root: Path, *, kafka: bool) -> TestServers:
    home = Home.at(root, os.environ)
    postgres, valkey, broker = Postgres(home), Valkey(home), Kafka(home)
    jobs: dict[str, Steps] = {"postgres": postgres.start(), "valkey": valkey.start()}
    if kafka:
        jobs["kafka"] = broker.start()

    def stop() -> None:
        broker.stop()
        valkey.stop()
        postgres.destroy()

    try:
        failures = run_together(jobs)
        off = failures.pop("kafka", None)
        if off is not None and not isinstance(off, ServerUnavailable):
            raise off
        for failure in failures.values():
            raise failure
    except BaseException:
        stop()
        raise
    reason = "" if kafka and off is None else str(off or "not started for this run")
    return TestServers(postgres.url, valkey.url, "none" if reason else broker.url, reason, stop)


def run_with_servers(command: list[str], *, kafka: bool) -> int:
    """Runs a command with a set of servers of its own and returns its exit status. SIGINT and SIGTERM reach the command."""
    root = Path(tempfile.mkdtemp(prefix="millrace-test-"))
    root.chmod(0o711)  # the database's user passes through; what it must not see is closed file by file
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: object) -> None:
        if child is None:
            raise SystemExit(128 + number)
        child.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, lambda number, frame: None if child else forward(number, frame))  # the terminal tells it too
    servers = None
    try:
        print("Starting PostgreSQL, Valkey" + (" and Kafka" if kafka else "") + " for the tests", flush=True)
        servers = _start_new(root, kafka=kafka)
        if kafka and servers.kafka_off_reason:
            print(f"No Kafka: {servers.kafka_off_reason}", flush=True)
        child = subprocess.Popen(command, env={**os.environ, **servers.environment()})
        return child.wait()
    finally:
        if servers is not None:
            servers.stop()
        shutil.rmtree(root, ignore_errors=True)


def main(words: list[str]) -> int:
    """The command line of this module; see its docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers")
    run = parser.add_subparsers(dest="verb", required=True).add_parser("run")
    run.add_argument("--no-kafka", action="store_true")
    run.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND…")
    asked = parser.parse_args(words)
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if not command:
        parser.error("a command is missing after --")
    return run_with_servers(command, kafka=not asked.no_kafka)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
