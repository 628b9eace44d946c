"""The host's loops: `python -m infra.host.loops`. What functions/manifest.py says is started by the clock gets the event that EventBridge sends on AWS, as
often; what is started by Kafka records gets the event of Lambda's Kafka source. The handlers are the same.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import FrameType

from chalicelib.core import metrics
from chalicelib.core.config import Settings, settings
from chalicelib.core.logging import logger
from chalicelib.engine.wake import use_waker
from functions.manifest import Function, KafkaRecords, Schedule, started_by
from infra.host.kafka_poller import KafkaPoller
from infra.host.lambda_events import HostContext, scheduled_event
from infra.host.wakes import NotifyWaker

log = logger("loops")

AGAIN_SECONDS = 5.0  # after a loop failed
LEAVE_SECONDS = 4.0  # a little less than the supervisor grants; one that takes longer is cut off, and what it did is either committed or done again

Loop = Callable[[threading.Event], None]


class NoMetrics:
    """Takes measurements and forgets them: without a sink the handlers would print CloudWatch's lines."""

    def add(self, name: str, unit: str, value: float, dimensions: Mapping[str, str]) -> None:
        """Forget one."""

    def flush(self) -> None:
        """Nothing to send."""


class CronLoop:
    """Sends a function its scheduled event, at once and then by its schedule. An earlier call may still be running; as many run at once as on AWS."""

    def __init__(self, function: Function, *, seconds: float | None = None) -> None:
        assert isinstance(function.source, Schedule)
        self._function, self._handler, self._warns = function, function.load(), function.source.host_seconds is None
        self._seconds = seconds or function.source.host_seconds or function.source.every_minutes * 60.0
        self._running: list[threading.Thread] = []

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then calls under way are told that their time is up, and waited for."""
        following = time.monotonic()
        while not stop.is_set():
            self._start(stop)
            # After a machine's sleep the missed events are not made up for: the database knows what is due.
            following = max(following + self._seconds, time.monotonic())
            stop.wait(following - time.monotonic())
        for thread in self._running:
            thread.join(LEAVE_SECONDS)

    def _start(self, stop: threading.Event) -> None:
        self._running = [thread for thread in self._running if thread.is_alive()]
        if self._function.max_concurrency is not None and len(self._running) >= self._function.max_concurrency:
            if self._warns:  # one that is called every few seconds misses nothing
                log.warning("an event was not sent: earlier ones are still being handled", extra={"function": self._function.name})
            return
        thread = threading.Thread(target=self._call, args=(stop,), name=self._function.name, daemon=True)
        self._running.append(thread)
        thread.start()

    def _call(self, stop: threading.Event) -> None:
        try:
            self._handler(scheduled_event(self._function, datetime.now(UTC)), HostContext(self._function, stop))
        except Exception:
            log.exception("a scheduled call failed; the next one makes up for it", extra={"function": self._function.name})


def loops(config: Settings) -> dict[str, Loop]:
    """Every loop this installation needs, by the name of its function. The mirror is for AWS alone."""
    found: dict[str, Loop] = {function.name: CronLoop(function).run for function in started_by(Schedule) if not function.mirrors}
    if config.kafka_enabled:
        found |= {function.name: KafkaPoller(config, function.load()).run for function in started_by(KafkaRecords)}
    return found


def _keep_running(name: str, loop: Loop, stop: threading.Event) -> None:
    """A loop that fails is begun anew."""
    while not stop.is_set():
        try:
            loop(stop)
        except Exception:
            log.exception("a loop failed and is begun anew", extra={"loop": name})
            stop.wait(AGAIN_SECONDS)


def main() -> int:
    """Run the loops until SIGTERM or SIGINT."""
    config = settings()
    stop = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    metrics.use_sink(NoMetrics())
    use_waker(NotifyWaker(config.require_database_url()))
    threads = [
        threading.Thread(target=_keep_running, args=(name, loop, stop), name=f"loop-{name}", daemon=True)
        for name, loop in loops(config).items()
    ]
    for thread in threads:
        thread.start()
    print("ready loops", flush=True)
    stop.wait()
    until = time.monotonic() + LEAVE_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
