"""What EventBridge's rule drives: schedules fire, delays resume, and nothing is late by the minute between two events. No test here invokes the scheduler; that
the rule did is seen in its log (test_5_watching.py)."""

from __future__ import annotations

from datetime import datetime

from tests.localstack.stack import Stack, wait_for
from tests.support.workflows import definition

DAWDLE = definition(
    {"id": "think", "type": "delay", "config": {"seconds": "{{ input.seconds }}"}},
    {"id": "done", "type": "transform", "config": {"assign": {"ok": "true"}}},
    edges=[("think", "done")],
)


def late(execution: dict[str, object]) -> float:
    """Seconds between the end of the delay and the end of the execution."""
    (delay,) = [node for node in execution["nodes"] if node["node_id"] == "think"]  # type: ignore[attr-defined]
    ended = datetime.fromisoformat(str(execution["finished_at"]))
    return (ended - datetime.fromisoformat(delay["output"]["until"])).total_seconds()


def test_the_rule_starts_the_tick_which_fires_schedules_and_ends_delays(stack: Stack) -> None:
    noted = definition({"id": "note", "type": "transform", "config": {"assign": {"at": "trigger.planned_at"}}})
    schedule = stack.trigger(stack.publish(noted), "schedule", every_seconds=20)
    delayed = stack.start(stack.publish(DAWDLE), {"seconds": 20})
    assert stack.execution(delayed)["finished_at"] is None

    ended = stack.ended(delayed)
    assert (ended["status"], ended["output"]) == ("succeeded", {"done": {"ok": True}})
    fired = wait_for(
        lambda: [each for each in stack.api("GET", f"/triggers/{schedule['id']}/occurrences")["items"] if each["outcome"] in ("fired", "late")],
        lambda found: len(found) >= 2,
    )
    assert len({each["planned_at"] for each in fired}) == len(fired)
    for each in fired[:2]:
        execution = stack.ended(each["execution_id"])
        assert (execution["status"], execution["output"]["note"]["at"]) == ("succeeded", each["planned_at"])
    stack.api("PATCH", f"/triggers/{schedule['id']}", {"enabled": False})


def test_a_short_delay_between_two_events_is_not_late_by_a_minute(stack: Stack) -> None:
    workflow = stack.publish(DAWDLE)
    lateness = [late(stack.ended(stack.start(workflow, {"seconds": 4}))) for _ in range(3)]
    assert all(seconds >= 0 for seconds in lateness)
    # The tick stays between the events of EventBridge. One delay may fall upon a change of ticks, on a busy machine; a minute's floor would hit two of three.
    assert sorted(lateness)[1] < 15, lateness
