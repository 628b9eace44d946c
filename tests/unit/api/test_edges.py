"""Routing, cross-origin rules, paging, files and failures: the pure parts of the edge, by tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app
from chalicelib.api import cors, failures, paging
from chalicelib.api.cors import cors_headers, preflight_headers
from chalicelib.api.models import Model, Name, Slug, parse
from chalicelib.api.request import Request, from_event
from chalicelib.core.errors import BadRequest, PayloadTooLarge, ValidationFailed
from infra.host.web.gateway import Gateway, Router, proxy_event, read_body
from infra.host.web.static import StaticFiles

ROUTER = Router({path: dict.fromkeys(methods) for path, methods in app.routes.items()})


@pytest.mark.parametrize(
    ("path", "resource", "params"),
    [
        ("/workflows", "/workflows", {}),
        ("/workflows/", "/workflows", {}),
        ("/workflows/validate", "/workflows/validate", {}),
        ("/workflows/wf_1", "/workflows/{id}", {"id": "wf_1"}),
        ("/workflows/by-slug/x", "/workflows/by-slug/{slug}", {"slug": "x"}),
        ("/workflows/validate/publish", "/workflows/{id}/publish", {"id": "validate"}),
        ("/workflows/a/versions/1/diff/draft", "/workflows/{id}/versions/{n}/diff/{b}", {"id": "a", "n": "1", "b": "draft"}),
        ("/trigger/{}", "/trigger/{path}", {"path": "{}"}),
        ("/trigger/{path}", "/trigger/{path}", {"path": "{path}"}),
        ("/trigger/é", "/trigger/{path}", {"path": "é"}),
    ],
)
def test_paths_lead_where_api_gateway_would_lead_them(path: str, resource: str, params: dict[str, str]) -> None:
    found = ROUTER.match(path)
    assert found is not None
    assert (found.resource, found.params) == (resource, params)


@pytest.mark.parametrize(
    "path", ["/", "", "/nothing", "/{}", "/workflows//versions", "/trigger", "/trigger//", "/workflows/a/b/c/d/e", "//"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert ROUTER.match(path) is None


@given(st.text(max_size=60))
def test_no_path_breaks_the_router(path: str) -> None:
    found = ROUTER.match(path)
    assert found is None or found.resource in app.routes


def environ(body: bytes = b"", **more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", "QUERY_STRING": "", "wsgi.input": io.BytesIO(body), **more}


def event(body: bytes = b"", **more: Any) -> dict[str, Any]:
    match = ROUTER.match("/trigger/x")
    assert match is not None
    return proxy_event(environ(body, **more), match, "/trigger/x", "POST", {"content-type": "a/b"}, body)


@given(st.binary(max_size=200))
def test_a_body_survives_the_event_byte_for_byte(body: bytes) -> None:
    assert from_event(event(body)).body == body


def test_the_event_is_one_of_api_gateway() -> None:
    made = event(b"\xff", QUERY_STRING="a=1&a=2&b=%C3%A9&c", REMOTE_ADDR="10.0.0.1")
    assert made["isBase64Encoded"] is True
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["é"], "c": [""]}
    assert made["queryStringParameters"] == {"a": "2", "b": "é", "c": ""}
    context = made["requestContext"]
    assert (context["resourcePath"], context["stage"], context["path"]) == ("/trigger/{path}", "api", "/api/trigger/x")
    assert context["identity"]["sourceIp"] == "10.0.0.1"
    assert from_event(made).root == "/api"


class Endless(io.RawIOBase):
    """A body that never ends; counts what was taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return b"a" * size


def test_a_body_is_read_no_further_than_needed() -> None:
    stream = Endless()
    with pytest.raises(PayloadTooLarge):
        read_body({"wsgi.input": stream}, 1000)
    assert stream.taken < 20 * 1024 * 1024
    declared = Endless()
    with pytest.raises(PayloadTooLarge):
        read_body({"wsgi.input": declared, "CONTENT_LENGTH": str(10**12)}, 1000)
    assert declared.taken == 0
    assert read_body(environ(b"a" * 1000), 1000) == b"a" * 1000


ORIGINS = ("https://app.example", "https://other.example/")


def test_cross_origin_answers_are_for_named_origins_only() -> None:
    assert cors_headers("https://app.example", ()) == {}
    named = cors_headers("https://app.example", ORIGINS)
    assert named["Access-Control-Allow-Origin"] == "https://app.example"
    assert {"ETag", "Location", "Millrace-Execution-Id"} <= set(named["Access-Control-Expose-Headers"].split(", "))
    for origin in ("https://evil.example", "https://app.example.evil", "null", None, "http://app.example"):
        assert "Access-Control-Allow-Origin" not in cors_headers(origin, ORIGINS)
        assert preflight_headers(origin, ORIGINS) is None
    assert "If-Match" in (preflight_headers("https://other.example", ORIGINS) or {})["Access-Control-Allow-Headers"]


def test_a_preflight_is_answered_without_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.core.config import Settings
    monkeypatch.setattr(cors, "settings", lambda: Settings(cors_origins=ORIGINS))
    refused = type("App", (), {"routes": app.routes, "__call__": lambda *_: pytest.fail("asked")})()
    asked = {"HTTP_ORIGIN": "https://app.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PATCH"}
    status, headers, _ = Gateway(refused).answer(environ(**asked) | {"REQUEST_METHOD": "OPTIONS"}, "/workflows/a")
    assert (status, dict(headers)["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    assert "PATCH" in dict(headers)["Access-Control-Allow-Methods"]
    status, headers, _ = Gateway(refused).answer(environ(HTTP_ORIGIN="https://app.example"), "/nothing")
    assert (status, dict(headers)["Access-Control-Allow-Origin"]) == (404, "https://app.example")


def asking(**query: str) -> Request:
    return Request("r", "GET", "/x", "/x", {}, {name: [value] for name, value in query.items()}, {}, b"", "", False)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=99))
