"""What AWS hands to a handler, made on the host: the scheduled event and the context."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import datetime
from typing import Any

from functions.manifest import Function


class HostContext:
    """What a handler may ask of Lambda's context. The time is up at once when the host stops, so that a handler which looks at it leaves early."""

    def __init__(self, function: Function, stop: threading.Event) -> None:
        self.function_name = function.name
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = str(function.memory_mb)
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function.name}"
        self.aws_request_id = str(uuid.uuid4())
        self._until = time.monotonic() + function.timeout_seconds
        self._stop = stop

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the handler must have returned."""
        return 0 if self._stop.is_set() else max(0, int((self._until - time.monotonic()) * 1000))


def scheduled_event(function: Function, at: datetime) -> dict[str, Any]:
    """EventBridge's scheduled event, for a function's rule; `at` in UTC."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [f"arn:aws:events:local:000000000000:rule/millrace-{function.name}"],
        "detail": {},
    }
