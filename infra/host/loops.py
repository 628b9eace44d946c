"""The host's loops: `python -m infra.host.loops`. Once a minute it sends the tick the event that EventBridge sends on AWS, and it polls Kafka as Lambda's event
source does, calling the same handlers.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from chalicelib.core.config import settings
from chalicelib.core.logging import logger
from chalicelib.engine.wake import use_waker
from functions import kafka, scheduler
from infra.host.kafka_poller import KafkaPoller
from infra.host.wakes import NotifyWaker

log = logger("loops")

MINUTE = 60.0
TICK_TIMEOUT_SECONDS = 90.0
LEAVE_SECONDS = 2.0

Handler = Callable[[dict[str, Any], Any], Any]


class HostContext:
    """What a handler may ask of Lambda's context. Its time is up at once when the host stops."""

    memory_limit_in_mb = 0

    def __init__(self, function_name: str, seconds: float, stop: threading.Event) -> None:
        self.function_name = function_name
        self.aws_request_id = str(uuid.uuid4())
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self._until = time.monotonic() + seconds
        self._stop = stop

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the handler must have returned."""
        return 0 if self._stop.is_set() else max(0, int((self._until - time.monotonic()) * 1000))


def scheduled_event(at: datetime) -> dict[str, Any]:
    """EventBridge's scheduled event."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": ["arn:aws:events:local:000000000000:rule/millrace-tick"],
        "detail": {},
    }


class CronLoop:
    """Sends the scheduled event at once and then every minute. A tick stays longer than a minute and leaves when the next has begun."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; a tick under way ends with it."""
        ticks: list[threading.Thread] = []
        following = time.monotonic()
        while not stop.is_set():
            tick = threading.Thread(target=self._tick, args=(stop,), name="tick")
            tick.start()
            ticks = [thread for thread in ticks if thread.is_alive()] + [tick]
            following += MINUTE
            stop.wait(max(0.0, following - time.monotonic()))
        for thread in ticks:
            thread.join(LEAVE_SECONDS)

    def _tick(self, stop: threading.Event) -> None:
        try:
            self._handler(scheduled_event(datetime.now(UTC)), HostContext("scheduler", TICK_TIMEOUT_SECONDS, stop))
        except Exception:
            log.exception("a tick failed; the next one makes up for it")


def main() -> int:
    """Run the loops until SIGTERM or SIGINT."""
    config = settings()
    use_waker(NotifyWaker(config.require_database_url()))
    stop = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    loops = {"cron": CronLoop(scheduler.handler).run, "kafka": KafkaPoller(config, kafka.handler).run}
    threads = [threading.Thread(target=run, args=(stop,), name=name) for name, run in loops.items()]
    for thread in threads:
        thread.start()
    print("ready loops", flush=True)
    stop.wait()
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
