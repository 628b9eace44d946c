"""Counts and durations, sent where the home can read them: EMF lines on Lambda, Prometheus on the host.

Names are snake_case; units are seconds, bytes or counts. A metric must never break what it measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

NAMESPACE = "Millrace"


class Sink(Protocol):
    """Where measurements go."""

    def add(self, name: str, unit: str, value: float, dimensions: Mapping[str, str]) -> None:
        """Take one measurement."""

    def flush(self) -> None:
        """Send what was taken."""


class EmfSink:
    """CloudWatch's embedded metric format on stdout, by Powertools; one line per set of dimensions and call."""

    def __init__(self) -> None:
        from aws_lambda_powertools.metrics import MetricUnit
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        self._provider = AmazonCloudWatchEMFProvider
        self._units = {"count": MetricUnit.Count, "seconds": MetricUnit.Seconds, "bytes": MetricUnit.Bytes}
        self._open: dict[tuple[tuple[str, str], ...], Any] = {}

    def add(self, name: str, unit: str, value: float, dimensions: Mapping[str, str]) -> None:
        """Take one measurement."""
        key = tuple(sorted(dimensions.items()))
        emitter = self._open.get(key)
        if emitter is None:
            emitter = self._open[key] = self._provider(namespace=NAMESPACE, metric_set={}, dimension_set=dict(key), metadata_set={})
        emitter.add_metric(name=name, unit=self._units[unit], value=value)

    def flush(self) -> None:
        """Print the lines and begin anew."""
        emitters, self._open = self._open, {}
        for emitter in emitters.values():
            emitter.flush_metrics()


_sink: Sink | None = None


def use_sink(sink: Sink | None) -> None:
    """Choose this process's sink; None drops measurements."""
    global _sink
    _sink = sink


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """Add to a counter."""
    if _sink is not None:
        _sink.add(name, "count", value, dimensions)


def duration(name: str, seconds: float, **dimensions: str) -> None:
    """Take one duration, in seconds."""
    if _sink is not None:
        _sink.add(name, "seconds", seconds, dimensions)


@contextmanager
def emitted() -> Iterator[None]:
    """Around one Lambda invocation: its measurements leave as EMF lines at the end, whatever happens. On the host the sink stays as it is."""
    if _sink is None:
        use_sink(EmfSink())
    try:
        yield
    finally:
        if _sink is not None:
            _sink.flush()
