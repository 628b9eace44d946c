"""/metrics: what this process counted, and what one cheap query says of the queue, in Prometheus' text form."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from chalicelib.core.config import settings
from chalicelib.core.hot import HotConnection
from chalicelib.triggers.kafka_readers import READERS, lags_of

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
REMEMBER_SECONDS = 2.0
COUNTED = 50_000
MAX_LAGS = 2_000

# Live executions stand in `wakes`; of the ended ones those of the last five minutes are counted, by the range of their ids. All counts go up to COUNTED; the age
# of the oldest is exact.
_QUEUE = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM wakes WHERE wake_at <= now() LIMIT %(counted)s) AS due) AS due,
  coalesce((SELECT extract(epoch FROM now() - wake_at) FROM wakes WHERE wake_at <= now() ORDER BY wake_at LIMIT 1), 0)::float8
    AS oldest_due_seconds,
  count(*) FILTER (WHERE worker IS NULL AND lease_epoch = 0) AS queued,
  count(*) FILTER (WHERE worker IS NOT NULL) AS running,
  count(*) FILTER (WHERE worker IS NULL AND lease_epoch > 0) AS waiting
FROM (SELECT worker, lease_epoch FROM wakes LIMIT %(counted)s) AS live
"""
_ENDED = """
SELECT status, count(*) AS n FROM (
  SELECT status FROM executions WHERE id >= id_bound(now() - interval '5 minutes') AND status <> 'queued' LIMIT %(counted)s) AS ended
GROUP BY status
"""


class PrometheusSink:
    """Takes what the code measures. A metric's labels are the dimensions it was first given."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._metrics: dict[str, Any] = {}
        self._lock = threading.Lock()

    def add(self, name: str, unit: str, value: float, dimensions: Mapping[str, str]) -> None:
        """Take one measurement."""
        metric = self._metrics.get(name) or self._make(name, unit, sorted(dimensions))
        labelled = metric.labels(**dimensions) if dimensions else metric
        if unit == "seconds":
            labelled.observe(value)
        else:
            labelled.inc(value)

    def _make(self, name: str, unit: str, labels: list[str]) -> Any:
        with self._lock:
            if name not in self._metrics:
                text = name.replace("_", " ")
                full = f"millrace_{name}"
                self._metrics[name] = (
                    Histogram(full, text, labels, registry=self.registry, buckets=BUCKETS)
                    if unit == "seconds"
                    else Counter(full, text, labels, registry=self.registry)
                )
            return self._metrics[name]

    def flush(self) -> None:
        """Nothing to send: Prometheus asks."""


class QueueCollector:
    """The state of the queue, asked of the database at most every REMEMBER_SECONDS; without a database only `millrace_database_up 0`."""

    def __init__(self) -> None:
        self._connection: HotConnection | None = None
        self._lock = threading.Lock()
        self._last: tuple[float, list[Metric]] | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Called by the registry for each scrape."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > REMEMBER_SECONDS:
                self._last = (time.monotonic(), self._read())
            return self._last[1]

    def _read(self) -> list[Metric]:
        try:
            if self._connection is None:
                self._connection = HotConnection(settings().require_database_url())
            queue = self._connection.execute(_QUEUE, {"counted": COUNTED})[0]
            ended = self._connection.execute(_ENDED, {"counted": COUNTED})
            lags = lags_of(self._connection.execute(READERS, {}))
        except psycopg.Error:
            return [GaugeMetricFamily("millrace_database_up", "Whether the database answers", 0)]
        live = GaugeMetricFamily("millrace_executions", "Live executions by status", labels=["status"])
        for status in ("queued", "running", "waiting"):
            live.add_metric([status], queue[status])
        recent = GaugeMetricFamily(
            "millrace_executions_ended_5m", "Executions of the last five minutes that have ended", labels=["status"]
        )
        counts = {found["status"]: found["n"] for found in ended}
        for status in ("succeeded", "failed", "cancelled"):
            recent.add_metric([status], counts.get(status, 0))
        return [
            GaugeMetricFamily("millrace_database_up", "Whether the database answers", 1),
            GaugeMetricFamily("millrace_queue_depth", "Executions that are due now", queue["due"]),
            GaugeMetricFamily(
                "millrace_queue_oldest_due_seconds", "How long the oldest of them has been due", queue["oldest_due_seconds"]
            ),
            live,
            recent,
            _lag(lags),
        ]


def _lag(lags: Mapping[tuple[str, str], int]) -> Metric:
    metric = GaugeMetricFamily("millrace_kafka_lag", "Records not read yet", labels=["group", "topic", "partition"])
    for (group, place), behind in sorted(lags.items())[:MAX_LAGS]:
        topic, _, partition = place.rpartition("/")
        metric.add_metric([group, topic, partition], behind)
    return metric


def exposition(registry: CollectorRegistry) -> bytes:
    """Prometheus' text format 0.0.4."""
    return generate_latest(registry)
