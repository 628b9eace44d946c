"""Waiting for an execution's answer (`?wait=`). How is the home's choice: the host has one poller for all who wait, Lambda looks by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from chalicelib.core.errors import Unavailable
from chalicelib.core.hot import hot_execute
from chalicelib.engine.outcomes import Answer, read_answers

MAX_WAIT_SECONDS = 25
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25

Waiter = Callable[[str, float], Answer | None]


def wait_alone(execution_id: str, seconds: float) -> Answer | None:
    """Look again and again, 20 ms apart at first, then up to 250; None when the time is up."""
    until = time.monotonic() + min(seconds, MAX_WAIT_SECONDS)
    pause = FIRST_PAUSE_SECONDS
    while True:
        answer = read_answer(execution_id)
        left = until - time.monotonic()
        if answer is not None or left <= 0:
            return answer
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def read_answer(execution_id: str) -> Answer | None:
    """The answer if there is one by now. Raises Unavailable without a database."""
    try:
        return read_answers(hot_execute, [execution_id]).get(execution_id)
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; the execution was started and goes on") from error


_waiter: Waiter = wait_alone


def use_waiter(waiter: Waiter | None) -> None:
    """Choose how this process waits; None for `wait_alone`."""
    global _waiter
    _waiter = waiter or wait_alone


def wait_for_answer(execution_id: str, seconds: float) -> Answer | None:
    """The first `respond`'s reply or how the execution ended, None when the time is up first."""
    return _waiter(execution_id, seconds)
