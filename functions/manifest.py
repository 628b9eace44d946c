"""The one list of what exists: every function, what starts it, and what it needs and may do.

The CloudFormation template, the host's loops and the tests of the artifact are made from it, so the homes cannot drift apart. Times are seconds, memory is
megabytes (a Lambda function's CPU follows its memory: 1769 MB is one core).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RestApi:
    """Started by HTTP requests: every route of the Chalice application, below one stage. API Gateway waits at most 29 seconds."""

    stage: str = "api"


@dataclass(frozen=True, slots=True)
class RestPaths:
    """Started by the requests to those routes of the REST API that are below one path, in the place of the function that has all others."""

    below: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """Started by the clock, again and again. Whoever is late or comes twice must do no harm. A host, where a call costs nothing, may call more often."""

    every_minutes: int
    host_seconds: float | None = None

    @property
    def expression(self) -> str:
        """As EventBridge writes it."""
        return "rate(1 minute)" if self.every_minutes == 1 else f"rate({self.every_minutes} minutes)"


@dataclass(frozen=True, slots=True)
class KafkaRecords:
    """Started by batches of Kafka records. A batch whose function fails comes again, until it is taken."""

    batch_size: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Started asynchronously by other functions; the event is a hint and holds nothing worth keeping."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Started by the schedules' own alarms in EventBridge, which the mirror keeps (chalicelib/mirror), on AWS alone. Whoever is late or comes twice must do no harm."""


@dataclass(frozen=True, slots=True)
class OnRequest:
    """Started by an operator or a deployment, who waits for the answer."""


