"""The mirror: every schedule has its alarm in EventBridge, every Kafka trigger its event source mapping, and what is changed by hand is mended."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from kafka import KafkaProducer

from chalicelib.mirror.alarms import Alarm
from chalicelib.mirror.eventbridge import Clock, Rules, Scheduler
from chalicelib.mirror.reconcile import mirror_alarms
from chalicelib.triggers.kafka_outcomes import alias_of
from functions.manifest import function
from tests.localstack.stack import Stack, wait_for
from tests.support.workflows import definition

NOTED = definition({"id": "note", "type": "transform", "config": {"assign": {"seen": "input"}}})
ALARMS = [Alarm(f"trg_01kb{n:022d}", f"cron({n} 9 ? * MON-FRI *)", "UTC") for n in range(3)]


def mirror(stack: Stack, event: Any = None) -> dict[str, Any]:
    """A run now, beside those of every minute."""
    answer = stack.aws("lambda").invoke(FunctionName=stack.function_name("mirror"), Payload=json.dumps(event or {}))
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


@pytest.fixture(params=["rules", "scheduler"])
def clock(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Clock]:
    """Either place for alarms, empty, in LocalStack's own EventBridge. Its Scheduler keeps schedules and never fires them."""
    target, name = f"arn:aws:lambda:us-east-1:000000000000:function:{stack.function_name('fire')}", f"other-{uuid.uuid4().hex[:6]}"
    if request.param == "rules":
        yield Rules(stack.aws("events"), name, target)
        return
    client = stack.aws("scheduler")
    client.create_schedule_group(Name=name)
    yield Scheduler(client, name, target, "arn:aws:iam::000000000000:role/alarm")
    client.delete_schedule_group(Name=name)


def test_alarms_are_made_changed_removed_and_mended(clock: Clock, stack: Stack) -> None:
    def run(*alarms: Alarm) -> tuple[int, int, int, int]:
        report = mirror_alarms(clock, {each.name: each for each in alarms}, lambda: True)
        assert not report.left
        assert clock.standing() == {each.name: True for each in alarms}
        assert all(clock.is_whole(each) for each in alarms)
        return report.made, report.removed, report.mended, report.failed

    assert run(*ALARMS) == (3, 0, 0, 0)
    assert run(*ALARMS) == (0, 0, 0, 0)
    changed = replace(ALARMS[0], expression="cron(5 10 * * ? *)")
    assert run(changed, ALARMS[1], ALARMS[2]) == (1, 1, 0, 0)
    for spoil in spoilings(clock, stack, ALARMS[1]):
        spoil()
        assert run(changed, ALARMS[1], ALARMS[2])[2] == 1, spoil
    clock.remove(ALARMS[2].name)
    clock.remove(ALARMS[2].name)
    assert run(changed, ALARMS[1], ALARMS[2]) == (1, 0, 0, 0)
    clock.put(ALARMS[1])  # as after an answer that was lost
    assert run() == (0, 3, 0, 0)


def spoilings(clock: Clock, stack: Stack, alarm: Alarm) -> list[Any]:
    """What a hand may do to an alarm."""
    if isinstance(clock, Rules):
        events, rule = stack.aws("events"), clock._rule(alarm.name)
        return [
            lambda: events.disable_rule(Name=rule),
            lambda: events.remove_targets(Rule=rule, Ids=["fire"]),
            lambda: events.put_rule(Name=rule, ScheduleExpression="rate(1 day)"),
            lambda: events.put_targets(Rule=rule, Targets=[{"Id": "fire", "Arn": clock._target, "Input": "{}"}]),
            lambda: events.put_targets(Rule=rule, Targets=[{"Id": "another", "Arn": clock._target}]),
        ]
    assert isinstance(clock, Scheduler)
    schedules, wanted = stack.aws("scheduler"), clock._wanted(alarm)
    return [
        lambda: schedules.update_schedule(**{**wanted, "State": "DISABLED"}),
        lambda: schedules.update_schedule(**{**wanted, "ScheduleExpression": "rate(1 days)"}),
        lambda: schedules.update_schedule(**{**wanted, "ScheduleExpressionTimezone": "Europe/Berlin"}),
        lambda: schedules.update_schedule(**{**wanted, "Target": {**wanted["Target"], "Input": "{}"}}),
        lambda: schedules.update_schedule(**{**wanted, "Target": {**wanted["Target"], "Arn": wanted["Target"]["Arn"] + "-other"}}),
    ]


