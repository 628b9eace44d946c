"""Kafka on AWS: how functions publish, how Lambda's pollers read (what the mirror makes for triggers is in chalicelib/mirror/mappings.py), and the topics that the stack reads itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.manifest import Function, KafkaRecords
from infra.aws.expressions import NO_VALUE, sub, title
from infra.aws.site import home

NOMINAL_SUBNET = "subnet:any"  # LocalStack refuses brokers by name without an entry, and reads none


def _of_secret(key: str) -> dict[str, Any]:
    return {"Fn::If": ["PublishByPassword", sub(f"{{{{resolve:secretsmanager:${{KafkaSecretArn}}:SecretString:{key}}}}}"), ""]}


PUBLISHING: dict[str, Any] = {
    "KAFKA_SECURITY_PROTOCOL": {"Ref": "KafkaSecurityProtocol"},
    "KAFKA_SASL_MECHANISM": {"Fn::If": ["PublishBySasl", {"Ref": "KafkaSaslMechanism"}, ""]},
    "KAFKA_SASL_USERNAME": _of_secret("username"),
    "KAFKA_SASL_PASSWORD": _of_secret("password"),
}


def _each(kind: str, prefix: str, parameter: str) -> dict[str, Any]:
    """TYPE=URI for each of a list, with commas between."""
    return {"Fn::Join": ["", [f"{kind}={prefix}:", {"Fn::Join": [f",{kind}={prefix}:", {"Ref": parameter}]}]]}


def _access() -> dict[str, Any]:
    """How pollers sign in and reach the brokers, as text: TYPE=URI with commas between. MSK's own network is known to Lambda."""
    network = {"Fn::Join": [",", [_each("VPC_SUBNET", "subnet", "SubnetIds"), _each("VPC_SECURITY_GROUP", "security_group", "SecurityGroupIds")]]}
    parts = [
        {"Fn::If": ["WithKafkaSecret", sub("${KafkaAuthentication}=${KafkaSecretArn}"), ""]},
        {"Fn::If": ["WithKafkaCa", sub("SERVER_ROOT_CA_CERTIFICATE=${KafkaCaSecretArn}"), ""]},
        {"Fn::If": ["BrokersInVpc", network, home(f"VPC_SUBNET={NOMINAL_SUBNET}", "")]},
    ]
    return {"Fn::Join": [",", parts]}


READING: dict[str, Any] = {
    "KAFKA_SOURCE_ARN": {"Fn::If": ["FromMsk", {"Ref": "MskClusterArn"}, ""]},
    "KAFKA_SOURCE_ACCESS": _access(),
}


def mappings(function: Function, topic: str) -> dict[str, Any]:
    """One topic for all of its triggers, from the MSK cluster or from brokers by name; at most one of the two is made.

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
    access = {"Msk": NO_VALUE, "Brokers": home([{"Type": "VPC_SUBNET", "URI": NOMINAL_SUBNET}], NO_VALUE)}
    brokers = {"Endpoints": {"KafkaBootstrapServers": {"Fn::Split": [",", {"Ref": "KafkaBootstrapServers"}]}}}
    properties: dict[str, Callable[[], dict[str, Any]]] = {
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
