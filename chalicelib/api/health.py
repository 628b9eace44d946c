"""/health: whether this installation works, in words a person on call can use. Public, so looked at no more than once in two seconds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply, json_reply
from chalicelib.core.cache import cache
from chalicelib.core.config import settings
from chalicelib.core.db import row, transaction
from chalicelib.core.logging import logger
from chalicelib.triggers.kafka_readers import reading

routes = Routes("health")

REMEMBER_SECONDS = 2.0
LATE_SECONDS = 60
TICK_LATE_SECONDS = 180

# Work that has been due for long means that no engine takes it; a row that nothing will ever wake means that something was lost.
_ENGINE = """
SELECT (SELECT extract(epoch FROM now() - min(wake_at))::float8 FROM wakes WHERE wake_at IS NOT NULL) AS overdue,
  (SELECT extract(epoch FROM now() - max(started_at))::float8 FROM ticks) AS since_tick
"""


class Check(Answer):
    """One part of the installation."""

    status: Literal["ok", "degraded", "off", "down"]
    detail: str


class Checks(Answer):
    """Every part."""

    database: Check
    cache: Check
    kafka: Check
    engine: Check


class Health(Answer):
    """The whole: `degraded` when a part that should work does not."""

    status: Literal["ok", "degraded"]
    checks: Checks


_lock = threading.Lock()
_last: tuple[float, dict[str, Any]] | None = None


@routes.route("GET", "/health", role=None, answer=Health, transactional=False)
def get_health(call: Call) -> Reply:
    """Whether the database, the cache, Kafka and the engine work. 503 only when the database is gone."""
    answer = examine()
    return json_reply(answer, 503 if answer["checks"]["database"]["status"] == "down" else 200)


def examine() -> dict[str, Any]:
    """The answer of /health, at most REMEMBER_SECONDS old."""
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last[0] > REMEMBER_SECONDS:
            _last = (time.monotonic(), _examine())
        return _last[1]


def _examine() -> dict[str, Any]:
    database, engine = _database_and_engine()
    checks = {"database": database, "cache": cache().health(), "kafka": _guarded(_kafka), "engine": engine}
    whole = all(check["status"] in ("ok", "off") for check in checks.values())
    return {"status": "ok" if whole else "degraded", "checks": checks}


def _guarded(check: Callable[[], dict[str, str]]) -> dict[str, str]:
    try:
        return check()
    except Exception as error:  # a check that fails is an answer, not an error
        logger("api").warning("health check failed", exc_info=True)
        return {"status": "down", "detail": f"the check failed ({type(error).__name__})"}


def _database_and_engine() -> tuple[dict[str, str], dict[str, str]]:
    try:
        with transaction() as connection:
            found = row(connection, _ENGINE)
    except Exception as error:  # whatever the driver says, the database is not usable
        return (
            {"status": "down", "detail": f"PostgreSQL does not answer ({type(error).__name__})"},
            {"status": "down", "detail": "unknown while the database does not answer"},
        )
    assert found is not None
    return {"status": "ok", "detail": "PostgreSQL answers"}, _engine(found["overdue"], found["since_tick"])


def _engine(overdue: float | None, since_tick: float | None) -> dict[str, str]:
    if overdue is not None and overdue > LATE_SECONDS:
        return {"status": "degraded", "detail": f"work has been due for {overdue:.0f} s; is an engine running?"}
    if since_tick is not None and since_tick > TICK_LATE_SECONDS:
        return {"status": "degraded", "detail": f"the last tick was {since_tick:.0f} s ago; schedules do not fire"}
    return {"status": "ok", "detail": "nothing is overdue"}


def _readers() -> dict[str, str]:
    """A broker answers; whether every group is read, and how far behind they are."""
    with transaction() as connection:
        now = reading(connection)
    behind = f"{now.groups} consumer group{'' if now.groups == 1 else 's'}, {now.total} records behind"
    if now.troubles:
        return {"status": "degraded", "detail": f"a broker answers; {behind}; {'; '.join(now.troubles)}"[:1000]}
    return {"status": "ok", "detail": f"a broker answers; {behind}"}


def _kafka() -> dict[str, str]:
    config = settings()
    if not config.kafka_enabled or not config.kafka_bootstrap_servers:
        return {
            "status": "off",
            "detail": config.kafka_off_reason or "KAFKA_BOOTSTRAP_SERVERS is not set; Kafka triggers and nodes are off",
        }
    for server in config.kafka_bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=1):
                return _readers()
        except (OSError, ValueError):
            continue
    return {"status": "down", "detail": "no broker of KAFKA_BOOTSTRAP_SERVERS answers; HTTP and schedules go on"}
