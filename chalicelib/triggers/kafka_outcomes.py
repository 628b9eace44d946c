"""Whom a batch of records is for, and what becomes of each record. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy.exc import DataError

from chalicelib.core.errors import MillraceError
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.core.logging import logger
from chalicelib.triggers.kafka_records import Record, as_event_record

MAX_REASON = 2000
_DIGEST = re.compile(r"g-[0-9a-f]{32}\Z")


@dataclass(frozen=True)
class Audience:
    """Which triggers a delivery is meant for: those of one consumer group, named itself or by its alias, or (neither given) all of the topic."""

    group: str | None = None
    alias: str | None = None

    def includes(self, route: Route) -> bool:
        """Whether this trigger is to be served."""
        return self.group in (None, route.group) and (self.alias is None or self.alias == alias_of(route.group))


def alias_of(group: str) -> str:
    """What a consumer group is called where only letters, digits and dashes will do: a trigger's own group by the trigger, others by a digest."""
    return group if is_id(group, "trg") else f"g-{sha256(group.encode()).hexdigest()[:32]}"


def is_alias(text: str) -> bool:
    """Whether this can be an `alias_of`."""
    return is_id(text, "trg") or _DIGEST.match(text) is not None


def audience_of(event: Mapping[str, Any], function_arn: str | None) -> Audience:
    """Whom an event is for. The host's poller names its group; on AWS an event does not say whose it is, so each group's event source
    mapping invokes the function through an alias named after the group. An event without either is for every trigger of its topics.
    """
    alias = (function_arn or "").rpartition(":")[2]
    group = (event.get("millrace") or {}).get("group")
    return Audience(group, alias if is_alias(alias) else None)


@dataclass(frozen=True)
class Route:
    """A Kafka trigger with the version that is live now, as read at one instant; starting checks that it is still so."""

    row: Mapping[str, Any]
    config: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Route:
        """From a row of the repository."""
        return cls(row, loads(row["config"]))

    @cached_property
    def id(self) -> str:
        """The trigger's id."""
        return str(self.row["id"])

    @cached_property
    def group(self) -> str:
        """The consumer group it reads with."""
        return self.config.get("group") or self.id

    @cached_property
    def batch_size(self) -> int:
        """How many records one execution may take; 0 for an execution each."""
        return (self.config.get("batch") or {}).get("max_records", 0)

    @cached_property
    def paused(self) -> bool:
        """Whether it takes nothing until somebody has looked."""
        return self.row.get("paused_at") is not None

    @cached_property
    def stopped(self) -> str | None:
        """Why it starts nothing at all, None when it does."""
        if not self.row["workflow_enabled"]:
            return "workflow_disabled"
        if not self.row["enabled"]:
            return "trigger_disabled"
        return "workflow_not_published" if self.row["definition_id"] is None else None


Wish = tuple[Route, Record]
Place = tuple[str, int]


@dataclass
class _Tally:
    """What a batch did to one trigger. `good`: the place in the batch of the last record that could be used; `bad`: the places of those that could not."""

    outcomes: Counter[str] = field(default_factory=Counter)
    good: int = -1
    bad: list[int] = field(default_factory=list)
    reason: str = ""
    stops: dict[Place, int] = field(default_factory=dict)
    pause_after: int | None = None