def test_a_cursor_comes_back_as_it_was_given(key: str) -> None:
    assert paging.read_page(asking(cursor=paging.cursor("list", key)), "list").after == key


@given(st.text(min_size=1, max_size=60))
def test_no_text_breaks_the_cursor(text: str) -> None:
    with pytest.raises(BadRequest):
        paging.read_page(asking(cursor=text), "list")


def test_a_page_says_whether_another_follows() -> None:
    page = paging.read_page(asking(limit="2"), "list")
    full = paging.listing(["c", "b", "a"], page, "list", str, lambda row: {"row": row})
    assert full["items"] == [{"row": "c"}, {"row": "b"}]
    assert paging.read_page(asking(cursor=full["next_cursor"]), "list").after == "b"
    assert paging.listing(["a", "b"], page, "list", str, lambda row: {"row": row})["next_cursor"] is None
    with pytest.raises(BadRequest):
        paging.read_page(asking(cursor=paging.cursor("other", "a")), "list")


class Example(Model):
    name: Name
    slug: Slug
    count: int
    inner: dict[str, int]


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, {"/name": "missing", "/slug": "missing", "/count": "missing", "/inner": "missing"}),
        ({"name": "a", "slug": "a", "count": "1", "inner": {}}, {"/count": "wrong_type"}),
        ({"name": "a", "slug": "a", "count": True, "inner": {"a/b~c": "x"}}, {"/count": "wrong_type", "/inner/a~1b~0c": "wrong_type"}),
        ({"name": "  ", "slug": "a\n", "count": 1, "inner": {}, "x": 1}, {"/name": "invalid_value", "/slug": "invalid_value", "/x": "unknown_field"}),
        ({"name": "\x00", "slug": "-", "count": 1.0, "inner": []}, {"/name": "invalid_value", "/slug": "invalid_value", "/count": "wrong_type", "/inner": "wrong_type"}),
        ([], {"": "wrong_type"}),
    ],
)  # fmt: skip
def test_every_problem_has_a_pointer_and_a_code(body: Any, problems: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse(Example, body)
    assert {problem["path"]: problem["code"] for problem in caught.value.errors} == problems


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (psycopg.errors.NumericValueOutOfRange("x"), 422),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), 422),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), 422),
        (psycopg.errors.UniqueViolation("x"), 409),
        (psycopg.errors.AdminShutdown("x"), 503),
        (psycopg.errors.QueryCanceled("x"), 503),
        (psycopg.errors.DeadlockDetected("x"), 503),
        (psycopg.errors.TooManyConnections("x"), 503),
        (psycopg.OperationalError("connection refused"), 503),
        (psycopg.errors.UndefinedTable("x"), None),
        (ValueError("x"), None),
        (KeyError("x"), None),
    ],
)
def test_what_a_drivers_exception_means(error: Exception, status: int | None) -> None:
    found = failures.translate(error)
    assert (found.status if found else None) == status


@pytest.fixture
def site(tmp_path: Path) -> StaticFiles:
    (tmp_path / "secret.txt").write_text("secret")
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html>")
    (built / "assets" / "app-1a2b.js").write_text("let a = 1;\n" * 500)
    (built / ".env").write_text("secret")
    (built / "link.txt").symlink_to(tmp_path / "secret.txt")
    return StaticFiles(tmp_path / "nothing", built)


def test_files_have_types_caching_and_a_strict_policy(site: StaticFiles) -> None:
    index = site.answer("/", {})
    assert index is not None
    status, headers, body = index
    sent = dict(headers)
    assert (status, sent["Content-Type"], sent["Cache-Control"], body) == (
        200,
        "text/html; charset=utf-8",
        "no-cache",
        [b"<!doctype html>"],
    )
    scripts = [rule for rule in sent["Content-Security-Policy"].split("; ") if rule.startswith(("script-src", "default-src"))]
    assert scripts == ["default-src 'self'", "script-src 'self'"]
    assert "frame-ancestors 'none'" in sent["Content-Security-Policy"]
    assert (sent["X-Content-Type-Options"], sent["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert site.answer("/", {"if-none-match": f'"x", W/{sent["ETag"]}'})[0] == 304  # type: ignore[index]
    packed = site.answer("/assets/app-1a2b.js", {"accept-encoding": "br, gzip"})
    assert packed is not None
    sent = dict(packed[1])
    assert (sent["Content-Encoding"], sent["Content-Type"]) == ("gzip", "text/javascript; charset=utf-8")
    assert "immutable" in sent["Cache-Control"]
    assert len(packed[2][0]) < 500


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/assets/../../secret.txt", "//etc/passwd", "/.env", "/assets", "/assets/", "/link.txt", "/nothing", "/a\x00b", "/..\\secret.txt", "/./index.html"],
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(site: StaticFiles, path: str) -> None:
    assert site.answer(path, {}) is None


def test_a_changed_file_is_read_again(site: StaticFiles, tmp_path: Path) -> None:
    first = site.answer("/index.html", {})
    (tmp_path / "dist" / "index.html").write_text("<!doctype html><p>")
    second = site.answer("/index.html", {})
    assert first is not None
    assert second is not None
    assert second[2] == [b"<!doctype html><p>"]
    assert dict(first[1])["ETag"] != dict(second[1])["ETag"]
