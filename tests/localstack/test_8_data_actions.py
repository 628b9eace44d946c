"""The nodes that call AWS, on LocalStack's own S3, SQS, SNS, SES, Lambda, EventBridge and Step Functions."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.config import Settings
from chalicelib.credentials import vault
from infra.host.servers import Home, run_alone
from localstack.deploy import Target
from localstack.environment import ensure, why_not
from localstack.server import LocalStack
from tests.localstack.stack import wait_for
from tests.localstack.test_0_server import Small
from tests.support.notifying import Bench
from tests.support.workflows import Database

REGION = "us-east-1"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """A LocalStack of our own, with one small function."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    server = LocalStack(Home.at(tmp_path_factory.mktemp("data"), os.environ), ensure(os.environ, print))
    run_alone(server.start())
    try:
        yield Small(server)
    finally:
        server.stop()


@pytest.fixture
def target(small: Small) -> Target:
    return small.target


@pytest.fixture
def bench(settings_env: Settings, database_url: str, small: Small) -> Iterator[Bench]:
    """A credential `aws` that reaches LocalStack."""
    vault.forget_all()
    database = Database(database_url)
    made = Bench(database)
    made.credential("aws", {"access_key_id": "test", "secret_access_key": "test-secret", "region": REGION, "endpoint_url": small.server.url}, "aws")
    yield made
    database.close()


def run(bench: Bench, type: str, **config: Any) -> Any:
    return bench.node(type, credential="aws", **config).run().output


def queue(target: Target, name: str, **attributes: str) -> str:
    return target.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def received(target: Target, url: str) -> list[dict[str, Any]]:
    client = target.client("sqs")
    return wait_for(lambda: client.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=1).get("Messages", []), bool)


def test_s3(bench: Bench, target: Target) -> None:
    target.client("s3").create_bucket(Bucket="reports")
    written = run(bench, "s3.put", bucket="reports", key="a b/ü.json", body={"n": 1}, metadata={"a": "b"})
    read = run(bench, "s3.get", bucket="reports", key="a b/ü.json")
    assert (read["body"], read["etag"], read["content_type"]) == ({"n": 1}, written["etag"], "application/json")
    assert read["metadata"]["a"] == "b"
    run(bench, "s3.put", bucket="reports", key="x.bin", body=base64.b64encode(b"\xff\x00").decode(), encoding="base64")
    assert target.client("s3").get_object(Bucket="reports", Key="x.bin")["Body"].read() == b"\xff\x00"
    run(bench, "s3.put", bucket="reports", key="empty", body="")
    assert run(bench, "s3.get", bucket="reports", key="empty")["size"] == 0
    assert bench.node("s3.get", credential="aws", bucket="reports", key="none").fails().code == "not_found"
    taken = bench.node("s3.put", credential="aws", bucket="reports", key="x.bin", body="y", if_absent=True).fails()
    assert "PreconditionFailed" in taken.message


def test_sqs_and_fifo_takes_a_repeated_attempt_once(bench: Bench, target: Target) -> None:
    url = queue(target, "orders")
    sent = run(bench, "sqs.send", queue_url=url, body={"id": 17}, attributes={"kind": "order"})
    (message,) = received(target, url)
    assert (message["MessageId"], json.loads(message["Body"])) == (sent["message_id"], {"id": 17})
    assert message["MessageAttributes"]["kind"]["StringValue"] == "order"
    fifo = queue(target, "orders.fifo", FifoQueue="true")
    node = bench.node("sqs.send", credential="aws", queue_url=fifo, body="x", group_id="jo")
    assert node.run().output["message_id"] == node.run().output["message_id"]
    assert len(received(target, fifo)) == 1


def test_sns_reaches_a_queue(bench: Bench, target: Target) -> None:
    url = queue(target, "subscribed")
    arn = target.client("sns").create_topic(Name="news")["TopicArn"]
    queue_arn = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    target.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    sent = run(bench, "sns.publish", topic_arn=arn, message={"id": 17}, subject="s")
    (message,) = received(target, url)
    body = json.loads(message["Body"])
    assert (body["MessageId"], json.loads(body["Message"]), body["Subject"]) == (sent["message_id"], {"id": 17}, "s")


def test_lambda(bench: Bench, small: Small) -> None:
    output = run(bench, "lambda.invoke", function="small", payload={})
    assert (output["status"], output["payload"]["count"] >= 1) == (200, True)
    assert run(bench, "lambda.invoke", function="small", payload={}, mode="event")["status"] == 202
    assert bench.node("lambda.invoke", credential="aws", function="nowhere").fails().code == "not_found"


def test_eventbridge_reaches_a_queue(bench: Bench, target: Target) -> None:
    url = queue(target, "events")
    queue_arn = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events = target.client("events")
    events.put_rule(Name="paid", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="paid", Targets=[{"Id": "1", "Arn": queue_arn}])
    assert run(bench, "events.put", source="shop", detail_type="OrderPaid", detail={"id": 17})["event_id"]
    (message,) = received(target, url)
    event = json.loads(message["Body"])
    assert (event["detail-type"], event["detail"]["id"]) == ("OrderPaid", 17)


def test_step_functions_starts_one_for_a_repeated_attempt(bench: Bench, target: Target) -> None:
    machine = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
    client = target.client("stepfunctions")
    arn = client.create_state_machine(name="m", definition=json.dumps(machine), roleArn="arn:aws:iam::000000000000:role/any")["stateMachineArn"]
    node = bench.node("stepfunctions.start", credential="aws", state_machine_arn=arn, input={"id": 17})
    first = node.run().output["execution_arn"]
    done = wait_for(lambda: client.describe_execution(executionArn=first), lambda found: found["status"] == "SUCCEEDED")
    assert json.loads(done["input"]) == {"id": 17}
    assert len(client.list_executions(stateMachineArn=arn)["executions"]) == 1


def test_ses_takes_the_mail_as_it_is(bench: Bench, small: Small, target: Target) -> None:
    target.client("ses").verify_email_identity(EmailAddress="shop@example.com")
    node = bench.node("email.send", credential="aws", **{"from": "shop@example.com"}, to="jo@example.org", subject="Hi", text="x", html="<b>x</b>")
    message_id = node.run().output["message_id"]
    with urllib.request.urlopen(small.server.url + "/_aws/ses", timeout=10) as answer:
        kept = json.loads(answer.read())["messages"]
    (mail,) = [each for each in kept if each["Id"] == message_id]
    parsed = email.message_from_string(mail["RawData"], policy=email.policy.default)
    assert (parsed["To"], parsed["Subject"]) == ("jo@example.org", "Hi")
    assert node.statuses() == [(1, "ses", "accepted", "")]


def test_a_text_message_by_sns(bench: Bench) -> None:
    output = run(bench, "sms.send", to="+15005550006", text="x")
    assert (output["provider"], bool(output["message_id"])) == ("sns", True)


