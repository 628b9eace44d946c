"""Bodies of every kind, as they go out."""

from __future__ import annotations

import base64
import email
import json
from email.message import Message

import pytest

from chalicelib.actions.http.bodies import request_body
from chalicelib.registry.spec import ActionError


def sent(body, kind="auto", **headers):
    held = {name.replace("_", "-"): value for name, value in headers.items()}
    return request_body(body, held, kind), next((value for name, value in held.items() if name.lower() == "content-type"), None)


@pytest.mark.parametrize(
    ("body", "kind", "raw", "content_type"),
    [
        ({"a": 1}, "json", b'{"a":1}', "application/json"),
        ("text", "json", b'"text"', "application/json"),
        ("text", "auto", b"text", "text/plain; charset=utf-8"),
        (5, "text", b"5", "text/plain; charset=utf-8"),
        ({"a": [1, 2], "b": None, "c": "x y"}, "form", b"a=1&a=2&c=x+y", "application/x-www-form-urlencoded"),
        ("a=1", "form", b"a=1", "application/x-www-form-urlencoded"),
        (base64.b64encode(b"\x00\xff").decode(), "binary", b"\x00\xff", "application/octet-stream"),
        ({"base64": "AP8=", "content_type": "image/png"}, "binary", b"\x00\xff", "image/png"),
        ("<a/>", "xml", b"<a/>", "application/xml; charset=utf-8"),
        ("{ me { id } }", "graphql", b'{"query":"{ me { id } }"}', "application/json"),
        ({"query": "q", "variables": {"a": 1}, "operationName": None}, "graphql", b'{"query":"q","variables":{"a":1}}', "application/json"),
        (None, "json", None, None),
    ],
)
def test_bodies_by_type(body, kind, raw, content_type):
    assert sent(body, kind) == (raw, content_type)


def test_a_content_type_that_is_given_stays():
    assert sent({"a": 1}, "json", content_type="application/vnd.api+json") == (b'{"a":1}', "application/vnd.api+json")


@pytest.mark.parametrize(
    ("body", "xml"),
    [
        ({"order": {"@id": 7, "item": ["a", "b<c"], "note": None, "#text": "x & y"}}, '<order id="7">x &amp; y<item>a</item><item>b&lt;c</item><note/></order>'),
        ({"a": "t"}, "<a>t</a>"),
        ({"a": None}, "<a/>"),
        ({"ns:a": {"@xmlns:ns": 'urn:"x"'}}, "<ns:a xmlns:ns='urn:\"x\"'/>"),
    ],
)
def test_xml_from_objects(body, xml):
    raw, _ = sent(body, "xml")
    assert raw.decode().partition("\n")[2] == xml


def multipart(body) -> Message:
    raw, content_type = sent(body, "multipart")
    return email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw)


def test_multipart_has_fields_and_files_as_a_parser_reads_them():
    parts = multipart(
        {"name": "Zoë", "tags": ["a", "b"], "skip": None, "file": {"filename": "x.png", "content_type": "image/png", "base64": "AP8="}, "note": {"text": "hi"}}
    ).get_payload()
    read = [(part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True)) for part in parts]
    assert read == [
        ("name", None, "Zoë".encode()),
        ("tags", None, b"a"),
        ("tags", None, b"b"),
        ("file", "x.png", b"\x00\xff"),
        ("note", "file", b"hi"),
    ]
    assert parts[3].get_content_type() == "image/png"


def test_multipart_is_the_same_bytes_on_every_attempt():
    assert sent({"a": "1"}, "multipart") == sent({"a": "1"}, "multipart")
    assert sent({"a": "1"}, "multipart") != sent({"a": "2"}, "multipart")


def test_names_cannot_break_out_of_their_header():
    raw, _ = sent({'a"\r\nX-Evil: 1': "v"}, "multipart")
    assert b"X-Evil: 1\r\n" not in raw
    assert b'name="a%22%0D%0AX-Evil: 1"' in raw


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ([1], "form", "form body"),
        ([1], "multipart", "multipart body"),
        ({"f": {"filename": "x"}}, "multipart", "body/f must be"),
        ({"f": {"base64": "???"}}, "multipart", "body/f/base64 is not base64"),
        ({"f": {"text": "x", "content_type": "a\r\nb"}}, "multipart", "one line"),
        ("not base64!", "binary", "not base64"),
        ({"base64": "AA==", "more": 1}, "binary", "binary body"),
        ({"a": 1, "b": 2}, "xml", "one member"),
        ({"a": [1]}, "xml", "one root element"),
        ({"a b": 1}, "xml", "no name"),
        ({"a": "\x01"}, "xml", "control character"),
        ({"query": 5}, "graphql", "GraphQL body"),
        ({"query": "q", "variable": {}}, "graphql", "GraphQL body"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_the_name_of_its_field(body, kind, says):
    with pytest.raises(ActionError, match=says) as caught:
        sent(body, kind)
    assert caught.value.code == "invalid_config"


def test_graphql_asks_for_its_answer_type():
    held: dict[str, str] = {}
    json.loads(request_body("{ a }", held, "graphql"))
    assert held["Accept"].startswith("application/graphql-response+json")
