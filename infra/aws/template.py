"""The CloudFormation template, rendered from functions/manifest.py and the application's routes. Plain CloudFormation: no transform, no macro.

Parameters say what differs between installations; CONDITIONS is the one place that says what depends on them, and what LocalStack's open edition lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from chalice import Chalice

from functions.manifest import FUNCTIONS, Function, KafkaRecords, RestApi, Schedule
from infra.aws import rest_api, site
from infra.aws.policies import NO_VALUE, credentials_key_arn, only_if, role, sub, title

RUNTIME = "python3.13"
ARCHITECTURE = "x86_64"

Resources = dict[str, Any]

PARAMETERS: dict[str, dict[str, Any]] = {
    "Home": {"Type": "String", "Default": "aws", "AllowedValues": ["aws", "localstack"], "Description": "Where this stack stands"},
    "LocalStackHost": {
        "Type": "String",
        "Default": "localhost.localstack.cloud:4566",
        "Description": "On LocalStack: the host:port that its host names end in",
    },
    "ArtifactBucket": {"Type": "String", "Description": "The S3 bucket that millrace.zip was uploaded to"},
    "ArtifactKey": {"Type": "String", "Description": "Its key; give every build a key of its own (artifact.json suggests one)"},
    "SandboxArtifactKey": {"Type": "String", "Description": "The key of sandbox.zip in the same bucket (sandbox.json suggests one)"},
    "SettingsSecretArn": {
        "Type": "String",
        "Description": "A secret in Secrets Manager, JSON with database_url, redis_url (or none), secret and bootstrap_key (may be empty)",
    },
    "SettingsSecretVersion": {
        "Type": "String",
        "Default": "",
        "Description": "The version id of that secret to use; give it to make a changed secret take effect (default: the current one)",
    },
    "KafkaBootstrapServers": {
        "Type": "String",
        "Default": "none",
        "Description": "Kafka brokers, host:port with commas between; none: Kafka is off",
    },
    "MskClusterArn": {
        "Type": "String",
        "Default": "",
        "Description": "The MSK cluster that triggers read from, instead of the brokers by name",
    },
    "KafkaAuthentication": {
        "Type": "String",
        "Default": "SASL_SCRAM_512_AUTH",
        "AllowedValues": ["SASL_SCRAM_512_AUTH", "SASL_SCRAM_256_AUTH", "BASIC_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"],
        "Description": "How KafkaSecretArn is used by the trigger's poller",
    },
    "KafkaSecretArn": {
        "Type": "String",
        "Default": "",
        "Description": "Credentials for the brokers (default: none are needed, or IAM for MSK)",
    },
    "KafkaStartingPosition": {
        "Type": "String",
        "Default": "LATEST",
        "AllowedValues": ["LATEST", "TRIM_HORIZON"],
        "Description": "Where a topic is read from at first",
    },
    "SubnetIds": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "Private subnets for the functions (default: outside any VPC)",
    },
    "SecurityGroupIds": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "Security groups for the functions, when SubnetIds is given",
    },
    "SandboxSubnetIds": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "Subnets without a route to anywhere for the sandbox, which then has no network (default: outside any VPC)",
    },
    "SandboxSecurityGroupIds": {
        "Type": "CommaDelimitedList",
        "Default": "",
        "Description": "A security group without rules for the sandbox, when SandboxSubnetIds is given",
    },
    "LimitConcurrency": {
        "Type": "String",
        "Default": "yes",
        "AllowedValues": ["yes", "no"],
        "Description": "Bound how many of a function run at once; needs an account limit of over 123, new accounts have less",
    },
    "PublicUrl": {
        "Type": "String",
        "Default": "",
        "Description": "What trigger URLs are built from, without /api (default: the API's own address)",
    },
    "OidcIssuer": {"Type": "String", "Default": "", "Description": "The OpenID provider whose tokens are taken in place of API keys (iss)"},
    "OidcAudience": {"Type": "String", "Default": "", "Description": "What its tokens for Millrace say in aud"},
    "OidcJwksUrl": {"Type": "String", "Default": "", "Description": "The address of its keys"},
    "RetentionDays": {"Type": "String", "Default": "", "Description": "How long history is kept where a workflow does not say; empty is for ever"},
    "CorsOrigins": {"Type": "String", "Default": "", "Description": "Origins of a web app hosted elsewhere, with commas between"},
    "EgressAllow": {
        "Type": "String",
        "Default": "",
        "Description": "Private addresses that actions may reach, with commas between",
    },
    "KmsKeyArn": {
        "Type": "String",
        "Default": "",
        "Description": "The ARN of a KMS key of yours that seals credentials (default: the stack makes one)",
    },
    "LogLevel": {
        "Type": "String",
        "Default": "INFO",
        "AllowedValues": ["DEBUG", "INFO", "WARNING", "ERROR"],
        "Description": "What is logged",
    },
    "LogRetentionDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 3653],
        "Description": "How long logs are kept",
    },
}


def _given(parameter: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


# What LocalStack's open edition lacks, and what is there instead: the MSK API (topics are read from KafkaBootstrapServers), gateway answers with a body of our
# own (a catch-all path brings unknown paths to the application, which gives the same answer), CloudFront (the bucket itself is the site), and TLS for names
# that only this machine knows (plain HTTP). Everything else is the same in both homes.
CONDITIONS: dict[str, dict[str, Any]] = {
    "OnLocalStack": {"Fn::Equals": [{"Ref": "Home"}, "localstack"]},
    "OnAws": {"Fn::Not": [{"Condition": "OnLocalStack"}]},
    "FromMsk": {"Fn::And": [_given("MskClusterArn"), {"Fn::Not": [{"Condition": "OnLocalStack"}]}]},
    "FromBrokers": {
        "Fn::And": [
            {"Fn::Not": [{"Fn::Equals": [{"Ref": "KafkaBootstrapServers"}, "none"]}]},
            {"Fn::Not": [{"Condition": "FromMsk"}]},
        ],
    },
    "WithKafkaSecret": _given("KafkaSecretArn"),
    "InVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}]},
    "SandboxInVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SandboxSubnetIds"}]}, ""]}]},
    "ConcurrencyLimited": {"Fn::Equals": [{"Ref": "LimitConcurrency"}, "yes"]},
    "OwnPublicUrl": _given("PublicUrl"),
    "OwnKmsKey": {"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]},
}


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
    "MILLRACE_ENGINE_FUNCTION": sub("${AWS::StackName}-engine"),
    "MILLRACE_SANDBOX_FUNCTION": sub("${AWS::StackName}-sandbox"),
    "MILLRACE_ENVIRONMENT": {"Ref": "AWS::StackName"},
    "MILLRACE_EGRESS_ALLOW": {"Ref": "EgressAllow"},
    "MILLRACE_KMS_KEY_ID": credentials_key_arn(),
    "MILLRACE_OIDC_ISSUER": {"Ref": "OidcIssuer"},
    "MILLRACE_OIDC_AUDIENCE": {"Ref": "OidcAudience"},
    "MILLRACE_OIDC_JWKS_URL": {"Ref": "OidcJwksUrl"},
    "MILLRACE_RETENTION_DAYS": {"Ref": "RetentionDays"},
    "MILLRACE_CORS_ORIGINS": {"Fn::Join": [",", [site.origin(), {"Ref": "CorsOrigins"}]]},
    "MILLRACE_PUBLIC_URL": {"Fn::If": ["OwnPublicUrl", {"Ref": "PublicUrl"}, site.api_origin()]},
    "LOG_LEVEL": {"Ref": "LogLevel"},
}


def render(*, topics: Sequence[str] = (), app: Chalice | None = None) -> dict[str, Any]:
    """The template. `topics` are the Kafka topics to read (CloudFormation wants one mapping each); `app` is the REST API (default: app.py's)."""
    resources: Resources = _credentials_key() | site.resources()
    for function in FUNCTIONS:
        resources |= _function(function)
        resources |= _event_source(function, topics, app)
    conditions = _named_in(CONDITIONS, resources)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Millrace: workflow automation as functions. Rendered from functions/manifest.py; do not edit.",
        "Parameters": _named_in(PARAMETERS, [resources, conditions]),
        "Conditions": conditions,
        "Resources": resources,
        "Outputs": {
            "ApiUrl": {"Value": {"Fn::Join": ["/", [site.api_origin(), {"Ref": "RestApiStage"}]]}, "Description": "The REST API"},
            "SiteUrl": {"Value": site.origin(), "Description": "The web app, once its files are in the bucket"},
            "SiteBucket": {"Value": {"Ref": "SiteBucket"}, "Description": "The bucket for the web app's files"},
            "RestApiId": {"Value": {"Ref": "RestApi"}, "Description": "Its id"},
            "MigrateFunction": {"Value": {"Ref": "MigrateFunction"}, "Description": "Invoke it after every deployment"},
        },
    }


