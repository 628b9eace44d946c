"""Lambda's event source mappings on Kafka: one for each consumer group and topic that triggers name, gone with the last trigger that needs it.

A mapping calls the Kafka function through an alias named after the group (chalicelib/triggers/kafka_outcomes.py), because the event itself does not say whose it is.
Mappings without an alias are the stack's own: they read a topic for all of its triggers, so nothing is made for that topic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chalicelib.core.config import Settings
from chalicelib.mirror.reconcile import Report
from chalicelib.triggers.kafka_outcomes import alias_of, is_alias
from chalicelib.triggers.kafka_plan import Topics, begin_at

_GOING = "Deleting"
_TROUBLE = "PROBLEM"  # how Lambda begins what it says of a poller that cannot read
_CHANGEABLE = ("BatchSize", "MaximumBatchingWindowInSeconds")


@dataclass(frozen=True)
class Source:
    """Where the brokers are and how Lambda's pollers sign in: by a cluster's `arn` (MSK) or by `servers`. `access` is Lambda's SourceAccessConfigurations; empty
    for MSK means IAM, by the function's role."""

    arn: str | None
    servers: Sequence[str]
    access: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, settings: Settings) -> Source | None:
        """What the settings say; None when there are no brokers."""
        servers = [server.strip() for server in (settings.kafka_bootstrap_servers or "").split(",") if server.strip()]
        if not settings.kafka_source_arn and not settings.kafka_enabled:
            return None
        pairs = (text.partition("=") for text in settings.kafka_source_access)
        access = [{"Type": type, "URI": uri} for type, _, uri in pairs]
        return cls(settings.kafka_source_arn, () if settings.kafka_source_arn else servers, access)

    def parameters(self, group: str) -> dict[str, Any]:
        """The part of a mapping that says where it reads, and as which consumer group."""
        if self.arn:
            return {"EventSourceArn": self.arn, "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": group}}
        return {
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": list(self.servers)}},
            "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": group},
        }

    def is_read_by(self, mapping: Mapping[str, Any]) -> bool:
        """Whether a mapping reads from here, signing in as we say."""
        endpoints = mapping.get("SelfManagedEventSource", {}).get("Endpoints", {})
        same = mapping.get("EventSourceArn") == self.arn if self.arn else set(endpoints.get("KAFKA_BOOTSTRAP_SERVERS", ())) == set(self.servers)
        return same and _pairs(mapping.get("SourceAccessConfigurations", ())) == _pairs(self.access)


def _pairs(access: Iterable[Mapping[str, str]]) -> set[tuple[str, str]]:
    return {(each["Type"], each["URI"]) for each in access}


