"""Which consumer groups read which topics, and where a group begins that has no position yet. Pure.

A topic of which one of the group's triggers is paused is not read by that group at all: reading on would pass over the paused one's records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.clock import parse
from chalicelib.core.jsontext import loads


@dataclass(frozen=True, slots=True)
class Reader:
    """One trigger's wish. `changed_at` is when the trigger was last changed, `fired_at` when it last started something."""

    start: str
    changed_at: datetime
    fired_at: datetime | None


Topics = Mapping[str, tuple[Reader, ...]]
"""Topic -> the triggers of one group that read it."""


def plan_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, tuple[Reader, ...]]]:
    """Group -> topic -> readers, from the triggers' rows."""
    plan: dict[str, dict[str, tuple[Reader, ...]]] = {}
    read = [(row, loads(row["config"])) for row in rows]
    paused = {(config.get("group") or row["id"], config["topic"]) for row, config in read if row.get("paused_at") is not None}
    for row, config in read:
        group = config.get("group") or row["id"]
        if (group, config["topic"]) in paused:
            continue
        topics = plan.setdefault(group, {})
        reader = Reader(config.get("start", "latest"), row["updated_at"], row["last_fired_at"])
        topics[config["topic"]] = (*topics.get(config["topic"], ()), reader)
    return plan


def begin_at(readers: Iterable[Reader], topic_seen: bool) -> datetime | None:
    """From which time on a group reads a partition for which it has no position; None: from the oldest record.

    A time means the first record at or after it. `latest` means since the trigger was made or changed, not since a poller came round to it, so that nothing published in between is missed. A partition
    added to a topic that the group reads already (`topic_seen`) follows the same rule. When the group has no position in the whole topic although its
    trigger has fired since its last change, Kafka has forgotten the group (after a week unused) or the topic was made anew: then it goes on from
    the last time it fired, rather than run the whole topic again.
    """
    times = [_begin(reader, topic_seen) for reader in readers]
    return None if None in times else min(time for time in times if time is not None)


def _begin(reader: Reader, topic_seen: bool) -> datetime | None:
    if not topic_seen and reader.fired_at is not None and reader.fired_at > reader.changed_at:
        return reader.fired_at
    if reader.start == "earliest":
        return None
    return reader.changed_at if reader.start == "latest" else parse(reader.start)
