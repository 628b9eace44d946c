"""What a burst needs of its worker."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.engine.held import Held
from chalicelib.engine.repository import EngineRepository, Signal
from chalicelib.engine.saves import Flusher
from chalicelib.registry.catalogue import ActionCatalogue


@dataclass(frozen=True)
class Tools:
    """`now` is the database's clock, never ahead of it."""

    catalogue: ActionCatalogue
    flusher: Flusher
    now: Callable[[], datetime]
    inbox: Callable[[str], Awaitable[list[Signal]]]
    extend: Callable[[Held, float], None]
    has_time_for: Callable[[float], bool]
    clients: Mapping[str, Any]
    repository: EngineRepository
    randomness: Callable[[], float] = random.random