@dataclass(frozen=True)
class Wanted:
    """One mapping that triggers need. `begin`: where it reads from when the group has no position yet, None for the oldest record."""

    group: str
    topic: str
    begin: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the others: alias and topic."""
        return alias_of(self.group), self.topic


def wanted_of(plan: Mapping[str, Topics]) -> list[Wanted]:
    """The mappings of a plan (kafka_plan.plan_of)."""
    return [Wanted(group, topic, begin_at(readers, topic_seen=False)) for group, topics in sorted(plan.items()) for topic, readers in sorted(topics.items())]


class Mappings:
    """The mappings of the Kafka function `function` (its ARN) on `source`."""

    def __init__(self, client: Any, function: str, source: Source, *, batch_size: int, window_seconds: int) -> None:
        self._client, self._function, self._source = client, function, source
        self._sizes = {"BatchSize": batch_size, "MaximumBatchingWindowInSeconds": window_seconds}
        self.troubles: dict[str, str | None] = {}

    def reconcile(self, wanted: Sequence[Wanted], time_left: Callable[[], bool]) -> Report:
        """Bring the mappings to these. After it, `troubles` says for each group what keeps it from being read, None where nothing does.

        Raises botocore's errors when not even a list can be had.
        """
        standing = self._standing()
        shared = {topic for (alias, topic) in standing if alias is None}
        needed = {each.key: each for each in wanted if each.topic not in shared}
        report = Report(wanted=len(needed))
        self.troubles = {each.group: None for each in wanted}
        ours = [(key, found) for key, found in standing.items() if key[0] is not None]
        for extra in [mapping for key, found in ours for mapping in (found[1:] if key in needed else found) if mapping.get("State") != _GOING]:
            if not report.may_go_on(time_left):
                return report
            report.removed += report.attempt("remove a mapping", str(extra.get("Topics")), partial(self._delete, extra)) is None
        aliases = self._aliases()
        for key, each in needed.items():
            if not report.may_go_on(time_left):
                return report
            self._ensure(each, next(iter(standing.get(key, ())), None), aliases, report)
        for alias in aliases - {alias for alias, _ in standing if alias} - {alias for alias, _ in needed}:
            if report.may_go_on(time_left):
                report.attempt("remove an alias", alias, partial(self._client.delete_alias, FunctionName=self._function, Name=alias))
        return report

    def _standing(self) -> dict[tuple[str | None, str], list[Mapping[str, Any]]]:
        """(alias, topic) -> mappings, those on their way out too: until they are gone no other may take their place."""
        found: dict[tuple[str | None, str], list[Mapping[str, Any]]] = {}
        for page in self._client.get_paginator("list_event_source_mappings").paginate():
            for mapping in page["EventSourceMappings"]:
                arn, topics = mapping.get("FunctionArn", ""), mapping.get("Topics") or ()
                alias = arn.removeprefix(self._function).removeprefix(":") if arn.startswith(f"{self._function}:") else None
                if topics and (arn == self._function or (alias is not None and is_alias(alias))):
                    found.setdefault((alias, topics[0]), []).append(mapping)
        return {key: sorted(each, key=lambda mapping: mapping.get("State") == _GOING) for key, each in found.items()}

    def _aliases(self) -> set[str]:
        pages = self._client.get_paginator("list_aliases").paginate(FunctionName=self._function)
        return {each["Name"] for page in pages for each in page["Aliases"] if is_alias(each["Name"])}

    def _ensure(self, wanted: Wanted, found: Mapping[str, Any] | None, aliases: set[str], report: Report) -> None:
        alias, topic = wanted.key
        if found is not None and found.get("State") == _GOING:
            return  # it is made anew once it is gone
        trouble = None
        if found is None:
            trouble = report.attempt("make a mapping", f"{wanted.group} {topic}", lambda: self._create(wanted, alias not in aliases))
            report.made += trouble is None
            aliases.add(alias)
        elif not self._source.is_read_by(found):  # Lambda cannot move a mapping; the group's position is kept by the brokers
            trouble = report.attempt("remove a mapping", f"{wanted.group} {topic}", partial(self._delete, found))
            report.removed += trouble is None
        elif any(found.get(name) != self._sizes[name] for name in _CHANGEABLE) or found.get("State") in ("Disabled", "Disabling"):
            trouble = report.attempt("mend a mapping", f"{wanted.group} {topic}", partial(self._client.update_event_source_mapping, UUID=found["UUID"], Enabled=True, **self._sizes))
            report.mended += trouble is None
        elif str(found.get("LastProcessingResult", "")).startswith(_TROUBLE):
            trouble = str(found["LastProcessingResult"])
        self.troubles[wanted.group] = trouble or self.troubles[wanted.group]

    def _create(self, wanted: Wanted, without_alias: bool) -> None:
        alias, topic = wanted.key
        if without_alias:
            self._client.create_alias(FunctionName=self._function, Name=alias, FunctionVersion="$LATEST", Description=f"Consumer group {wanted.group}"[:256])
        begin = {"StartingPosition": "TRIM_HORIZON"} if wanted.begin is None else {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": wanted.begin.astimezone(UTC)}
        access = {"SourceAccessConfigurations": [dict(each) for each in self._source.access]} if self._source.access else {}
        self._client.create_event_source_mapping(
            FunctionName=f"{self._function}:{alias}", Topics=[topic], **self._source.parameters(wanted.group), **self._sizes, **begin, **access
        )

    def _delete(self, mapping: Mapping[str, Any]) -> None:
        self._client.delete_event_source_mapping(UUID=mapping["UUID"])
