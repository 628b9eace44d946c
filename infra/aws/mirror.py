"""What the mirror (chalicelib/mirror) needs to make alarms and event source mappings: a group for the alarms, a role to ring with, its own rights and settings."""

from __future__ import annotations

from typing import Any

from functions.manifest import Alarms, Function, KafkaRecords, started_by
from infra.aws.expressions import Statement, allow, function_arn, policy, sub, title
from infra.aws.site import home

_FIRE = function_arn(started_by(Alarms)[0].name)
_KAFKA = function_arn(started_by(KafkaRecords)[0].name)

ENVIRONMENT: dict[str, Any] = {
    "MILLRACE_MIRROR": home("rules", "scheduler"),
    "MILLRACE_FIRE_FUNCTION": _FIRE,
    "MILLRACE_SCHEDULER_ROLE": home("", {"Fn::GetAtt": ["AlarmRole", "Arn"]}),
    "MILLRACE_KAFKA_FUNCTION": _KAFKA,
}


def resources(function: Function) -> dict[str, Any]:
    """For the function that alarms call: where they stand, and the right to call it. On LocalStack they are rules of the default bus."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": sub("${AWS::AccountId}")}},
    }
    return {
        "Alarms": {"Type": "AWS::Scheduler::ScheduleGroup", "Condition": "OnAws", "Properties": {"Name": sub("${AWS::StackName}")}},
        "AlarmRole": {
            "Type": "AWS::IAM::Role",
            "Condition": "OnAws",
            "Properties": {
                "Description": sub("With which EventBridge Scheduler calls ${AWS::StackName}"),
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
                "Policies": [policy("own", [allow("lambda:InvokeFunction", on=function_arn(function.name))])],
            },
        },
        "RulesMayFire": {
            "Type": "AWS::Lambda::Permission",
            "Condition": "OnLocalStack",
            "Properties": {
                "FunctionName": {"Ref": f"{title(function.name)}Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "events.amazonaws.com",
                "SourceArn": sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*-trg_*"),
            },
        },
    }


def statements() -> list[Statement]:
    """The mirror's rights. AWS knows no resource for lists nor for a mapping that is to be made; the latter is held to our function by a condition."""
    schedules = sub("arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${AWS::StackName}/*")
    of_ours = {"ArnLike": {"lambda:FunctionArn": [_KAFKA, sub(_KAFKA["Fn::Sub"] + ":*")]}}
    mappings = sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:event-source-mapping:*")
    return [
        allow("scheduler:ListSchedules", "lambda:ListEventSourceMappings", on="*"),
        allow("scheduler:GetSchedule", "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule", on=schedules),
        allow("lambda:ListAliases", "lambda:CreateAlias", "lambda:DeleteAlias", on=[_KAFKA, sub(_KAFKA["Fn::Sub"] + ":*")]),
        {**allow("lambda:CreateEventSourceMapping", on="*"), "Condition": of_ours},
        {**allow("lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping", on=mappings), "Condition": of_ours},
    ]


def pass_role() -> list[Statement]:
    """The right to give the alarms their role, and to nobody else."""
    only = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    return [{**allow("iam:PassRole", on={"Fn::GetAtt": ["AlarmRole", "Arn"]}), "Condition": only}]