@dataclass
class Ingested:
    """What became of a batch: counts by outcome (started, duplicate, filtered, skipped, dead_letter, held, unclaimed), the dead letters, and where to go on
    reading for what was held. `order` holds each record's place in the batch."""

    outcomes: Counter[str] = field(default_factory=Counter)
    letters: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[Place, int] = field(default_factory=dict)
    order: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _tallies: defaultdict[str, _Tally] = field(default_factory=lambda: defaultdict(_Tally))

    def _place_in_batch(self, record: Record) -> int:
        return self.order.get((record.topic, record.partition, record.offset), 0)

    def note(self, route: Route, outcome: str, *records: Record) -> None:
        """Records of one trigger with one outcome, none of them a failure."""
        self.outcomes[outcome] += len(records)
        tally = self._tallies[route.id]
        tally.outcomes[outcome] += len(records)
        if outcome in ("started", "filtered"):
            tally.good = max(tally.good, *(self._place_in_batch(record) for record in records))

    def refuse(self, route: Route, record: Record, error: Exception) -> None:
        """A record that cannot become an execution: kept apart, passed over, or stopped in front of, as its trigger says."""
        code, reason = _told(route, error)
        tally, policy = self._tallies[route.id], route.config.get("on_poison", "dead_letter")
        tally.reason, tally.pause_after = reason, route.config.get("pause_after")
        if policy == "pause":
            tally.stops[record.topic, record.partition] = record.offset
            self.hold(route, record)
            return
        tally.bad.append(self._place_in_batch(record))
        if policy == "skip":
            self.outcomes["skipped"] += 1
            tally.outcomes["skipped"] += 1
            return
        self.outcomes["dead_letter"] += 1
        tally.outcomes["dead_letter"] += 1
        self.letters.append(dead_letter(route, record, code, reason))

    def hold(self, route: Route, record: Record) -> None:
        """A record that is to be delivered again."""
        self.outcomes["held"] += 1
        place = (record.topic, record.partition)
        self.failures[place] = min(self.failures.get(place, record.offset), record.offset)

    def behind(self, route: Route, record: Record) -> bool:
        """Whether the trigger has stopped in front of an earlier record of the partition."""
        return record.offset > self._tallies[route.id].stops.get((record.topic, record.partition), record.offset)

    def counts(self) -> list[dict[str, Any]]:
        """What the triggers' own rows are to be told."""
        return [
            {
                "id": id,
                "started": tally.outcomes["started"],
                "skipped": tally.outcomes["skipped"],
                "failing": sum(place > tally.good for place in tally.bad),
                "whole": tally.good < 0,
                "pause": bool(tally.stops),
                "pause_after": tally.pause_after,
                "reason": printable_reason(tally.reason)[:400],
            }
            for id, tally in self._tallies.items()
            if tally.outcomes["started"] or tally.outcomes["skipped"] or tally.bad or tally.stops
        ]

    def batch_item_failures(self) -> list[dict[str, Any]]:
        """The answer that Lambda understands: from where on each partition is to be delivered again."""
        return [
            {"itemIdentifier": {"partition": f"{topic}-{partition}", "offset": offset}}
            for (topic, partition), offset in sorted(self.failures.items())
        ]


def _told(route: Route, error: Exception) -> tuple[str, str]:
    """Code and reason of a failure, in words for the user."""
    if isinstance(error, MillraceError):
        return error.code, error.detail
    if isinstance(error, DataError | ValueError):
        return "cannot_be_stored", f"the database refuses this record: {getattr(error, 'orig', error)}"
    # A fault of ours: the record is kept and can be replayed once it is mended, and the others go on.
    logger("kafka").error("a record could not be prepared", exc_info=error, trigger_id=route.id)
    return "internal_error", f"this record failed in a way that was not foreseen ({type(error).__name__})"


def printable_reason(reason: str) -> str:
    """A reason any TEXT column can hold."""
    return reason[:MAX_REASON].replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode("utf-8")


def dead_letter(route: Route, record: Record, code: str, reason: str) -> dict[str, Any]:
    """The row that keeps a record; `record` holds it whole, in the shape of the event."""
    return {
        "id": new_id("dlr"),
        "workspace_id": route.row["workspace_id"],
        "trigger_id": route.id,
        "topic": record.topic,
        "partition": record.partition,
        "record_offset": record.offset,
        "record_timestamp": record.timestamp,
        "record": dumps(as_event_record(record)),
        "code": code,
        "reason": printable_reason(reason),
    }