def rules_of(stack: Stack, trigger: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of one trigger."""
    found = stack.aws("events").list_rules(NamePrefix=f"{stack.deployment.stack}-{trigger['id']}")["Rules"]
    return [each for each in found if each["State"] == "ENABLED"]


def fired(lines: list[str], trigger: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of alarms that fired a trigger."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return [each for each in said if each.get("trigger_id") == trigger["id"] and each["fired"] + each["late"]]


def test_a_schedules_own_rule_fires_it_while_there_is_no_tick(stack: Stack) -> None:
    trigger = stack.trigger(stack.publish(NOTED), "schedule", cron="* * * * *")
    (rule,) = wait_for(lambda: rules_of(stack, trigger), lambda found: len(found) == 1)  # made by the mirror's own minute
    assert rule["ScheduleExpression"] == "cron(* * * * ? *)"
    tick = next(each for each in stack.aws("events").list_rules()["Rules"] if "SchedulerRule" in each["Name"])
    events = stack.aws("events")
    targets = events.list_targets_by_rule(Rule=tick["Name"])["Targets"]
    events.remove_targets(Rule=tick["Name"], Ids=[each["Id"] for each in targets])  # LocalStack's rules ring on when they are disabled
    try:
        for pid in stack.processes(function("scheduler")):  # the tick that stays
            os.kill(pid, signal.SIGKILL)
        lines = wait_for(lambda: stack.lines("fire"), lambda found: bool(fired(found, trigger)))
        assert fired(lines, trigger)[0]["message"] == "alarm"
    finally:
        events.put_targets(Rule=tick["Name"], Targets=targets)
    occurrences = stack.api("GET", f"/triggers/{trigger['id']}/occurrences")["items"]
    assert len({each["planned_at"] for each in occurrences}) == len(occurrences)
    assert stack.ended(next(each["execution_id"] for each in occurrences if each["execution_id"]))["status"] == "succeeded"

    stack.api("PATCH", f"/triggers/{trigger['id']}", {"config": {"cron": "30 4 * * MON", "timezone": "Europe/Berlin"}})
    assert mirror(stack)["schedules"]["failed"] == 0
    assert [each["ScheduleExpression"] for each in rules_of(stack, trigger)] == ["cron(30 2-3 ? * MON *)"]
    stack.api("PATCH", f"/triggers/{trigger['id']}", {"enabled": False})
    mirror(stack)
    assert rules_of(stack, trigger) == []


def mappings(stack: Stack, topic: str) -> dict[str, dict[str, Any]]:
    """Alias -> event source mapping, of one topic."""
    found = stack.aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    return {each["FunctionArn"].rpartition(":")[2]: each for each in found if each.get("Topics") == [topic]}


def aliases(stack: Stack) -> set[str]:
    return {each["Name"] for each in stack.aws("lambda").list_aliases(FunctionName=stack.function_name("kafka"))["Aliases"]}


def test_kafka_triggers_have_mappings_while_there_are_any(stack: Stack) -> None:
    topic = f"mirrored-{uuid.uuid4().hex[:8]}"
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_bootstrap_servers)
    try:
        producer.send(topic, b'{"n": 0}', timestamp_ms=int(time.time() * 1000) - 5000).get(30)  # Lambda's API keeps whole seconds
        first, second, third = (stack.publish(NOTED, f"Mirrored {n}") for n in range(3))
        alone = stack.trigger(first, "kafka", topic=topic)
        shared = [stack.trigger(each, "kafka", topic=topic, group="shop.fast", start="earliest") for each in (second, third)]
        producer.send(topic, b'{"n": 1}').get(30)  # before there is a mapping: `latest` means since the trigger was made
        found = wait_for(lambda: mappings(stack, topic), lambda found: len(found) == 2)  # by the mirror's own minute
        assert set(found) == {alone["id"], alias_of("shop.fast")}
        assert found[alone["id"]]["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": alone["id"]}
        assert {"State", "StartingPosition"} <= found[alone["id"]].keys()
        assert [each["input"]["n"] for each in inputs(stack, first, 1)] == [1]
        for workflow in (second, third):
            assert [each["input"]["n"] for each in inputs(stack, workflow, 2)] == [0, 1]

        # What a hand did is mended, and the group goes on where it stood.
        stack.aws("lambda").update_event_source_mapping(UUID=found[alone["id"]]["UUID"], Enabled=False)
        stack.aws("lambda").delete_event_source_mapping(UUID=found[alias_of("shop.fast")]["UUID"])
        wait_for(lambda: mappings(stack, topic), lambda found: len(found) == 1 and found[alone["id"]]["State"] == "Disabled")
        mirror(stack)
        producer.send(topic, b'{"n": 2}').get(30)
        assert [each["input"]["n"] for each in inputs(stack, first, 2)] == [1, 2]
        for workflow in (second, third):
            assert [each["input"]["n"] for each in inputs(stack, workflow, 3)] == [0, 1, 2]
        assert mappings(stack, topic)[alone["id"]]["State"] == "Enabled"

        # With the last trigger that needs it a mapping goes, and its alias after it.
        stack.api("DELETE", f"/triggers/{shared[0]['id']}")
        stack.api("DELETE", f"/triggers/{alone['id']}")
        mirror(stack)
        assert set(wait_for(lambda: mappings(stack, topic), lambda found: len(found) == 1)) == {alias_of("shop.fast")}
        stack.api("DELETE", f"/triggers/{shared[1]['id']}")
        mirror(stack)
        wait_for(lambda: mappings(stack, topic), lambda found: not found)
        mirror(stack)
        assert not aliases(stack) & {alone["id"], alias_of("shop.fast")}
    finally:
        producer.close()


def inputs(stack: Stack, workflow: str, at_least: int) -> list[dict[str, Any]]:
    """The executions of a workflow by their records' places."""
    found = [stack.execution(each["id"]) for each in stack.executions(workflow, at_least)]
    return sorted(found, key=lambda each: int(each["trigger"]["offset"]))


def test_all_of_it_is_taken_away_before_a_stack_is_deleted(stack: Stack) -> None:
    trigger = stack.trigger(stack.publish(NOTED), "schedule", cron="0 4 * * *")
    mirror(stack)
    assert len(rules_of(stack, trigger)) == 1
    assert mirror(stack, {"remove": True})["schedules"]["removed"] >= 1
    assert rules_of(stack, trigger) == []
    mirror(stack)
    assert len(rules_of(stack, trigger)) == 1
    stack.api("DELETE", f"/triggers/{trigger['id']}")
    mirror(stack)
    assert rules_of(stack, trigger) == []
