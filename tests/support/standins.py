"""The real supervisor over tiny programs in place of ours, so that its own behaviour can be seen by itself.

    python -m tests.support.standins DATA_FOLDER [--stubborn]

Each program prints `ready`, and when it is told to stop appends its name to DATA_FOLDER/stopped. With --stubborn the
worker ignores that. No embedded server takes part.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from chalicelib.core.config import Settings
from infra.host import runfile
from infra.host.plan import Plan, Program
from infra.host.supervisor import Supervisor, serve


def act(name: str, stopped: Path, stubborn: bool) -> None:
    """What a program does: be ready, and go when told."""

    def leave(*_: object) -> None:
        with stopped.open("a") as stream:
            stream.write(name + "\n")
        if not stubborn:
            raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    print(f"ready {name}", flush=True)
    while True:
        signal.pause()


def plan(data: Path, *, stubborn: bool) -> Plan:
    """Three programs, one of each stage."""

    def program(name: str, stage: int) -> Program:
        words = (sys.executable, "-m", "tests.support.standins", "--act", name, str(data), *(["--stubborn"] if stubborn else []))
        return Program(name, words, stage, 20.0)

    settings = Settings(database_url="postgresql://nowhere", redis_url="none", kafka_bootstrap_servers="none", port=1, data_dir=data)
    return Plan(settings, os.environ, data, [program("worker-1", 3), program("front", 1), program("loops", 2)], frontend=False)


def tell(supervisor: Supervisor) -> None:
    """Stands for the greeting."""
    print(f"ready with {supervisor.addresses()}", flush=True)


def main(words: list[str]) -> int:
    """See the module's docstring."""
    stubborn = "--stubborn" in words
    if words[0] == "--act":
        act(words[1], Path(words[2]) / "stopped", stubborn and words[1].startswith("worker"))
    data = runfile.open_data_dir(Path(words[0]))
    with runfile.lock_data_dir(data):
        return serve(plan(data, stubborn=stubborn), tell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
