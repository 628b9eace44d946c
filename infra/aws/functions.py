"""A function of the manifest as CloudFormation's resources: itself, its log, and for one that nobody waits for, where its failures are kept."""

from __future__ import annotations

from typing import Any

from functions.manifest import Function
from infra.aws import kafka, mirror, site
from infra.aws.expressions import NO_VALUE, credentials_key_arn, only_if, sub, title
from infra.aws.policies import role

RUNTIME = "python3.13"
ARCHITECTURE = "x86_64"

Resources = dict[str, Any]


def _secret(key: str) -> dict[str, str]:
    """Read by CloudFormation when it deploys; it never stands in the template or in the stack's events."""
    return sub(f"{{{{resolve:secretsmanager:${{SettingsSecretArn}}:SecretString:{key}::${{SettingsSecretVersion}}}}}}")


# Variable of chalicelib/core/config.py -> what it is on AWS.
ENVIRONMENT: dict[str, Any] = {
    "DATABASE_URL": _secret("database_url"),
    "REDIS_URL": _secret("redis_url"),
    "MILLRACE_SECRET": _secret("secret"),
    "MILLRACE_BOOTSTRAP_KEY": _secret("bootstrap_key"),
    "KAFKA_BOOTSTRAP_SERVERS": {"Ref": "KafkaBootstrapServers"},
    **kafka.PUBLISHING,
    **kafka.READING,
    "MILLRACE_ENGINE_FUNCTION": sub("${AWS::StackName}-engine"),
    "MILLRACE_SANDBOX_FUNCTION": sub("${AWS::StackName}-sandbox"),
    "MILLRACE_ENVIRONMENT": {"Ref": "AWS::StackName"},
    **mirror.ENVIRONMENT,
    "MILLRACE_EGRESS_ALLOW": {"Ref": "EgressAllow"},
    "MILLRACE_KMS_KEY_ID": credentials_key_arn(),
    "MILLRACE_OIDC_ISSUER": {"Ref": "OidcIssuer"},
    "MILLRACE_OIDC_AUDIENCE": {"Ref": "OidcAudience"},
    "MILLRACE_OIDC_JWKS_URL": {"Ref": "OidcJwksUrl"},
    "MILLRACE_QUEUE_LIMIT": {"Ref": "QueueLimit"},
    "MILLRACE_RETENTION_DAYS": {"Ref": "RetentionDays"},
    "MILLRACE_CORS_ORIGINS": {"Fn::Join": [",", [site.origin(), {"Ref": "CorsOrigins"}]]},
    "MILLRACE_PUBLIC_URL": {"Fn::If": ["OwnPublicUrl", {"Ref": "PublicUrl"}, site.api_origin()]},
    "LOG_LEVEL": {"Ref": "LogLevel"},
}


def resources(function: Function) -> Resources:
    """The function with its role and its log; for one that nobody waits for, where its failures are kept."""
    name = title(function.name)
    function_name = sub(f"${{AWS::StackName}}-{function.name}")
    logs = {
        f"{name}Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": sub(f"/aws/lambda/${{AWS::StackName}}-{function.name}"),
                "RetentionInDays": {"Ref": "LogRetentionDays"},
            },
        }
    }
    resources: Resources = ({} if function.walled else logs) | {  # without rights it cannot write a log either
        f"{name}Role": role(function),
        f"{name}Function": {
            "Type": "AWS::Lambda::Function",
            **({} if function.walled else {"DependsOn": f"{name}Logs"}),
            "Properties": {
                "FunctionName": function_name,
                "Description": function.summary,
                "Runtime": RUNTIME,
                "Architectures": [ARCHITECTURE],
                "Handler": function.handler,
                "Code": {"S3Bucket": {"Ref": "ArtifactBucket"}, "S3Key": {"Ref": "SandboxArtifactKey" if function.walled else "ArtifactKey"}},
                "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
                "Timeout": function.timeout_seconds,
                "MemorySize": function.memory_mb,
                "Environment": {"Variables": {variable: ENVIRONMENT[variable] for variable in sorted(function.environment)}},
                "ReservedConcurrentExecutions": only_if("ConcurrencyLimited", function.max_concurrency)
                if function.max_concurrency
                else NO_VALUE,
                "VpcConfig": _network("Sandbox" if function.walled else ""),
            },
        },
    }
    return resources | (_failures(function) if function.asynchronous else {})


def _network(whose: str) -> dict[str, Any]:
    """Where a function's network interfaces stand, if it is to have any."""
    return only_if(f"{whose}InVpc", {"SubnetIds": {"Ref": f"{whose}SubnetIds"}, "SecurityGroupIds": {"Ref": f"{whose}SecurityGroupIds"}})


def _failures(function: Function) -> Resources:
    """A failed event is not tried again, the next tick does its work; it is kept with the error for two weeks, for somebody to look at."""
    name = title(function.name)
    queue_arn = {"Fn::GetAtt": [f"{name}Failures", "Arn"]}
    return {
        f"{name}Failures": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": sub(f"${{AWS::StackName}}-{function.name}-failures"),
                "MessageRetentionPeriod": 1_209_600,
                "SqsManagedSseEnabled": True,
            },
        },
        f"{name}Invocations": {
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": f"{name}Function"},
                "Qualifier": "$LATEST",
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 60,
                "DestinationConfig": {"OnFailure": {"Destination": queue_arn}},
            },
        },
    }
