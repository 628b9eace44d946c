"""What is asked of Lambda for an event source mapping, checked against Lambda's own description of its API."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.core.config import Settings
from chalicelib.mirror.mappings import Mappings, Source, Wanted, wanted_of
from chalicelib.triggers.kafka_outcomes import alias_of
from chalicelib.triggers.kafka_plan import Reader

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:millrace-kafka"
TRIGGER = "trg_01kb0000000000000000000000"
MADE = datetime(2026, 11, 24, 9, tzinfo=UTC)
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AmazonMSK_reader-a1b2c3"
CLUSTER = "arn:aws:kafka:eu-central-1:123456789012:cluster/orders/751d2973-a626-431c-9d4e-d7975eb44dd7-2"
MSK = {"KAFKA_BOOTSTRAP_SERVERS": "b-1:9098", "KAFKA_SOURCE_ARN": CLUSTER}
BROKERS = {"KAFKA_BOOTSTRAP_SERVERS": "b-1:9096, b-2:9096"}


@pytest.mark.parametrize(
    ("variables", "parameters"),
    [
        (MSK, {"EventSourceArn": CLUSTER, "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "shop"}}),  # by IAM
        (
            {**MSK, "KAFKA_SOURCE_ACCESS": f"SASL_SCRAM_512_AUTH={SECRET}"},
            {
                "EventSourceArn": CLUSTER,
                "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "shop"},
                "SourceAccessConfigurations": [{"Type": "SASL_SCRAM_512_AUTH", "URI": SECRET}],
            },
        ),
        (
            {**BROKERS, "KAFKA_SOURCE_ACCESS": f"SASL_SCRAM_256_AUTH={SECRET},,VPC_SUBNET=subnet:subnet-1,VPC_SECURITY_GROUP=security_group:sg-1"},
            {
                "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b-1:9096", "b-2:9096"]}},
                "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "shop"},
                "SourceAccessConfigurations": [
                    {"Type": "SASL_SCRAM_256_AUTH", "URI": SECRET},
                    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
                    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
                ],
            },
        ),
    ],
    ids=["MSK by IAM", "MSK by SCRAM", "brokers by name, SCRAM, in a VPC"],
)
@pytest.mark.parametrize("begin", [None, MADE])
def test_a_mapping_is_made_with_its_alias(variables: dict[str, str], parameters: dict[str, Any], begin: datetime | None) -> None:
    client = boto3.client("lambda", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    source = Source.of(Settings.from_env(variables))
    assert source is not None
    alias = alias_of("shop")
    start = {"StartingPosition": "TRIM_HORIZON"} if begin is None else {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": begin}
    wanted = {"FunctionName": f"{FUNCTION}:{alias}", "Topics": ["orders"], "BatchSize": 500, "MaximumBatchingWindowInSeconds": 1, **start, **parameters}
    with Stubber(client) as stub:
        stub.add_response("list_event_source_mappings", {"EventSourceMappings": []}, {})
        stub.add_response("list_aliases", {"Aliases": []}, {"FunctionName": FUNCTION})
        stub.add_response("create_alias", {}, {"FunctionName": FUNCTION, "Name": alias, "FunctionVersion": "$LATEST", "Description": "Consumer group shop"})
        stub.add_response("create_event_source_mapping", {}, wanted)
        report = mappings(client, source).reconcile([Wanted("shop", "orders", begin)], lambda: True)
        stub.assert_no_pending_responses()
    assert (report.made, report.failed) == (1, 0)


def mappings(client: Any, source: Source) -> Mappings:
    return Mappings(client, FUNCTION, source, batch_size=500, window_seconds=1)


def uuid_of(alias: str | None, topic: str) -> str:
    """A mapping's id."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{alias}/{topic}"))


def found(alias: str | None, topic: str, state: str = "Enabled", **more: Any) -> dict[str, Any]:
    """A mapping as Lambda lists it."""
    arn = FUNCTION if alias is None else f"{FUNCTION}:{alias}"
    return {"UUID": uuid_of(alias, topic), "FunctionArn": arn, "Topics": [topic], "State": state, "EventSourceArn": CLUSTER, "BatchSize": 500, "MaximumBatchingWindowInSeconds": 1, **more}


