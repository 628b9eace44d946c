"""One run of the mirror: read what the triggers want, bring EventBridge and Lambda to it, say what is in the way. No transaction is open while AWS is called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core import metrics
from chalicelib.core.config import Settings
from chalicelib.core.db import transaction as begin
from chalicelib.core.logging import logger
from chalicelib.mirror import repository
from chalicelib.mirror.alarms import Alarm, alarm_of
from chalicelib.mirror.eventbridge import Clock, Rules, Scheduler
from chalicelib.mirror.mappings import Mappings, Source, wanted_of
from chalicelib.mirror.reconcile import Report, mirror_alarms
from chalicelib.triggers.kafka_plan import plan_of
from chalicelib.triggers.kafka_readers import judge
from chalicelib.triggers.kafka_repository import subscriptions
from chalicelib.triggers.types.schedule import read_config

Client = Callable[[str], Any]
"""Service -> its boto3 client."""
Transaction = Callable[[], AbstractContextManager[Connection]]

log = logger("mirror")


def clock_of(settings: Settings, client: Client) -> Clock | None:
    """Where this installation's alarms stand, None when it has none."""
    target = settings.fire_function
    if settings.mirror is None or target is None:
        return None
    if settings.mirror == "rules":
        return Rules(client("events"), settings.environment, target)
    if settings.scheduler_role is None:
        raise ValueError("MILLRACE_MIRROR is scheduler, so MILLRACE_SCHEDULER_ROLE must name the role it calls with")
    return Scheduler(client("scheduler"), settings.environment, target, settings.scheduler_role)


def alarms_wanted(connection: Connection, *, in_utc: bool) -> dict[str, Alarm]:
    """By name. A schedule that can no longer be read has none: the tick says what is wrong with it."""
    found = {}
    for row in repository.schedules(connection):
        try:
            alarm = alarm_of(row["id"], read_config(row["config"]), row["created_at"], row["now"], in_utc=in_utc)
        except (ValidationError, ValueError):
            continue
        found[alarm.name] = alarm
    return found


def run(
    settings: Settings, client: Client, time_left: Callable[[], bool], *, batch_size: int, window_seconds: int, remove: bool = False, transaction: Transaction = begin
) -> dict[str, Any]:
    """Reconcile both kinds, each whether or not the other can be: answers {"schedules": …, "kafka": …}, each a Report's dict, {"error"}, or None where there is nothing
    of that kind. What could not be done is for the next run. With `remove` nothing is wanted any more. Raises the database's errors."""
    clock, source = clock_of(settings, client), Source.of(settings)
    with transaction() as connection:
        alarms = {} if clock is None or remove else alarms_wanted(connection, in_utc=clock.in_utc)
        plan = {} if remove else plan_of(subscriptions(connection))
    done: dict[str, Any] = {"schedules": None, "kafka": None}
    # Kafka first: without its mapping a record waits, while the tick stands in for every alarm.
    if source is not None and settings.kafka_function is not None:
        mappings = Mappings(client("lambda"), settings.kafka_function, source, batch_size=batch_size, window_seconds=window_seconds)
        done["kafka"] = _reported("kafka", lambda: mappings.reconcile(wanted_of(plan), time_left))
        with transaction() as connection:
            judge(connection, mappings.troubles)
    if clock is not None:
        done["schedules"] = _reported("schedules", lambda: mirror_alarms(clock, alarms, time_left))
    return done


def _reported(kind: str, reconcile: Callable[[], Report]) -> dict[str, Any]:
    try:
        report = reconcile()
    except (ClientError, BotoCoreError) as error:
        log.warning("the mirror cannot be looked at; the next run tries again", extra={"kind": kind, "error": str(error)[:500]})
        metrics.count("mirror_calls_failed", kind=kind)
        return {"error": str(error)[:500]}
    for name in ("made", "removed", "mended"):
        if number := getattr(report, name):
            metrics.count("mirrored", number, kind=kind, change=name)
    if report.failed:
        metrics.count("mirror_calls_failed", report.failed, kind=kind)
    return report.as_dict()
