"""What one start of Millrace on this machine consists of: its processes and the commands run before and after them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.core.config import Settings
from infra.host.servers import free_port

DEMO_SMTP_PORT = 1025  # where mail catchers usually listen


@dataclass(frozen=True)
class Program:
    """One of our own processes: ready when it prints a line beginning with `ready`; stopped in the order of `stage`."""

    name: str
    command: tuple[str, ...]
    stage: int
    grace_seconds: float


@dataclass(frozen=True)
class OneOff:
    """A command that is run to its end."""

    name: str
    command: tuple[str, ...]
    progress: str
    vital: bool = True


@dataclass(frozen=True)
class Plan:
    """What one start is to do: `before` runs once the database answers, `after` once all programs are ready."""

    settings: Settings
    environ: Mapping[str, str]
    data: Path
    programs: Sequence[Program]
    before: Sequence[OneOff] = ()
    after: Sequence[OneOff] = ()
    frontend: bool = True


def our_programs(workers: int) -> list[Program]:
    """The front, the loops and the engine workers."""

    def program(name: str, module: str, stage: int, grace_seconds: float) -> Program:
        return Program(name, (sys.executable, "-m", module), stage, grace_seconds)

    engines = [program(f"worker-{number}", "infra.host.worker", 3, 10.0) for number in range(1, workers + 1)]
    return [program("front", "infra.host.front", 1, 5.0), program("loops", "infra.host.loops", 2, 5.0), *engines]


def make_plan(
    settings: Settings, environ: Mapping[str, str], data: Path, *, workers: int, demo: bool, frontend: bool, first_start: bool
) -> Plan:
    """What `./run` does: migrate, serve, and load the first workflow (or, with `demo`, the examples too)."""
    python = sys.executable
    if demo:  # the examples call Millrace's own demo addresses
        mail_port = settings.demo_smtp_port or free_port(DEMO_SMTP_PORT)
        allowed = [*settings.egress_allow, f"127.0.0.1:{settings.port}", f"127.0.0.1:{mail_port}"]
        demo_only = {"MILLRACE_DEMO": "1", "MILLRACE_DEMO_SMTP_PORT": str(mail_port), "MILLRACE_EGRESS_ALLOW": ",".join(allowed)}
        environ = {**environ, **demo_only}
    migrate = OneOff("migrations", (python, "-m", "infra.migrations", "upgrade"), "bringing the database up to date")
    examples = ["--examples"] if demo else []
    starter = OneOff("starter", (python, "-m", "infra.host.demo", *examples), "loading the first workflow", vital=False)
    return Plan(
        settings,
        environ,
        data,
        our_programs(workers),
        before=(migrate,),
        after=(starter,) if first_start or demo else (),
        frontend=frontend,
    )
