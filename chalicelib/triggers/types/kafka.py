"""The `kafka` trigger: one execution for each record of a topic."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from chalicelib.registry.spec import CelSource, Config, TriggerSpec, hints
from chalicelib.triggers.mapping import check_expression
from chalicelib.triggers.types.schedule import Instant, read_instant

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")


class Batch(Config):
    """One execution for many records of a partition: its input is the list of `{value, key, headers, partition, offset, timestamp}`."""

    max_records: int = Field(100, strict=True, ge=1, le=1000, title="At most so many records")


class KafkaConfig(Config):
    """What a user writes. Triggers that name the same group share its position in the topic; by default each has a group of its own."""

    topic: str = Field(title="Topic", description="The topic to read. It need not exist yet.", examples=["orders"])
    group: str | None = Field(
        None,
        title="Consumer group",
        description="The group under which the position is kept in Kafka. Leave it empty for the trigger's own id.",
    )
    start: Literal["latest", "earliest"] | Instant = Field(
        "latest",
        title="Start",
        description="Where to begin when the group has no position yet: at what is published from now on, at the oldest record, or at a time (RFC 3339).",
        examples=["latest", "earliest", "2027-01-01T00:00:00Z"],
        json_schema_extra=hints(labels={"latest": "At what comes from now on", "earliest": "At the oldest record"}),
    )
    value: Literal["auto", "json", "text", "binary"] = Field(
        "auto",
        title="Values are",
        description="`auto`: by their content-type header, else JSON where it parses. Otherwise always JSON, always text, or always bytes.",
        json_schema_extra=hints(labels={"auto": "What they say they are", "json": "JSON", "text": "Text", "binary": "Bytes"}),
    )
    filter: CelSource | None = Field(
        None,
        title="Filter",
        description="CEL over input and trigger; a record for which it is false starts nothing.",
        examples=["input.amount > 100"],
    )
    batch: Batch | None = Field(None, title="Batches", description="One execution for many records.")
    on_poison: Literal["dead_letter", "skip", "pause"] = Field(
        "dead_letter",
        title="A record that cannot be used",
        description="Keep it apart and go on, pass over it with a count, or stop in front of it until somebody looks.",
        json_schema_extra=hints(
            labels={
                "dead_letter": "Keep as a dead letter, go on",
                "skip": "Pass over it, with a count",
                "pause": "Stop in front of it",
            }
        ),
    )
    pause_after: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=100_000,
        title="Pause after",
        description="Stop reading when so many records in a row could not be used; they are dead letters then. Empty: go on for ever.",
    )

    @field_validator("start", mode="before")
    @classmethod
    def _start(cls, value: object) -> object:
        if isinstance(value, str) and value not in ("latest", "earliest"):
            try:
                return read_instant(value)
            except ValueError:
                raise ValueError("use latest, earliest, or a time with an offset such as 2027-03-28T09:00:00Z") from None
        return value

    @field_validator("topic", "group")
    @classmethod
    def _name(cls, name: str | None) -> str | None:
        if name is not None and (not _NAME.match(name) or name in (".", "..")):
            raise ValueError("use 1 to 249 letters, digits, '.', '_' and '-' (but not '.' or '..' alone)")
        return name

    @field_validator("filter")
    @classmethod
    def _compiles(cls, source: str | None) -> str | None:
        return None if source is None else check_expression(source)


def group_of(trigger_id: str, config: KafkaConfig) -> str:
    """The consumer group a trigger reads with."""
    return config.group or trigger_id


SPEC = TriggerSpec(
    type="kafka",
    title="Kafka",
    description="Starts an execution for each record of a Kafka topic, exactly once; what cannot become one is kept as a dead letter.",
    icon="messages",
    config_model=KafkaConfig,
    input_example={"order": 17, "amount": 129.9},
)
