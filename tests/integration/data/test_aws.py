"""The nodes that call AWS, against local servers that answer as its APIs do."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs

import pytest

from tests.support.web_api import Sent, web_api


@pytest.fixture
def cloud(bench):
    """AWS: a server whose `answer` the test sets, and the credential `aws` for it."""
    with web_api(lambda _request: (200, {})) as server:
        data = {"access_key_id": "AKIATEST", "secret_access_key": "secret-of-the-test", "region": "eu-central-1", "endpoint_url": server.url}
        bench.credential("aws", data)
        yield server


def run(bench, type, **config):
    return bench.node(type, credential="aws", **config)


def target(request: Sent) -> str:
    return request.headers.get("x-amz-target", "").rpartition(".")[2]


def test_s3_writes_and_reads(bench, cloud):
    kept: dict[str, tuple[bytes, dict]] = {}

    def answer(request: Sent):
        path = request.path.partition("?")[0]
        if request.method == "PUT":
            kept[path] = (request.body, dict(request.headers))
            return 200, "", {"ETag": '"e1"'}
        if path not in kept:
            return 404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>", {"Content-Type": "application/xml"}
        body, headers = kept[path]
        return 200, body, {"ETag": '"e1"', "Content-Type": headers["content-type"], "x-amz-meta-a": "b", "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}

    cloud.answer = answer
    node = run(bench, "s3.put", bucket="reports", key="a b/ü.json", body={"n": 1}, metadata={"a": "b"})
    assert node.run().output == {"bucket": "reports", "key": "a b/ü.json", "size": 7, "etag": "e1", "version_id": None}
    sent = cloud.last
    assert sent.path == "/reports/a%20b/%C3%BC.json"
    assert (sent.headers["content-type"], sent.headers["x-amz-meta-a"]) == ("application/json", "b")
    assert sent.headers["x-amz-meta-idempotency-key"] == f"{node.execution_id}.n"
    assert "eu-central-1/s3/aws4_request" in sent.headers["authorization"]
    output = run(bench, "s3.get", bucket="reports", key="a b/ü.json").run().output
    assert (output["body"], output["size"], output["metadata"], output["last_modified"]) == ({"n": 1}, 7, {"a": "b"}, "2026-01-01T00:00:00.000000Z")
    run(bench, "s3.put", bucket="reports", key="x.bin", body=base64.b64encode(b"\xff\x00").decode(), encoding="base64").run()
    assert run(bench, "s3.get", bucket="reports", key="x.bin").run().output["body"] == "/wA="
    assert run(bench, "s3.get", bucket="reports", key="x.bin", read_as="text").fails().code == "invalid_response"
    assert run(bench, "s3.get", bucket="reports", key="none").fails().code == "not_found"
    assert run(bench, "s3.put", bucket="reports", key="x", body="no base64!", encoding="base64").fails().code == "invalid_config"


def test_s3_reads_no_more_than_it_should(bench, cloud):
    cloud.answer = lambda _request: (200, b"x" * 10_000_001)
    assert run(bench, "s3.get", bucket="reports", key="large").fails().code == "response_too_large"


def test_sqs(bench, cloud):
    cloud.answer = lambda _request: (200, {"MessageId": "m-1", "SequenceNumber": "5"})
    url = f"{cloud.url}/123456789012/orders.fifo"
    node = run(bench, "sqs.send", queue_url=url, body={"id": 17}, attributes={"kind": "order", "n": 3}, group_id="jo")
    assert node.run().output == {"message_id": "m-1", "sequence_number": "5"}
    first = cloud.last.json
    assert target(cloud.last) == "SendMessage"
    assert (first["MessageBody"], first["MessageGroupId"]) == ('{"id":17}', "jo")
    assert first["MessageAttributes"]["Idempotency-Key"]["StringValue"] == f"{node.execution_id}.n"
    assert first["MessageAttributes"]["n"] == {"DataType": "Number", "StringValue": "3"}
    node.run()
    assert cloud.last.json["MessageDeduplicationId"] == first["MessageDeduplicationId"]
    assert "sqs/aws4_request" in cloud.last.headers["authorization"]


def test_sns(bench, cloud):
    cloud.answer = lambda _request: (200, "<PublishResponse><PublishResult><MessageId>m-2</MessageId></PublishResult></PublishResponse>")
    run(bench, "sns.publish", topic_arn="arn:aws:sns:eu-central-1:1:orders", message={"id": 17}, subject="a\r\nb", attributes={"kind": "x"}).run()
    form = {name: values[0] for name, values in parse_qs(cloud.last.body.decode()).items()}
    assert (form["Action"], form["Message"], form["Subject"], form["TopicArn"]) == ("Publish", '{"id":17}', "a b", "arn:aws:sns:eu-central-1:1:orders")


def test_lambda(bench, cloud):
    cloud.answer = lambda _request: (200, {"price": 5}, {"X-Amz-Executed-Version": "$LATEST"})
    node = run(bench, "lambda.invoke", function="price", payload={"id": 17}, qualifier="live")
    assert node.run().output == {"status": 200, "payload": {"price": 5}, "version": "$LATEST"}
    sent = cloud.last
    assert sent.path == "/2015-03-31/functions/price/invocations?Qualifier=live"
    assert (sent.json, sent.headers["x-amz-invocation-type"]) == ({"id": 17}, "RequestResponse")
    context = json.loads(base64.b64decode(sent.headers["x-amz-client-context"]))
    assert context["custom"]["Idempotency-Key"] == f"{node.execution_id}.n"
    cloud.answer = lambda _request: (200, {"errorMessage": "no price", "errorType": "ValueError"}, {"X-Amz-Function-Error": "Unhandled"})
    error = run(bench, "lambda.invoke", function="price").fails()
    assert (error.code, error.error_class) == ("function_failed", None)
    assert "ValueError: no price" in error.message
    cloud.answer = lambda _request: (202, "")
    assert run(bench, "lambda.invoke", function="price", mode="event").run().output["payload"] is None
    assert cloud.last.headers["x-amz-invocation-type"] == "Event"
    cloud.answer = lambda _request: (404, {"Message": "Function not found"}, {"x-amzn-ErrorType": "ResourceNotFoundException"})
    assert run(bench, "lambda.invoke", function="none").fails().code == "not_found"


def test_eventbridge(bench, cloud):
    cloud.answer = lambda _request: (200, {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]})
    node = run(bench, "events.put", source="shop", detail_type="OrderPaid", detail={"id": 17}, bus="orders", time="2026-01-01T00:00:00Z")
    assert node.run().output == {"event_id": "e-1"}
    (entry,) = cloud.last.json["Entries"]
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("shop", "OrderPaid", "orders")
    assert json.loads(entry["Detail"]) == {"idempotency_key": f"{node.execution_id}.n", "id": 17}
    cloud.answer = lambda _request: (200, {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow"}]})
    error = run(bench, "events.put", source="shop", detail_type="x").fails()
    assert (error.code, error.error_class) == ("event_refused", "rate_limited")


def test_step_functions(bench, cloud):
    cloud.answer = lambda _request: (200, {"executionArn": "arn:x", "startDate": 1767225600.0})
    node = run(bench, "stepfunctions.start", state_machine_arn="arn:aws:states:eu-central-1:1:stateMachine:orders", input={"id": 17})
    assert node.run().output == {"execution_arn": "arn:x", "started_at": "2026-01-01T00:00:00.000000Z"}
    name = cloud.last.json["name"]
    assert json.loads(cloud.last.json["input"]) == {"id": 17}
    node.run()
    assert cloud.last.json["name"] == name
    run(bench, "stepfunctions.start", state_machine_arn="arn:aws:states:eu-central-1:1:stateMachine:orders").run()
    assert cloud.last.json["name"] != name


@pytest.mark.parametrize(
    ("status", "kind", "code", "error_class"),
    [
        (400, "ThrottlingException", "aws_error", "rate_limited"),
        (429, "TooManyRequestsException", "aws_error", "rate_limited"),
        (500, "InternalFailure", "aws_error", "http.500"),
        (403, "AccessDeniedException", "aws_not_allowed", None),
        (400, "QueueDoesNotExist", "aws_error", None),
        (None, "", "connection_failed", "connection"),
    ],
)
def test_what_aws_says_no_to(bench, cloud, status, kind, code, error_class):
    cloud.answer = lambda _request: None if status is None else (status, {"__type": f"com.amazonaws.sqs#{kind}", "message": "no"})
    error = run(bench, "sqs.send", queue_url=f"{cloud.url}/1/q", body="x").fails()
    assert (error.code, error.error_class) == (code, error_class)
    assert len(cloud.sent) == 1


def test_a_key_stays_with_its_hosts(bench, cloud):
    data = {"access_key_id": "AKIATEST", "secret_access_key": "secret-of-the-test", "region": "eu-central-1", "endpoint_url": cloud.url}
    bench.credential("aws", data, "bound", hosts=["*.amazonaws.com"])
    assert bench.node("sqs.send", credential="bound", queue_url=f"{cloud.url}/1/q", body="x").fails().code == "credential_host_denied"
    assert cloud.sent == []
