"""The pure rules of core/http: what follows a redirect, and decoding under a limit."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tomllib
import tracemalloc
import zlib
from pathlib import Path

import pytest

from chalicelib.core.egress import EgressDenied, Guard, parse_url
from chalicelib.core.http import Call, CallFailed, redirected
from chalicelib.core.http_bodies import BodyTooLarge, Inflater
from chalicelib.core.version import VERSION

HEADERS = {
    "Authorization": "Bearer s3cret",
    "Cookie": "a=b",
    "X-Api-Key": "s3cret",
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Idempotency-Key": "k1",
    "User-Agent": "Millrace",
}


def follow(method: str, status: int, location: str, secret: tuple[str, ...] = ()) -> Call:
    call = Call(method, parse_url("https://a.example/x/y?q=1"), HEADERS, b"{}")
    return redirected(call, status, location, Guard(), secret)


@pytest.mark.parametrize(
    ("method", "status", "becomes", "keeps_body"),
    [
        ("POST", 301, "GET", False),
        ("POST", 302, "GET", False),
        ("POST", 303, "GET", False),
        ("PUT", 303, "GET", False),
        ("DELETE", 303, "GET", False),
        ("HEAD", 303, "HEAD", True),
        ("PUT", 301, "PUT", True),
        ("DELETE", 302, "DELETE", True),
        ("GET", 302, "GET", True),
        ("HEAD", 301, "HEAD", True),
        ("POST", 307, "POST", True),
        ("POST", 308, "POST", True),
        ("PATCH", 308, "PATCH", True),
    ],
)
def test_method_and_body(method, status, becomes, keeps_body):
    call = follow(method, status, "/z")
    assert call.method == becomes
    assert call.body == (b"{}" if keeps_body else None)
    assert ("Content-Type" in call.headers) is keeps_body
    assert call.headers["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("location", "goes_to"),
    [
        ("/z", "https://a.example/z"),
        ("z?w", "https://a.example/x/z?w"),
        ("?w", "https://a.example/x/y?w"),
        ("//b.example/z", "https://b.example/z"),
        ("https://a.example:443/z#top", "https://a.example/z"),
        ("/a b", "https://a.example/a%20b"),
        ("/é", "https://a.example/%C3%A9"),
        ("/\udce9", "https://a.example/%E9"),
        ("/%7e%2F", "https://a.example/%7e%2F"),
    ],
)
def test_where_it_goes(location, goes_to):
    assert follow("GET", 302, location).target.text == goes_to


@pytest.mark.parametrize(
    "location", ["https://b.example/", "http://a.example/", "https://a.example:8443/", "https://sub.a.example/", "https://a.example.evil.example/"]
)
def test_nothing_secret_goes_to_another_origin(location):
    call = follow("POST", 307, location, secret=("User-Agent",))
    assert set(call.headers) == {"Content-Type", "Accept", "Idempotency-Key"}
    back = redirected(call, 307, "https://a.example/", Guard())
    assert "Authorization" not in back.headers


@pytest.mark.parametrize("location", ["http://127.0.0.1/", "http://169.254.169.254/", "file:///etc/passwd", "https://u:p@b.example/", "http://127.1/", "gopher://x/"])
def test_redirects_are_checked(location):
    with pytest.raises(EgressDenied, match=r"https://a\.example redirected elsewhere"):
        follow("GET", 302, location)


def test_a_redirect_to_no_url_is_an_invalid_response():
    with pytest.raises(CallFailed) as caught:
        follow("GET", 302, "http://[::1")
    assert caught.value.code == "invalid_response"


TEXT = b"hello world " * 1000


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def inflate(data: bytes, cap: int, size: int = 65_536) -> bytes:
    """Decoded from pieces of `size` bytes."""
    inflater = Inflater(cap)
    found = b"".join(inflater.feed(data[at : at + size]) for at in range(0, len(data), size))
    inflater.end()
    return found


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize(
    "encoded",
    [gzip.compress(TEXT), zlib.compress(TEXT), zlib.compress(TEXT, 1), raw_deflate(TEXT), gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:])],
    ids=["gzip", "zlib", "zlib-fast", "bare", "members"],
)
def test_bodies_are_decoded_as_they_come(encoded, size):
    assert inflate(encoded, len(TEXT), size) == TEXT
    with pytest.raises(BodyTooLarge):
        inflate(encoded, len(TEXT) - 1, size)


def test_a_large_incompressible_body_passes_through():
    data = bytes(zlib.crc32(index.to_bytes(4, "big")) & 0xFF for index in range(300_000))
    assert inflate(gzip.compress(data), 300_000) == data


def test_bombs_stop_at_the_limit():
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    assert len(bomb) < 60_000  # one piece
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        inflate(bomb, 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert inflate(gzip.compress(bomb), 10_000_000) == bomb  # one layer only; what is inside stays as it came


@pytest.mark.parametrize("size", [1, 65_536])
@pytest.mark.parametrize(
    "data",
    [gzip.compress(TEXT)[:-9], zlib.compress(TEXT)[:20], b"plain text", b"\x1f\x8bnope", gzip.compress(b"a") + b"junk", gzip.compress(b"") * 1001],
    ids=["cut", "cut-zlib", "text", "not-gzip", "trailing", "members"],
)
def test_what_is_not_compressed_properly_is_an_error(data, size):
    with pytest.raises(ValueError):
        inflate(data, 1_000_000, size)


def test_the_version_is_the_projects():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


def test_importing_the_modules_does_not_import_aiohttp():
    code = "import sys, chalicelib.core.http, chalicelib.actions.http_request as a; assert a.SPEC; print('aiohttp' in sys.modules, 'yarl' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]
