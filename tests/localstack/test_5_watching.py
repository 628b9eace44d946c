"""What an operator looks at: logs in CloudWatch Logs that can be searched by execution, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

from typing import Any

from tests.localstack.stack import Stack, wait_for
from tests.support.workflows import definition


def metrics(lines: list[dict[str, Any]]) -> set[str]:
    """Names of the metrics in these lines, whose form is checked."""
    found = set()
    for line in lines:
        for declared in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            assert declared["Namespace"] == "Millrace"
            assert isinstance(line["_aws"]["Timestamp"], int)
            assert all(name in line for names in declared["Dimensions"] for name in names)
            found |= {metric["Name"] for metric in declared["Metrics"]}
            assert all(metric["Name"] in line for metric in declared["Metrics"])
    return found


def test_logs_carry_the_execution_and_metrics_are_there(stack: Stack) -> None:
    workflow = stack.publish(definition({"id": "one", "type": "transform", "config": {"assign": {"n": "1"}}}))
    path = stack.trigger(workflow, "api")["url"].removeprefix(stack.deployment.api_url)
    execution_id = stack.call("POST", path, {}, key=False).json()["execution_id"]
    assert stack.ended(execution_id)["status"] == "succeeded"

    (line,) = wait_for(
        lambda: [each for each in stack.json_lines("engine") if each.get("execution_id") == execution_id],
        lambda found: any(each["message"] == "execution succeeded" for each in found),
    )
    assert (line["workflow_id"], line["level"]) == (workflow, "INFO")
    engine = stack.lines("engine")
    assert any(each.startswith(f"START RequestId: {line['function_request_id']}") for each in engine)
    assert any(each.startswith(f"REPORT RequestId: {line['function_request_id']}") for each in engine)
    assert {"executions_claimed", "executions_finished", "execution_seconds"} <= metrics(stack.json_lines("engine"))
    assert "http_request_seconds" in metrics(stack.json_lines("api"))
    assert not any(stack.settings.bootstrap_key in each for each in [*engine, *stack.lines("api")])


def test_lambda_counts_its_invocations(stack: Stack) -> None:
    functions = stack.aws("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")["Metrics"]
    named = {dimension["Value"] for each in functions for dimension in each["Dimensions"]}
    assert {stack.function_name(name) for name in ("api", "engine", "scheduler")} <= named


def test_nobody_but_the_rule_started_the_scheduler(stack: Stack) -> None:
    ticks = wait_for(lambda: [line for line in stack.json_lines("scheduler") if line.get("message") == "tick ended"], lambda found: len(found) >= 1)
    assert all(line["event_time"] for line in ticks)  # EventBridge's events carry a time
    assert sum(line["fired"] + line["late"] for line in ticks) >= 1