Source = RestApi | RestPaths | Schedule | KafkaRecords | Wake | Alarms | OnRequest


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `environment` names the variables it is given (chalicelib/core/config.py says what they mean), `invokes` the functions it may start,
    `max_concurrency` how many of it may run at once: each holds one or two database connections. None: as many as the account allows."""

    name: str
    handler: str
    source: Source
    summary: str
    timeout_seconds: int
    memory_mb: int
    environment: tuple[str, ...]
    max_concurrency: int | None = None
    invokes: tuple[str, ...] = ()
    walled: bool = False  # has an empty role, no settings, no network of ours and an artifact of its own: it runs what users wrote

    @property
    def opens_credentials(self) -> bool:
        """Whether it may use the key that seals credentials."""
        return "MILLRACE_KMS_KEY_ID" in self.environment

    @property
    def asynchronous(self) -> bool:
        """Whether nobody waits for its answer, so that a failure must be kept for somebody to see."""
        return isinstance(self.source, Schedule | Wake | Alarms)

    @property
    def mirrors(self) -> bool:
        """Whether it makes resources of AWS for triggers. A host has no use for it."""
        return "MILLRACE_MIRROR" in self.environment

    def load(self) -> Callable[[Any, Any], Any]:
        """Import the handler, as Lambda does: `module.attribute`. Raises ImportError or AttributeError when there is none."""
        module, _, attribute = self.handler.rpartition(".")
        found: Callable[[Any, Any], Any] = getattr(importlib.import_module(module), attribute)
        return found


_ALWAYS = ("DATABASE_URL", "LOG_LEVEL", "MILLRACE_ENVIRONMENT")
_ENTRANCE = (*_ALWAYS, "REDIS_URL", "MILLRACE_ENGINE_FUNCTION")
_DOOR = ("MILLRACE_SECRET", "MILLRACE_BOOTSTRAP_KEY", "MILLRACE_PUBLIC_URL", "MILLRACE_CORS_ORIGINS", "MILLRACE_QUEUE_LIMIT")
_PEOPLE = ("MILLRACE_OIDC_ISSUER", "MILLRACE_OIDC_AUDIENCE", "MILLRACE_OIDC_JWKS_URL")
_PUBLISHES = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD")
_RUNS_ACTIONS = ("MILLRACE_EGRESS_ALLOW", "MILLRACE_KMS_KEY_ID", "MILLRACE_SANDBOX_FUNCTION")

FUNCTIONS = (
    Function(
        name="api",
        handler="app.app",
        source=RestApi(),
        summary="REST: workflows, triggers, executions and the rest",
        timeout_seconds=29,
        memory_mb=1024,
        environment=(
            *_ENTRANCE,
            *_PUBLISHES,
            *_DOOR,
            *_PEOPLE,
            *_RUNS_ACTIONS,
        ),
        invokes=("engine", "sandbox"),
    ),
    Function(
        name="webhook",
        handler="functions.webhook.handler",
        source=RestPaths(below="/trigger/"),
        summary="The door at /trigger/{path}: loads little, so that it starts fast",
        timeout_seconds=29,
        memory_mb=1024,
        environment=(*_ENTRANCE, *_DOOR, *_PEOPLE, "MILLRACE_EGRESS_ALLOW", "MILLRACE_KMS_KEY_ID"),
        invokes=("engine",),
    ),
    Function(
        name="engine",
        handler="functions.engine.handler",
        source=Wake(),
        summary="Claims executions that are due and carries them on",
        timeout_seconds=900,
        memory_mb=1769,
        environment=(*_ALWAYS, "REDIS_URL", *_PUBLISHES, "MILLRACE_SECRET", "MILLRACE_PUBLIC_URL", *_RUNS_ACTIONS),
        max_concurrency=20,
        invokes=("sandbox",),
    ),
    Function(
        name="scheduler",
        handler="functions.scheduler.handler",
        source=Schedule(every_minutes=1),
        summary="The minute's tick: stays 70 seconds, fires schedules, wakes the engine for what is due",
        timeout_seconds=90,
        memory_mb=512,
        environment=(*_ENTRANCE, "MILLRACE_RETENTION_DAYS"),
        max_concurrency=2,  # the old tick leaves when the new one has registered
        invokes=("engine",),
    ),
    Function(
        name="fire",
        handler="functions.fire.handler",
        source=Alarms(),
        summary="Fires one schedule when its own alarm rings, should the tick not have",
        timeout_seconds=60,
        memory_mb=512,
        environment=_ENTRANCE,
        max_concurrency=5,  # alarms of one minute queue up; what waits longer than that minute is dropped
        invokes=("engine",),
    ),
    Function(
        name="mirror",
        handler="functions.mirror.handler",
        source=Schedule(every_minutes=1),
        summary="Keeps EventBridge's alarms and Lambda's event source mappings as the triggers want them",
        timeout_seconds=300,
        memory_mb=512,
        environment=(
            *_ALWAYS,
            "KAFKA_BOOTSTRAP_SERVERS",
            "KAFKA_SOURCE_ARN",
            "KAFKA_SOURCE_ACCESS",
            "MILLRACE_MIRROR",
            "MILLRACE_FIRE_FUNCTION",
            "MILLRACE_SCHEDULER_ROLE",
            "MILLRACE_KAFKA_FUNCTION",
        ),
        max_concurrency=1,
    ),
    Function(
        name="kafka",
        handler="functions.kafka.handler",
        source=KafkaRecords(batch_size=500, window_seconds=1),
        summary="Makes executions of Kafka records",
        timeout_seconds=120,
        memory_mb=1024,
        environment=_ENTRANCE,
        invokes=("engine",),
    ),
    Function(
        name="analytics",
        handler="functions.analytics.handler",
        source=Schedule(every_minutes=1, host_seconds=2.0),
        summary="Folds what has ended into the rollups that dashboards read",
        timeout_seconds=120,
        memory_mb=512,
        environment=_ALWAYS,
        max_concurrency=1,
    ),
    Function(
        name="sandbox",
        handler="functions.sandbox.handler",
        source=OnRequest(),
        summary="Runs the code of function nodes, without rights, settings or anything of ours",
        timeout_seconds=60,
        memory_mb=1769,
        environment=(),
        max_concurrency=20,
        walled=True,
    ),
    Function(
        name="migrate",
        handler="infra.aws.migrate.handler",
        source=OnRequest(),
        summary="Brings the database to the newest schema; invoked by a deployment",
        timeout_seconds=900,
        memory_mb=512,
        environment=_ALWAYS,
        max_concurrency=1,
    ),
)


def function(name: str) -> Function:
    """The function of this name. Raises KeyError."""
    for each in FUNCTIONS:
        if each.name == name:
            return each
    raise KeyError(name)


def started_by(source: type[Source]) -> tuple[Function, ...]:
    """All functions with this kind of event source."""
    return tuple(each for each in FUNCTIONS if isinstance(each.source, source))
