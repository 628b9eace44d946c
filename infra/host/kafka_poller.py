"""The host's Kafka entrance: keeps one reader for each consumer group that the triggers name.

Triggers are read from the database every second, so a trigger made, changed, moved or deleted takes effect within two. Disabled triggers are read too: their
records are skipped with a count, as everywhere.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

from chalicelib.core.config import Settings
from chalicelib.core.db import transaction
from chalicelib.core.kafka import client_options, off_reason
from chalicelib.core.logging import logger
from chalicelib.triggers.kafka_plan import Topics, plan_of
from chalicelib.triggers.kafka_readers import say
from chalicelib.triggers.kafka_repository import subscriptions
from infra.host.kafka_reader import GroupReader, Handler

REFRESH_SECONDS = 1.0
SAY_SECONDS = 2.0
TROUBLE_SECONDS = 20.0  # of trouble with a group before its triggers are unhealthy
LEAVE_SECONDS = 10.0


class KafkaPoller:
    """Reads Kafka for all triggers of the installation; several pollers share the partitions. `run` is a loop of the host."""

    def __init__(self, settings: Settings, handler: Handler, *, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self._settings, self._handler, self._refresh_seconds = settings, handler, refresh_seconds
        self._readers: dict[str, GroupReader] = {}
        self._leaving: list[GroupReader] = []
        self._trouble: str | None = None
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self._said_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set, then leave all groups. Returns at once when Kafka is off; never raises for want of a broker or a database."""
        if off_reason(self._settings) is not None:
            return
        while not stop.is_set():
            try:
                with transaction() as connection:
                    plan = plan_of(subscriptions(connection))
                self._apply(plan)
                self._trouble = None
                self._say()
            except Exception as error:  # the readers go on with what they know
                if self._trouble is None:
                    logger("kafka").warning("triggers cannot be read", error=type(error).__name__)
                self._trouble = f"triggers cannot be read ({type(error).__name__})"
            stop.wait(self._refresh_seconds)
        self._apply({})
        with contextlib.suppress(Exception):
            self._say(force=True)
        for reader in self._leaving:
            reader.join(LEAVE_SECONDS)

    def health(self) -> dict[str, str]:
        """`{"status": ok|degraded|off, "detail"}`: whether every group is being read."""
        reason = off_reason(self._settings)
        if reason is not None:
            return {"status": "off", "detail": reason}
        readers = dict(self._readers)
        troubles = [f"{group}: {reader.trouble}" for group, reader in readers.items() if reader.trouble]
        if self._trouble:
            troubles.insert(0, self._trouble)
        if troubles:
            return {"status": "degraded", "detail": "; ".join(troubles[:5])[:1000]}
        return {
            "status": "ok",
            "detail": f"{len(readers)} consumer group{'' if len(readers) == 1 else 's'}, {self.total_lag()} records behind",
        }

    def lag(self) -> dict[tuple[str, str], int]:
        """(group, "topic/partition") -> records not read yet, for the partitions that this poller holds."""
        return {(group, place): behind for group, reader in dict(self._readers).items() for place, behind in reader.lag.items()}

    def total_lag(self) -> int:
        """Records not read yet in all partitions that this poller holds."""
        return sum(self.lag().values())

    def _say(self, *, force: bool = False) -> None:
        """Tell the database how far behind each group is and what troubles it, for /health, /metrics and the triggers' own state."""
        now = time.monotonic()
        if not force and now - self._said_at < SAY_SECONDS:
            return
        self._said_at = now
        said = [
            {
                "group": group,
                "trouble": reader.trouble if reader.trouble_seconds(now) > TROUBLE_SECONDS else None,
                "missing": reader.missing_for(TROUBLE_SECONDS, now),
                "lag": dict(reader.lag),
            }
            for group, reader in self._readers.items()
        ]
        with transaction() as connection:
            say(connection, self._holder, said)

    def _apply(self, plan: dict[str, dict[str, Any]]) -> None:
        """Start, update and stop readers until they are those of the plan."""
        self._leaving = [reader for reader in self._leaving if reader.is_alive()]
        for group in [group for group in self._readers if group not in plan]:
            self._readers[group].stop()
            self._leaving.append(self._readers.pop(group))
        for group, topics in plan.items():
            self._ensure(group, topics)

    def _ensure(self, group: str, topics: Topics) -> None:
        reader = self._readers.get(group)
        if reader is not None and reader.is_alive():
            reader.update(topics)
            return
        reader = self._readers[group] = GroupReader(group, topics, client_options(self._settings), self._handler)
        reader.start()
