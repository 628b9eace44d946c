"""The canary of the data actions: servers that repeat what they were sent, and nothing of a secret is found anywhere."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.support.canary import database_text, found_in
from tests.support.notifying import Bench
from tests.support.web_api import Sent, web_api
from tests.support.workflows import definition, published, started

KEY = "the-secret-key-of-the-canary/1+2"
SESSION = "session-token-of-the-canary-4711"
ARN = "arn:aws:states:eu-west-1:1:stateMachine:m"
OF_AWS: dict[str, dict[str, Any]] = {
    "s3.get": {"bucket": "bucket", "key": "k"},
    "s3.put": {"bucket": "bucket", "key": "k", "body": "x"},
    "sqs.send": {"queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q", "body": "x"},
    "sns.publish": {"topic_arn": "arn:aws:sns:eu-west-1:1:t", "message": "x"},
    "lambda.invoke": {"function": "f"},
    "events.put": {"source": "s", "detail_type": "t"},
    "stepfunctions.start": {"state_machine_arn": ARN},
}


def echo(request: Sent):
    said = json.dumps([dict(request.headers), request.path])
    return 400, {"__type": "Echo", "message": said, "Message": said, "error": {"message": said}}, {"x-amzn-errortype": "Echo"}


def finds_nothing(engine, database, database_url, caplog, node: dict[str, Any], secrets: list[str]) -> None:
    execution_id = started(database, published(database, definition({"id": "n", "retry": {"max_attempts": 1}, **node})))
    (row,) = engine.until_ended(execution_id)
    assert row["status"] == "failed"
    places = [*database_text(database_url), ("log", caplog.text)]
    assert [(place, form) for place, text in places for secret in secrets for form in found_in(text, secret)] == []


@pytest.mark.parametrize("type", list(OF_AWS))
def test_aws(bench: Bench, engine, database, database_url, caplog, type):
    caplog.set_level(logging.DEBUG)
    with web_api(echo) as api:
        data = {"access_key_id": "AKIA", "secret_access_key": KEY, "session_token": SESSION, "region": "eu-west-1", "endpoint_url": api.url}
        node = {"type": type, "config": {"credential": bench.credential("aws", data), **OF_AWS[type]}}
        finds_nothing(engine, database, database_url, caplog, node, [KEY, SESSION])
        assert SESSION in str(api.sent)


@pytest.mark.parametrize("api_name", ["openai", "anthropic"])
def test_language_models(bench: Bench, engine, database, database_url, caplog, api_name):
    caplog.set_level(logging.DEBUG)
    with web_api(echo) as api:
        config = {"credential": bench.credential("bearer", {"token": KEY}), "api": api_name, "base_url": api.url, "model": "m", "prompt": "x"}
        finds_nothing(engine, database, database_url, caplog, {"type": "llm.prompt", "config": config}, [KEY])
        assert KEY in str(api.sent)


def test_postgres(bench: Bench, engine, database, database_url, caplog):
    from urllib.parse import urlsplit

    caplog.set_level(logging.DEBUG)
    parts = urlsplit(database_url)
    data = {"host": parts.hostname, "port": parts.port, "database": "nowhere", "username": "nobody", "password": KEY, "tls": "disable"}
    node = {"type": "postgres.query", "config": {"credential": bench.credential("postgres", data), "query": "SELECT 1"}}
    finds_nothing(engine, database, database_url, caplog, node, [KEY])
