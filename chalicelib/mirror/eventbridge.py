"""Where alarms stand: EventBridge Scheduler, which production uses, and EventBridge's rules, behind one interface.

Rules are few (300 in an account) and know no time zones, but every EventBridge has them, LocalStack's too. Either calls the function `fire` with the trigger's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Protocol

from botocore.exceptions import ClientError

from chalicelib.mirror.alarms import Alarm

LATE_SECONDS = 60  # an event that cannot be delivered for so long is dropped: the tick has done its work by then
_NAME_LENGTH = 64  # of rules and schedules
_ALARM_LENGTH = 40  # at most, of an alarm's own name
_NOT_FOUND = "ResourceNotFoundException"
_RETRIES = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": LATE_SECONDS}


class Clock(Protocol):
    """A set of alarms in EventBridge, ours alone. Every method raises botocore's errors."""

    in_utc: bool

    def standing(self) -> dict[str, bool]:
        """The names of all alarms that stand, and whether each rings, as far as a list shows."""

    def is_whole(self, alarm: Alarm) -> bool:
        """Whether it stands as it should in every part. A call or two."""

    def put(self, alarm: Alarm) -> None:
        """Make it, or make it whole again."""

    def remove(self, name: str) -> None:
        """Take it away; one that is gone already is as good."""


def _input(alarm: Alarm) -> str:
    return json.dumps({"trigger_id": alarm.trigger_id})


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


class Scheduler:
    """Schedules of EventBridge Scheduler, in a group of their own, which calls the function `target` (an ARN) with the role `role`."""

    in_utc = False

    def __init__(self, client: Any, group: str, target: str, role: str) -> None:
        self._client, self._group, self._target, self._role = client, group, target, role

    def standing(self) -> dict[str, bool]:
        """By pages of a hundred."""
        pages = self._client.get_paginator("list_schedules").paginate(GroupName=self._group)
        return {
            each["Name"]: each.get("State") == "ENABLED" and each.get("Target", {}).get("Arn") == self._target
            for page in pages
            for each in page["Schedules"]
        }

    def is_whole(self, alarm: Alarm) -> bool:
        """One call."""
        try:
            found = self._client.get_schedule(GroupName=self._group, Name=alarm.name)
        except ClientError as error:
            if _code(error) == _NOT_FOUND:
                return False
            raise
        wanted = self._wanted(alarm)
        return all(found.get(part) == wanted[part] for part in ("ScheduleExpression", "ScheduleExpressionTimezone", "State")) and all(
            found["Target"].get(part) == value for part, value in wanted["Target"].items()
        )

    def put(self, alarm: Alarm) -> None:
        """One call, two where it stood already."""
        try:
            self._client.create_schedule(**self._wanted(alarm))
        except ClientError as error:
            if _code(error) != "ConflictException":
                raise
            self._client.update_schedule(**self._wanted(alarm))

    def remove(self, name: str) -> None:
        """One call."""
        try:
            self._client.delete_schedule(GroupName=self._group, Name=name)
        except ClientError as error:
            if _code(error) != _NOT_FOUND:
                raise

    def _wanted(self, alarm: Alarm) -> dict[str, Any]:
        return {
            "GroupName": self._group,
            "Name": alarm.name,
            "ScheduleExpression": alarm.expression,
            "ScheduleExpressionTimezone": alarm.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {"Arn": self._target, "RoleArn": self._role, "Input": _input(alarm), "RetryPolicy": _RETRIES},
        }


class Rules:
    """Rules of EventBridge's default bus whose names begin with the installation's, which call the function `target` (an ARN)."""

    in_utc = True

    def __init__(self, client: Any, environment: str, target: str) -> None:
        self._client, self._target = client, target
        self._prefix = f"{prefix_of(environment)}-trg_"

    def standing(self) -> dict[str, bool]:
        """By pages of a hundred."""
        return {self._name(each["Name"]): each.get("State") == "ENABLED" for each in self._pages("list_rules", "Rules", NamePrefix=self._prefix)}

    def _pages(self, operation: str, member: str, **parameters: str) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page = getattr(self._client, operation)(**parameters, **token)
            yield from page.get(member, ())
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def is_whole(self, alarm: Alarm) -> bool:
        """Two calls."""
        rule = self._rule(alarm.name)
        try:
            found = self._client.describe_rule(Name=rule)
            targets = list(self._pages("list_targets_by_rule", "Targets", Rule=rule))
        except ClientError as error:
            if _code(error) == _NOT_FOUND:
                return False
            raise
        wanted = self._targets(alarm)
        return (found.get("ScheduleExpression"), found.get("State")) == (alarm.expression, "ENABLED") and [
            {part: each.get(part) for part in wanted[0]} for each in targets
        ] == wanted

    def put(self, alarm: Alarm) -> None:
        """Two calls; others' targets go."""
        rule = self._rule(alarm.name)
        self._client.put_rule(Name=rule, ScheduleExpression=alarm.expression, State="ENABLED", Description=f"When {alarm.trigger_id} is due")
        stray = [each["Id"] for each in self._pages("list_targets_by_rule", "Targets", Rule=rule) if each["Id"] != "fire"]
        if stray:
            self._client.remove_targets(Rule=rule, Ids=stray)
        answer = self._client.put_targets(Rule=rule, Targets=self._targets(alarm))
        if answer.get("FailedEntryCount"):
            raise ClientError({"Error": {"Code": answer["FailedEntries"][0].get("ErrorCode", "?"), "Message": str(answer["FailedEntries"])}}, "PutTargets")

    def remove(self, name: str) -> None:
        """A rule goes after its targets."""
        rule = self._rule(name)
        try:
            ids = [each["Id"] for each in self._pages("list_targets_by_rule", "Targets", Rule=rule)]
            if ids:
                self._client.remove_targets(Rule=rule, Ids=ids)
            self._client.delete_rule(Name=rule)
        except ClientError as error:
            if _code(error) != _NOT_FOUND:
                raise

    def _rule(self, name: str) -> str:
        return self._prefix + name.removeprefix("trg_")

    def _name(self, rule: str) -> str:
        return "trg_" + rule.removeprefix(self._prefix)

    def _targets(self, alarm: Alarm) -> list[dict[str, Any]]:
        return [{"Id": "fire", "Arn": self._target, "Input": _input(alarm), "RetryPolicy": _RETRIES}]


def prefix_of(environment: str) -> str:
    """An installation's name, short enough to stand before an alarm's."""
    room = _NAME_LENGTH - _ALARM_LENGTH - 1
    return environment if len(environment) <= room else f"{environment[: room - 9]}-{sha256(environment.encode()).hexdigest()[:8]}"
