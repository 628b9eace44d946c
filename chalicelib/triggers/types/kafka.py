"""The `kafka` trigger: one execution for each record of a topic."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from chalicelib.registry.spec import CelSource, Config, TriggerSpec
from chalicelib.triggers.mapping import check_expression

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}\Z")


class KafkaConfig(Config):
    """What a user writes. Triggers that name the same group share its position in the topic; by default each has a group of its own."""

    topic: str = Field(title="Topic", description="The topic to read. It need not exist yet.", examples=["orders"])
    group: str | None = Field(
        None,
        title="Consumer group",
        description="The group under which the position is kept in Kafka. Leave it empty for the trigger's own id.",
    )
    start: Literal["latest", "earliest"] = Field(
        "latest",
        title="Start",
        description="Where to begin when the group has no position yet: at what is published from now on, or at the oldest record.",
    )
    filter: CelSource | None = Field(
        None,
        title="Filter",
        description="CEL over input and trigger; a record for which it is false starts nothing.",
        examples=["input.amount > 100"],
    )

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
