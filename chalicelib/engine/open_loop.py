"""A loop under way, as loops.py and parts.py know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.definitions.graph import GraphNode
from chalicelib.engine.course import Frame
from chalicelib.engine.state import Key, item_iteration
from chalicelib.registry.spec import Loop

INLINE_ITEMS = 100
INLINE_ITEMS_WITH_UNDO = 1000  # bodies with undo stay in the execution itself, which is where undoing is decided


@dataclass(slots=True)
class Open:
    """A loop under way. Items are known by their place, from 0; `first` is the index of the first, which is not 0 in a part. `ends` are the logical ends of
    items in the order in which they ended. `parts` maps the first index of each part to its execution, None while that has not been started."""

    key: Key
    node: GraphNode
    around: Frame
    wish: Loop
    first: int
    began: datetime
    begun: int = 0
    active: set[int] = field(default_factory=set)
    known: set[int] = field(default_factory=set)  # places that an earlier worker had begun
    ends: list[datetime] = field(default_factory=list)
    counted: set[int] = field(default_factory=set)  # places whose end is among `ends`
    outputs: dict[int, Any] = field(default_factory=dict)
    errors: dict[int, dict[str, Any]] = field(default_factory=dict)
    gathering: bool = True  # what an earlier worker had begun is still being taken up
    parts: dict[int, str | None] | None = None
    parts_ended: dict[int, str] = field(default_factory=dict)  # first index -> status

    def iteration(self, place: int) -> str:
        """Where one item runs."""
        return item_iteration(self.key[1], self.node.id, self.first + place)
