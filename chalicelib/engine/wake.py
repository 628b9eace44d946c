"""The wake: a hint that something is due now, sent after a commit. Losing one costs latency, never work: the tick and the workers' polling are the floor.

Which wake is used is the home's choice: a coalesced NOTIFY on the host, an asynchronous Lambda invoke on AWS, nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.core.config import settings

CHANNEL = "millrace_wake"

_waker: Callable[[], None] | None = None


def use_waker(waker: Callable[[], None] | None) -> None:
    """Choose how this process wakes the engine. `waker` must return at once and never raise."""
    global _waker
    _waker = waker


def wake() -> None:
    """Say that something is due now. Call it after the commit, never inside the transaction."""
    if _waker is not None:
        _waker()
    elif settings().engine_function:
        from chalicelib.engine.wake_lambda import invoke_engine

        invoke_engine()
