"""An execution that a worker holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from chalicelib.engine.repository import Claim


@dataclass(slots=True)
class Held:
    """`deadline` is on the monotonic clock: no effect may start or go on after it. `nudged` is set when something came that the burst should look at;
    `at_rest` says that it only waits for its effects."""

    claim: Claim
    epoch: int
    signals: int
    deadline: float
    saving: bool = False
    cached: bool = False
    at_rest: bool = False
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
