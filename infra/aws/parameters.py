"""What differs between installations: the template's parameters, and the conditions made of them, among them what LocalStack's open edition lacks."""

from __future__ import annotations

import json
from typing import Any

from functions.manifest import FUNCTIONS

RESERVED = sum(each.max_concurrency or 0 for each in FUNCTIONS)

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
        "Description": "How Lambda's pollers sign in with KafkaSecretArn",
    },
    "KafkaSecretArn": {
        "Type": "String",
        "Default": "",
        "Description": "Credentials for the brokers (default: none are needed, or IAM for MSK)",
    },
    "KafkaSecretKeyArn": {
        "Type": "String",
        "Default": "",
        "Description": "The KMS key that KafkaSecretArn is encrypted with, when it is one of yours, as MSK demands for SCRAM",
    },
    "KafkaCaSecretArn": {
        "Type": "String",
        "Default": "",
        "Description": "A secret with the certificate authority of brokers by name, when it is not a public one (key certificate)",
    },
    "KafkaSecurityProtocol": {
        "Type": "String",
        "Default": "PLAINTEXT",
        "AllowedValues": ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        "Description": "How the functions that publish speak to the brokers",
    },
    "KafkaSaslMechanism": {
        "Type": "String",
        "Default": "none",
        "AllowedValues": ["none", "AWS_MSK_IAM", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"],
        "Description": "How they sign in: by their roles, or with username and password of KafkaSecretArn",
    },
    "KafkaStartingPosition": {
        "Type": "String",
        "Default": "LATEST",
        "AllowedValues": ["LATEST", "TRIM_HORIZON"],
        "Description": "Where a topic named when the template was rendered is read from at first",
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
        "Description": f"Bound how many of a function run at once; needs an account limit of {100 + RESERVED} or more, new accounts have less",
    },
    "PublicUrl": {
        "Type": "String",
        "Default": "",
        "Description": "What trigger URLs are built from, without /api (default: the API's own address)",
    },
    "OidcIssuer": {"Type": "String", "Default": "", "Description": "The OpenID provider whose tokens are taken in place of API keys (iss)"},
    "OidcAudience": {"Type": "String", "Default": "", "Description": "What its tokens for Millrace say in aud"},
    "OidcJwksUrl": {"Type": "String", "Default": "", "Description": "The address of its keys"},
    "QueueLimit": {"Type": "Number", "Default": 100000, "MinValue": 1, "Description": "So many executions may be due and not begun; past it what starts more answers 429"},
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
# own (a catch-all path brings unknown paths to the application, which gives the same answer), a Scheduler that fires (rules do, MILLRACE_MIRROR), CloudFront (the bucket itself is the site), and TLS for names
# that only this machine knows (plain HTTP). Everything else is the same in both homes.
_CONDITIONS: dict[str, dict[str, Any]] = {
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
    "WithKafkaSecretKey": {"Fn::And": [{"Condition": "WithKafkaSecret"}, _given("KafkaSecretKeyArn")]},
    "WithKafkaCa": _given("KafkaCaSecretArn"),
    "BrokersInVpc": {"Fn::And": [{"Condition": "FromBrokers"}, {"Condition": "InVpc"}]},
    "PublishBySasl": {"Fn::Not": [{"Fn::Equals": [{"Ref": "KafkaSaslMechanism"}, "none"]}]},
    "PublishByRole": {"Fn::And": [{"Condition": "FromMsk"}, {"Fn::Equals": [{"Ref": "KafkaSaslMechanism"}, "AWS_MSK_IAM"]}]},
    "PublishByPassword": {"Fn::And": [{"Condition": "PublishBySasl"}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "KafkaSaslMechanism"}, "AWS_MSK_IAM"]}]}]},
    "InVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}]},
    "SandboxInVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SandboxSubnetIds"}]}, ""]}]},
    "ConcurrencyLimited": {"Fn::Equals": [{"Ref": "LimitConcurrency"}, "yes"]},
    "OwnPublicUrl": _given("PublicUrl"),
    "OwnKmsKey": {"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]},
}


def _written_out(value: Any) -> Any:
    """With every condition it names put in its place."""
    if isinstance(value, list):
        return [_written_out(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Condition"}:
        return _written_out(_CONDITIONS[value["Condition"]])
    return {name: _written_out(each) for name, each in value.items()}


# LocalStack takes all conditions that others name for one and the same when it compares a stack with its change, and then never ends.
CONDITIONS: dict[str, dict[str, Any]] = {name: _written_out(each) for name, each in _CONDITIONS.items()}


def named_in(named: dict[str, dict[str, Any]], where: Any) -> dict[str, dict[str, Any]]:
    """Those whose names occur, in the others too: without topics some conditions and parameters have no use, and CloudFormation's linter says so."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        text = json.dumps([where, found])
        more = {name: each for name, each in named.items() if f'"{name}"' in text or f"${{{name}}}" in text}
        if more == found:
            return found
        found = more
