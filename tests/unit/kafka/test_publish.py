"""The message that kafka.publish sends, and what it says of failures."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import kafka.errors as client_errors
import pytest

from chalicelib.actions.kafka_publish import SPEC, KafkaPublishConfig, message_of, run
from chalicelib.core.config import Settings
from chalicelib.core.kafka import client_options, kafka_health, off_reason
from chalicelib.core.kafka_publisher import Message, judge, publisher
from chalicelib.registry.spec import ActionError, NodeContext

KEY = ("Idempotency-Key", b"exe_1.publish")


def message(**config: Any) -> Message:
    return message_of(KafkaPublishConfig(topic="t", **config), "exe_1.publish")


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("grüße", "grüße".encode()),
        ("", b""),
        ({"ü": [1, 2.5, None, True]}, '{"ü":[1,2.5,null,true]}'.encode()),
        (42, b"42"),
        (False, b"false"),
        ([], b"[]"),
        ({"a": "\ud800"}, b'{"a":"\\ud800"}'),
        ({"a": "\x00"}, b'{"a":"\\u0000"}'),
    ],
)
def test_values_as_they_are_sent(value: Any, sent: bytes) -> None:
    assert message(value=value).value == sent


@pytest.mark.parametrize(
    ("form", "value", "sent"),
    [
        ("json", "text", b'"text"'),
        ("json", {"a": 1}, b'{"a":1}'),
        ("json", None, b"null"),
        ("text", "text", b"text"),
        ("base64", "AP8=", b"\x00\xff"),
        ("base64", "", b""),
        ("auto", "AP8=", b"AP8="),
    ],
)
def test_a_format_can_be_asked_for(form: str, value: Any, sent: bytes) -> None:
    assert message(value=value, value_format=form).value == sent
    if value is not None:
        assert message(key=value, key_format=form, value=1).key == sent


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"value": {"a": 1}, "value_format": "text"}, "value is not text"),
        ({"value": "%%%", "value_format": "base64"}, "value is not base64"),
        ({"value": 7, "value_format": "base64"}, "value is not text"),
        ({"value": 1, "key": "é", "key_format": "base64"}, "key is not base64"),
        ({"value": 1, "headers": {"h": {"base64": "?"}}}, "headers/h is not base64"),
    ],
)
def test_what_has_no_such_form_is_refused_by_name(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ActionError, match=words):
        message(**config)


def test_headers_may_be_raw_bytes() -> None:
    assert message(value=1, headers={"raw": {"base64": "AP8="}, "json": {"base64": "x", "more": 1}}).headers[:2] == (
        ("raw", b"\x00\xff"),
        ("json", b'{"base64":"x","more":1}'),
    )


def test_a_tombstone_has_a_key_and_no_value() -> None:
    assert message(key="k") == Message("t", b"k", None, (KEY,))


def test_headers_carry_the_idempotency_key() -> None:
    sent = message(value=1, headers={"source": "shop", "n": 7, "gone": None})
    assert sent.headers == (("source", b"shop"), ("n", b"7"), KEY)
    assert message(value=1, headers={"idempotency-key": "mine"}).headers == (("idempotency-key", b"mine"),)


@pytest.mark.parametrize("config", [{}, {"value": "\ud800"}, {"key": "\ud800", "value": 1}, {"value": float("nan")}])
def test_messages_that_cannot_be_sent(config: dict[str, Any]) -> None:
    with pytest.raises(ActionError) as refused:
        message(**config)
    assert refused.value.code == "invalid_config"


@pytest.mark.parametrize("topic", ["", "a b", "ü", "..", "x" * 250])
def test_topics_that_cannot_be(topic: str) -> None:
    assert [issue.path for issue in SPEC.check({"topic": topic})] == ["/topic"]


def test_a_topic_given_by_an_expression_is_judged_when_it_runs() -> None:
    assert SPEC.check({"topic": "{{ input.topic }}", "value": 1}) == []


@pytest.mark.parametrize(
    ("error", "code", "error_class"),
    [
        (client_errors.KafkaTimeoutError(), "kafka_timeout", "timeout"),
        (client_errors.RequestTimedOutError(), "kafka_timeout", "timeout"),
        (client_errors.KafkaConnectionError("gone"), "kafka_unavailable", "connection"),
        (client_errors.NotEnoughReplicasError(), "kafka_unavailable", "connection"),
        (client_errors.MessageSizeTooLargeError(), "kafka_message_too_large", None),
        (client_errors.InvalidTopicError(), "kafka_topic_invalid", None),
        (client_errors.TopicAuthorizationFailedError(), "kafka_not_allowed", None),
        (client_errors.OutOfOrderSequenceNumberError(), "kafka_error", "connection"),
    ],
)
def test_failures_say_whether_another_attempt_can_help(error: Exception, code: str, error_class: str | None) -> None:
    failure = judge(Message("t", None, b"1"), error)
    assert (failure.code, failure.error_class) == (code, error_class)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        ({"kafka_bootstrap_servers": "none"}, "KAFKA_BOOTSTRAP_SERVERS is none"),
        ({"kafka_bootstrap_servers": "none", "kafka_off_reason": "Java is not installed"}, "Java is not installed"),
    ],
)
def test_off_says_why(given: dict[str, str], words: str) -> None:
    settings = Settings(**given)
    assert (off_reason(settings) or "").startswith(words)
    assert kafka_health(settings)["status"] == "off"
    with pytest.raises(Exception, match=words):
        publisher(settings)


def test_bootstrap_servers_are_a_list() -> None:
    assert client_options(Settings(kafka_bootstrap_servers=" a:1, b:2 ,"))["bootstrap_servers"] == ["a:1", "b:2"]


def test_publishing_while_kafka_is_off_fails_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    off = Settings(kafka_bootstrap_servers="none", kafka_off_reason="Java is not installed")
    monkeypatch.setattr("chalicelib.actions.kafka_publish.settings", lambda: off)
    context = NodeContext("exe_1", "ws_1", "publish", "", 1, "exe_1.publish", datetime(2026, 1, 1, tzinfo=UTC), lambda source: None)
    with pytest.raises(ActionError) as refused:
        asyncio.run(run(context, KafkaPublishConfig(topic="t", value=1)))  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.error_class) == ("kafka_off", None)
    assert "Java is not installed" in refused.value.message
