"""EventBridge's rules for the functions that the clock starts."""

from __future__ import annotations

from typing import Any

from functions.manifest import Function, Schedule
from infra.aws.expressions import title


def resources(function: Function) -> dict[str, Any]:
    """An EventBridge rule. An event it cannot deliver goes where the function's own failures go."""
    assert isinstance(function.source, Schedule)
    name = title(function.name)
    rule_arn, queue_arn = {"Fn::GetAtt": [f"{name}Rule", "Arn"]}, {"Fn::GetAtt": [f"{name}Failures", "Arn"]}
    target = {
        "Id": function.name,
        "Arn": {"Fn::GetAtt": [f"{name}Function", "Arn"]},
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": queue_arn},
    }
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return {
        f"{name}Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": function.summary,
                "ScheduleExpression": function.source.expression,
                "State": "ENABLED",
                "Targets": [target],
            },
        },
        f"{name}RuleMayInvoke": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": f"{name}Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceArn": rule_arn,
            },
        },
        f"{name}FailuresPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": f"{name}Failures"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [may_send]},
            },
        },
    }
