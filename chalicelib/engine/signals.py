"""Signals from outside to a live execution: cancel, and waking a node that waits.

The counter in `wakes` rises with the signal, and no save that has not seen it can end or park the execution; so a signal is never lost, whoever holds the
lease. A leased row's wake_at is left alone (moving it would let a second worker in); the holder learns of the signal when it renews or saves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.core.hot import Execute
from chalicelib.core.jsontext import dumps

_SIGNAL = """
WITH e AS (SELECT execution_id FROM wakes WHERE execution_id = %(id)s FOR UPDATE),
 s AS (INSERT INTO inbox (execution_id, kind, key, payload) SELECT execution_id, %(kind)s, %(key)s, %(payload)s FROM e
       ON CONFLICT DO NOTHING RETURNING execution_id),
 u AS (UPDATE wakes w SET signals = signals + 1, wake_at = CASE WHEN w.worker IS NULL THEN least(w.wake_at, now()) ELSE w.wake_at END
       FROM s WHERE w.execution_id = s.execution_id RETURNING w.worker)
SELECT EXISTS (SELECT 1 FROM e) AS alive, EXISTS (SELECT 1 FROM u) AS sent
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """`alive`: the execution had not ended. `new`: no signal of that kind and key was there before."""

    alive: bool
    new: bool


def leave_signal(execute: Execute, execution_id: str, kind: str, key: str, payload: Any = None) -> Sent:
    """Leave a signal for a live execution, once for each (kind, key). Call `wake()` after the commit."""
    answer = execute(_SIGNAL, {"id": execution_id, "kind": kind, "key": key, "payload": dumps(payload)})[0]
    return Sent(answer["alive"], answer["sent"])


def send_signal(execute: Execute, execution_id: str, kind: str, key: str, payload: Any = None) -> bool:
    """Leave a signal for a live execution; False when it has ended. The same (kind, key) twice is one signal. Call `wake()` after the commit."""
    return leave_signal(execute, execution_id, kind, key, payload).alive
