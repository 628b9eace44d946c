"""http.request without a network: what is sent for a config, and what an answer becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chalicelib.actions.http.answers import answer_body, excerpt, output_headers, retry_after
from chalicelib.actions.http.bodies import request_body
from chalicelib.actions.http.fields import request_headers, request_url
from chalicelib.actions.http_request import SPEC, HttpRequestConfig
from chalicelib.core.egress import parse_url
from chalicelib.core.http import Response
from chalicelib.registry.spec import ActionError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def response(body: bytes = b"", status: int = 200, **headers: str) -> Response:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, pairs, body, parse_url("https://api.example/x?token=s3cret"))


# --- config ----------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://a.example", "method": "TRACE"}, "/method"),
        ({"url": "https://a.example", "methd": "GET"}, "/methd"),
        ({"url": "https://a.example", "headers": ["x"]}, "/headers"),
        ({"url": "https://a.example", "headers": {"x": {"y": 1}}}, "/headers/x"),
        ({"url": "https://a.example", "response": "xml"}, "/response"),
        ({"url": "https://a.example", "fail_on_status": "perhaps"}, "/fail_on_status"),
    ],
)
def test_wrong_configs_are_named_by_field(config, path):
    assert path in {issue.path for issue in SPEC.check(config) if issue.severity == "error"}


@pytest.mark.parametrize("url", ["ftp://a.example/", "https://u:p@a.example/", "a.example", "https://a.example/a b", "http://127.1/"])
def test_urls_known_to_fail_are_warned_of_when_published(url):
    issues = SPEC.check({"url": url})
    assert [(issue.path, issue.severity) for issue in issues] == [("/url", "warning")]


@pytest.mark.parametrize(
    "config",
    [
        {"url": "https://a.example/x"},
        {"url": "http://localhost:9000/x"},  # judged when it runs
        {"url": "{{ input.url }}"},
        {"url": "https://{{ input.host }}/x", "method": "{{ input.method }}", "headers": "{{ input.headers }}"},
        dict(SPEC.example),
    ],
)
def test_good_configs_have_no_issues(config):
    assert SPEC.check(config) == []


def test_methods_may_be_written_in_lower_case():
    assert HttpRequestConfig(method="post", url="x").method == "POST"  # type: ignore[arg-type]


def test_the_description_has_ports_schemas_and_no_cel_field():
    told = SPEC.describe()
    assert (told["type"], told["ports"], told["effect"]) == ("http.request", ["main", "error"], "effect")
    contract = {"method", "url", "headers", "query", "body", "auth", "fail_on_status", "response"}
    assert set(told["config_schema"]["properties"]) >= contract
    assert SPEC.cel_fields({"url": "x", "headers": {"a": "b"}}) == ()


# --- URL -------------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "query", "expected"),
    [
        ("https://a.example/x", {}, "https://a.example/x"),
        ("https://a.example/x%20y?a=b+c#f", {}, "https://a.example/x%20y?a=b+c#f"),
        ("https://a.example/x", {"q": "a b&c=d/é+"}, "https://a.example/x?q=a%20b%26c%3Dd%2F%C3%A9%2B"),
        ("https://a.example/x?a=1", {"a": 2, "b": "3"}, "https://a.example/x?a=1&a=2&b=3"),
        ("https://a.example/x?", {"a": 1}, "https://a.example/x?a=1"),
        ("https://a.example/x?a&", {"b": 1}, "https://a.example/x?a&b=1"),
        ("https://a.example/x#f", {"a": 1}, "https://a.example/x?a=1"),
        ("https://a.example", {"l": [1, "b", None, True], "n": None, "t": True, "f": 1.5, "o": {"k": [1]}}, "https://a.example?l=1&l=b&l=true&t=true&f=1.5&o=%7B%22k%22%3A%5B1%5D%7D"),
        ("https://a.example", {"big": 9007199254740993, "e": ""}, "https://a.example?big=9007199254740993&e="),
        ("https://a.example", {"a&b": "c"}, "https://a.example?a%26b=c"),
    ],
)
def test_query(url, query, expected):
    assert request_url(url, query) == expected


# --- headers ---------------------------------------------------------------------------------------------------------------------------------------------


def test_headers_are_sent_as_text_with_the_idempotency_key():
    given = {"X-A": "v", "X-Int": 5, "X-Float": 1.5, "X-True": True, "X-Gone": None, "X-Space": "  a b\t", "X-Utf8": "José"}
    sent = {"X-A": "v", "X-Int": "5", "X-Float": "1.5", "X-True": "true", "X-Space": "a b", "X-Utf8": "José"}
    assert request_headers(given, "key-1") == {**sent, "Idempotency-Key": "key-1"}


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key"])
def test_the_users_own_idempotency_key_wins(name):
    assert request_headers({name: "mine"}, "key-1") == {name: "mine"}


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"X-A": "a\r\nX-B: b"}, "line break"),
        ({"X-A": "a\nb"}, "line break"),
        ({"X-A": "a\rb"}, "line break"),
        ({"X-A": "a\x00b"}, "control"),
        ({"X-A": "a\x85b"}, "control"),
        ({"X-A": "\ud800"}, "control"),
        ({"X-A\r\nX-B": "a"}, "header name"),
        ({"X A": "a"}, "header name"),
        ({"X:A": "a"}, "header name"),
        ({"": "a"}, "header name"),
        ({"é": "a"}, "header name"),
        ({"Content-Length": "5"}, "connection itself"),
        ({"transfer-encoding": "chunked"}, "connection itself"),
        ({"HOST": "internal"}, "connection itself"),
        ({"X-A": "1", "x-a": "2"}, "twice"),
        ({"X-A": float("nan")}, "not finite"),
    ],
)
def test_headers_that_could_split_a_request_are_refused(headers, says):
    with pytest.raises(ActionError, match=says) as caught:
        request_headers(headers, "key-1")
    assert caught.value.code == "invalid_config"
    assert caught.value.error_class is None


# --- bodies ----------------------------------------------------------------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "declared", "sent", "content_type"),
    [
        (None, None, None, None),
        (None, "application/json", None, "application/json"),
        ({"a": 9007199254740993, "b": 0.1, "c": 1.0, "d": None, "e": "é"}, None, b'{"a":9007199254740993,"b":0.1,"c":1.0,"d":null,"e":"\\u00e9"}', "application/json"),
        ([1, "x"], None, b'[1,"x"]', "application/json"),
        ({}, None, b"{}", "application/json"),
        (0, None, b"0", "application/json"),
        (False, None, b"false", "application/json"),
        (9223372036854775807, None, b"9223372036854775807", "application/json"),
        ({"a": 1}, "application/vnd.api+json", b'{"a":1}', "application/vnd.api+json"),
        ("plain é", None, "plain é".encode(), "text/plain; charset=utf-8"),
        ("", None, b"", "text/plain; charset=utf-8"),
        ("<x/>", "application/xml", b"<x/>", "application/xml"),
        ('{"already": "json"}', "application/json", b'{"already": "json"}', "application/json"),
        ({"a": "b c&d", "l": [1, 2], "n": None, "t": True, "u": "é"}, FORM, b"a=b+c%26d&l=1&l=2&t=true&u=%C3%A9", FORM),
        ({"a": 1}, FORM + "; charset=utf-8", b"a=1", FORM + "; charset=utf-8"),
        ("a=1&b=2", FORM, b"a=1&b=2", FORM),
    ],
)
def test_bodies(body, declared, sent, content_type):
    headers = {"content-type": declared} if declared else {}
    assert request_body(body, headers) == sent
    assert next((value for name, value in headers.items() if name.lower() == "content-type"), None) == content_type
    assert len(headers) <= 1


@pytest.mark.parametrize(
    ("body", "declared", "says"),
    [
        ({"a": float("inf")}, None, "not finite"),
        ([1], FORM, "form body"),
        ([1], "multipart/form-data; boundary=x", "multipart"),
        ("\ud800", None, "surrogate"),
        ({"a": "\ud800"}, FORM, "surrogate"),
    ],
)
def test_bodies_that_cannot_be_sent_exactly_are_refused(body, declared, says):
    with pytest.raises(ActionError, match=says):
        request_body(body, {"Content-Type": declared} if declared else {})


# --- answers ---------------------------------------------------------------------------------------------------------------------------------------------


def test_output_headers_join_repeated_ones_and_list_cookies():
    pairs = (("a", "1"), ("set-cookie", "x=1; Expires=Sun, 22 Nov 2026"), ("a", "2"), ("set-cookie", "y=2"))
    assert output_headers(pairs) == {"a": "1, 2", "set-cookie": ["x=1; Expires=Sun, 22 Nov 2026", "y=2"]}


JSON_TYPE = "application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "mode", "expected"),
    [
        (b'{"a": 9007199254740993, "b": 1.0}', JSON_TYPE, "auto", {"a": 9007199254740993, "b": 1.0}),
        (b"[1]", "application/problem+json; charset=utf-8", "auto", [1]),
        (b"null", JSON_TYPE, "auto", None),
        (b"\xef\xbb\xbf[1]", JSON_TYPE, "auto", [1]),
        (b'["\xe9"]', "application/json; charset=iso-8859-1", "auto", ["é"]),
        (b'{"broken', JSON_TYPE, "auto", '{"broken'),
        (b"NaN", JSON_TYPE, "auto", "NaN"),
        (b"99999999999999999999", JSON_TYPE, "auto", "99999999999999999999"),
        (b"[" * 5000 + b"]" * 5000, JSON_TYPE, "auto", "[" * 5000 + "]" * 5000),
        (b'["\xff"]', JSON_TYPE, "auto", {"content_type": JSON_TYPE, "base64": "WyL/Il0="}),
        (b"[1]", "text/plain", "auto", "[1]"),
        (b"[1]", "text/plain", "json", [1]),
        (b"[1]", JSON_TYPE, "text", "[1]"),
        ("né".encode(), "text/html", "auto", "né"),
        (b"n\xe9", "text/html; charset=ISO-8859-1", "auto", "né"),
        (b"n\xe9", 'text/html; charset="windows-1252"', "auto", "né"),
        (b"n\xe9", "text/html", "auto", {"content_type": "text/html", "base64": "buk="}),
        (b"n", "text/html; charset=punycode", "auto", {"content_type": "text/html; charset=punycode", "base64": "bg=="}),
        (b"<a/>", "application/atom+xml", "auto", "<a/>"),
        (b"\x89PNG", "image/png", "auto", {"content_type": "image/png", "base64": "iVBORw=="}),
        (b"text", "application/octet-stream", "auto", {"content_type": "application/octet-stream", "base64": "dGV4dA=="}),
        (b"text", "", "auto", "text"),
        (b"\xff", "", "auto", {"content_type": "application/octet-stream", "base64": "/w=="}),
        (b"a\x00b", "text/plain", "auto", "a\x00b"),
        (b"", JSON_TYPE, "auto", None),
        (b"", JSON_TYPE, "json", None),
        (b"", "", "text", None),
    ],
)
def test_answers(body, content_type, mode, expected):
    got = answer_body(response(body, content_type=content_type), mode)
    assert got == expected
    assert json.dumps(got) == json.dumps(expected)  # 1 is not 1.0


@pytest.mark.parametrize(
    ("body", "content_type", "mode"),
    [(b"<html>", "text/html", "json"), (b"99999999999999999999", JSON_TYPE, "json"), (b'["\xff"]', JSON_TYPE, "json"), (b"\xff", "image/png", "text")],
)
def test_answers_that_are_not_what_was_asked_for(body, content_type, mode):
    with pytest.raises(ActionError) as caught:
        answer_body(response(body, content_type=content_type), mode)
    assert caught.value.code == "invalid_response"
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0"}, 0),
        ({"retry_after": " 1.5 "}, 1.5),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "1e9"}, None),
        ({"retry_after": "999999999999"}, 365 * 86400),
        ({"retry_after": "Sun, 22 Nov 2026 12:01:30 GMT"}, 90),
        ({"retry_after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry_after": "Sun, 22 Nov 2026 12:01:30 GMT", "date": "Sun, 22 Nov 2026 12:01:00 GMT"}, 30),
        ({"retry_after": "Sun, 22 Nov 2026 12:01:30 GMT", "date": "yesterday"}, 90),
        ({"retry_after": "Sunday, 22-Nov-26 12:00:10 GMT"}, 10),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(response(status=429, **headers), NOW) == seconds


def test_the_excerpt_is_one_short_line_without_what_was_secret_in_the_request():
    url = "https://a.example/x?api_key=qu%2Fery-s3cret&page=1234567890"
    headers = {"Authorization": "Bearer header-s3cret", "X-Note": "something long", "Idempotency-Key": "idempotent-1"}
    body = b"bad\r\n\x1b[31m  Bearer header-s3cret / header-s3cret / qu/ery-s3cret / qu%2Fery-s3cret / something long / 1234567890 / idempotent-1"
    line = excerpt(body, url, headers)
    assert line == "bad [31m [redacted] / [redacted] / [redacted] / [redacted] / something long / 1234567890 / idempotent-1"
    assert len(excerpt(b"x" * 100_000, url, headers)) == 301
    assert excerpt(b"", url, headers) == ""