def test_what_is_not_wanted_goes_and_what_has_changed_is_mended() -> None:
    """A topic the stack reads itself, strangers' mappings and those on their way out are left alone."""
    client = boto3.client("lambda", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    source = Source.of(Settings.from_env(MSK))
    assert source is not None
    listed = [
        found(None, "shared"),
        found(TRIGGER, "orders", State="Disabled"),
        found(alias_of("gone"), "orders"),
        found(alias_of("leaving"), "orders", "Deleting"),
        found(alias_of("elsewhere"), "orders", EventSourceArn=CLUSTER + "-old"),
        found(alias_of("ill"), "orders", LastProcessingResult="PROBLEM: Cluster failed to authorize Lambda"),
        {**found("live", "orders"), "FunctionArn": FUNCTION + ":live"},
        {**found(TRIGGER, "orders"), "FunctionArn": FUNCTION.replace("millrace", "other") + ":" + TRIGGER},
        {"UUID": uuid_of("", "queue"), "FunctionArn": FUNCTION, "EventSourceArn": "arn:aws:sqs:eu-central-1:1:q"},
    ]
    wanted = [Wanted(group, topic, MADE) for group, topic in ((TRIGGER, "orders"), (TRIGGER, "shared"), ("leaving", "orders"), ("elsewhere", "orders"), ("ill", "orders"))]
    aliases = [TRIGGER, "live", *(alias_of(group) for group in ("gone", "leaving", "elsewhere", "ill", "long ago"))]
    with Stubber(client) as stub:
        stub.add_response("list_event_source_mappings", {"EventSourceMappings": listed}, {})
        stub.add_response("delete_event_source_mapping", {}, {"UUID": uuid_of(alias_of("gone"), "orders")})
        stub.add_response("list_aliases", {"Aliases": [{"Name": name} for name in aliases]}, {"FunctionName": FUNCTION})
        stub.add_response("update_event_source_mapping", {}, {"UUID": uuid_of(TRIGGER, "orders"), "Enabled": True, "BatchSize": 500, "MaximumBatchingWindowInSeconds": 1})
        stub.add_response("delete_event_source_mapping", {}, {"UUID": uuid_of(alias_of("elsewhere"), "orders")})
        stub.add_response("delete_alias", {}, {"FunctionName": FUNCTION, "Name": alias_of("long ago")})
        made = mappings(client, source)
        report = made.reconcile(wanted, lambda: True)
        stub.assert_no_pending_responses()
    assert (report.made, report.removed, report.mended, report.failed) == (0, 2, 1, 0)
    assert made.troubles == {TRIGGER: None, "leaving": None, "elsewhere": None, "ill": "PROBLEM: Cluster failed to authorize Lambda"}


def test_what_lambda_refuses_is_told_and_the_rest_is_done() -> None:
    client = boto3.client("lambda", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    source = Source.of(Settings.from_env(MSK))
    assert source is not None
    with Stubber(client) as stub:
        stub.add_response("list_event_source_mappings", {"EventSourceMappings": []})
        stub.add_response("list_aliases", {"Aliases": [{"Name": alias_of("a")}, {"Name": alias_of("b")}]})
        stub.add_client_error("create_event_source_mapping", "InvalidParameterValueException", "the role may not describe the cluster")
        stub.add_response("create_event_source_mapping", {})
        made = mappings(client, source)
        report = made.reconcile([Wanted("a", "orders", None), Wanted("b", "orders", None)], lambda: True)
    assert (report.made, report.failed) == (1, 1)
    assert "may not describe the cluster" in str(made.troubles["a"])
    assert made.troubles["b"] is None


def test_triggers_that_share_a_group_share_a_mapping() -> None:
    early, late = Reader("earliest", MADE, None), Reader("latest", MADE, None)
    assert wanted_of({"shop": {"orders": (early, late), "returns": (late,)}, TRIGGER: {"orders": (late,)}}) == [
        Wanted("shop", "orders", None),
        Wanted("shop", "returns", MADE),
        Wanted(TRIGGER, "orders", MADE),
    ]


def test_without_brokers_there_is_no_source() -> None:
    assert Source.of(Settings.from_env({"KAFKA_BOOTSTRAP_SERVERS": "none"})) is None
    assert Source.of(Settings.from_env({})) is None