def _credentials_key() -> Resources:
    """The key that seals credentials. It outlives the stack: without it they are lost. The account's own policies say who may use it."""
    account = {"Effect": "Allow", "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}, "Action": "kms:*", "Resource": "*"}
    properties = {
        "Description": sub("Seals the credentials of ${AWS::StackName}"),
        "EnableKeyRotation": True,
        "KeyPolicy": {"Version": "2012-10-17", "Statement": [account]},
    }
    return {
        "CredentialsKey": {
            "Type": "AWS::KMS::Key",
            "Condition": "OwnKmsKey",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": properties,
        }
    }


def _named_in(named: dict[str, dict[str, Any]], where: Any) -> dict[str, dict[str, Any]]:
    """Those whose names occur, in the others too: without topics some conditions and parameters have no use, and CloudFormation's linter says so."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        text = json.dumps([where, found])
        more = {name: each for name, each in named.items() if f'"{name}"' in text or f"${{{name}}}" in text}
        if more == found:
            return found
        found = more


def _event_source(function: Function, topics: Sequence[str], app: Chalice | None) -> Resources:
    match function.source:
        case RestApi():
            return rest_api.resources(function, app or _application())
        case Schedule():
            return _schedule(function)
        case KafkaRecords():
            return {name: mapping for topic in topics for name, mapping in _mappings(function, topic).items()}
    return {}


def _application() -> Chalice:
    from app import app

    return app


def _function(function: Function) -> Resources:
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


def _schedule(function: Function) -> Resources:
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


def _mappings(function: Function, topic: str) -> Resources:
    """One topic, from the MSK cluster or from brokers by name; at most one of the two is made.

    A batch that fails comes again until it is taken: records that can never become executions are dead letters of ours, not failures.
    """
    assert isinstance(function.source, KafkaRecords)
    group = {"ConsumerGroupId": sub("${AWS::StackName}")}
    common = {
        "FunctionName": {"Ref": f"{title(function.name)}Function"},
        "Topics": [topic],
        "BatchSize": function.source.batch_size,
        "MaximumBatchingWindowInSeconds": function.source.window_seconds,
        "StartingPosition": {"Ref": "KafkaStartingPosition"},
    }
    secret = {"Type": {"Ref": "KafkaAuthentication"}, "URI": {"Ref": "KafkaSecretArn"}}
    nominal = [{"Type": "VPC_SUBNET", "URI": "subnet:any"}]  # LocalStack refuses brokers by name without an entry, and reads none
    access = {"Msk": NO_VALUE, "Brokers": site.home(nominal, NO_VALUE)}
    brokers = {"Endpoints": {"KafkaBootstrapServers": {"Fn::Split": [",", {"Ref": "KafkaBootstrapServers"}]}}}
    properties: dict[str, Callable[[], Resources]] = {
        "Msk": lambda: {"EventSourceArn": {"Ref": "MskClusterArn"}, "AmazonManagedKafkaEventSourceConfig": group},
        "Brokers": lambda: {"SelfManagedEventSource": brokers, "SelfManagedKafkaEventSourceConfig": group},
    }
    return {
        f"{title(function.name)}{kind}{_logical(topic)}": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Condition": f"From{kind}",
            "DependsOn": f"{title(function.name)}Role",
            "Properties": {**common, **special(), "SourceAccessConfigurations": {"Fn::If": ["WithKafkaSecret", [secret], access[kind]]}},
        }
        for kind, special in properties.items()
    }


def _logical(topic: str) -> str:
    """A topic's name as part of a logical id: letters and digits only, and no two topics alike (so X, which escapes, is escaped too)."""
    return "".join(sign if sign.isascii() and sign.isalnum() and sign != "X" else f"X{ord(sign):02x}" for sign in topic)
