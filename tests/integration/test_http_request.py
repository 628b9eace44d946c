"""http.request over real sockets: what goes on the wire, what comes back, and what hostile servers, names and redirects can do."""

from __future__ import annotations

import asyncio
import gzip
import json
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import uvloop

from chalicelib.actions.http_request import SPEC
from chalicelib.core import egress
from chalicelib.core.config import settings
from chalicelib.core.egress import Allow, EgressDenied, Guard, parse_allow
from chalicelib.core.http import CallFailed, HttpClient, close_http_client, http_client
from chalicelib.core.version import VERSION
from chalicelib.registry.spec import ActionError, Done, NodeContext
from tests.support.http_server import Request, answer, running

CERTIFICATE = Path(__file__).parent / "localhost_for_tests.pem"

# --- a server that does exactly what a test says ---------------------------------------------------------------------------------------------------------


def ok(request: Request) -> bytes:
    return answer(b'{"ok": true}', "200 OK", "Content-Type: application/json")


@asynccontextmanager
async def client(*allow: str, **options: Any) -> AsyncIterator[HttpClient]:
    made = HttpClient(Guard(parse_allow(allow or ("127.0.0.1",)), options.pop("lookup", None)), **options)
    try:
        yield made
    finally:
        await made.close()


def context(http: HttpClient | None, timeout: float = 5.0) -> NodeContext:
    def evaluate(source: str) -> Any:
        raise AssertionError("http.request has no expressions of its own")

    clients = {"http": http} if http else {}
    return NodeContext("exe_1", "ws_1", "call", "", 1, "key-1", datetime.now(UTC), evaluate, timeout, clients)


async def request(http: HttpClient | None, timeout: float = 5.0, **config: Any) -> dict[str, Any]:
    done = await SPEC.run(context(http, timeout), SPEC.config_model.model_validate(config))  # type: ignore[misc]
    assert isinstance(done, Done)
    assert done.port == "main"
    return done.output


async def refused(http: HttpClient | None, timeout: float = 5.0, **config: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await request(http, timeout, **config)
    return caught.value


_loops: list[Callable[[], asyncio.AbstractEventLoop]] = []


@pytest.fixture(autouse=True, params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def event_loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lambda's event loop and the host's."""
    _loops.append(request.param)
    yield
    _loops.clear()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_loops[-1]) as runner:
        runner.run(scenario)


# --- the plain call --------------------------------------------------------------------------------------------------------------------------------------


def test_a_json_post_on_the_wire_and_back():
    def handler(got: Request) -> bytes:
        return answer(b'{"id": 9007199254740993}', "201 Created", "Content-Type: application/json", "X-A: 1", "X-A: 2", "Set-Cookie: s=1")

    async def scenario() -> None:
        async with running(handler) as server, client() as http:
            output = await request(
                http,
                method="POST",
                url=server.url("/a%7eb/../c|d?x=1+2"),
                query={"q": "a b"},
                headers={"X-Custom": "é"},
                body={"total": 9007199254740993, "price": 1.0},
            )
            assert output["status"] == 201
            assert output["body"] == {"id": 9007199254740993}
            assert (output["headers"]["x-a"], output["headers"]["set-cookie"]) == ("1, 2", ["s=1"])
            [got] = server.requests
            assert got.line == "POST /a%7eb/../c|d?x=1+2&q=a%20b HTTP/1.1"
            assert got.body == b'{"total":9007199254740993,"price":1.0}'
            assert got.headers == {
                "host": f"127.0.0.1:{server.port}",
                "user-agent": f"Millrace/{VERSION}",
                "accept": "*/*",
                "accept-encoding": "gzip, deflate",
                "x-custom": "é",
                "idempotency-key": "key-1",
                "content-type": "application/json",
                "content-length": "38",
            }

    run(scenario())


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (answer(b"", "204 No Content"), None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        (answer(gzip.compress(b"[1, 2]"), "200 OK", "Content-Encoding: gzip", "Content-Type: application/json"), [1, 2]),
        (answer(gzip.compress(b"x" * 500_000), "200 OK", "Content-Encoding: x-GZIP", "Content-Type: text/plain"), "x" * 500_000),
        (answer(b"n\xe9", "200 OK", "Content-Type: text/plain; charset=latin-1"), "né"),
        (answer(b"\x00\xff", "200 OK", "Content-Type: image/x"), {"content_type": "image/x", "base64": "AP8="}),
        (answer(b"moved, but nowhere", "302 Found", "Content-Type: text/plain"), "moved, but nowhere"),
        (answer(b"", "304 Not Modified"), None),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"late", "200 OK", "Content-Type: text/plain"), "late"),
    ],
    ids=["204", "chunked", "gzip", "x-gzip-large", "latin-1", "binary", "no-location", "304", "early-hints"],
)
def test_answers(reply, body):
    async def scenario() -> None:
        async with running(lambda got: reply) as server, client() as http:
            assert (await request(http, url=server.url()))["body"] == body

    run(scenario())


def test_head_has_headers_and_no_body():
    async def scenario() -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nContent-Encoding: gzip\r\n\r\n"
        async with running(lambda got: head) as server, client() as http:
            output = await request(http, method="HEAD", url=server.url())
            assert (output["body"], output["headers"]["content-length"]) == (None, "99999999999")

    run(scenario())


def test_connections_are_shared_and_cookies_are_not():
    def handler(got: Request) -> bytes:
        return answer(b"", "200 OK", "Set-Cookie: session=1; Path=/")

    async def scenario() -> None:
        async with running(handler) as server, client() as http:
            for _ in range(5):
                await request(http, url=server.url())
            assert server.connections == 1
            assert len(server.requests) == 5
            assert not any("cookie" in got.headers for got in server.requests)
            await asyncio.gather(*(request(http, url=server.url(f"/{n}"), method="PUT", body=n) for n in range(40)))
            assert {(got.path, got.body) for got in server.requests[5:]} == {(f"/{n}", str(n).encode()) for n in range(40)}
            assert server.connections <= 41

    run(scenario())


def test_proxies_and_passwords_of_the_environment_are_not_used(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async def scenario() -> None:
        async with running(ok) as server, client() as http:
            assert (await request(http, url=server.url()))["body"] == {"ok": True}
            assert "authorization" not in server.requests[0].headers

    run(scenario())


# --- answers that are errors -----------------------------------------------------------------------------------------------------------------------------


def test_a_status_of_400_or_more_fails_with_the_answer_kept():
    def handler(got: Request) -> bytes:
        said = json.dumps({"error": "no such card", "you_sent": got.headers.get("authorization")}).encode()
        return answer(said, "402 Payment Required", "Content-Type: application/json")

    async def scenario() -> None:
        async with running(handler) as server, client() as http:
            config = {"url": server.url("/charges?api_key=query-s3cret"), "method": "POST", "headers": {"Authorization": "Bearer header-s3cret"}}
            error = await refused(http, **config)
            assert (error.code, error.error_class, error.retry_after) == ("http_status", "http.402", None)
            assert error.message.startswith(f"POST http://127.0.0.1:{server.port} answered 402 Payment Required: ")
            assert "no such card" in error.message
            assert "s3cret" not in error.message
            assert "/charges" not in error.message
            assert error.output["status"] == 402
            assert error.output["body"]["error"] == "no such card"
            kept = await request(http, fail_on_status=False, **config)
            assert kept == error.output

    run(scenario())


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [("429 Too Many Requests", "Retry-After: 12", 12), ("503 Service Unavailable", "Retry-After: 3", 3), ("500 Oops", "Retry-After: 3", None), ("599 Odd", "X: y", None)],
)
def test_retry_after_is_honoured_where_it_means_something(status, header, seconds):
    async def scenario() -> None:
        async with running(lambda got: answer(b"<html>", status, header, "Content-Type: text/html")) as server, client() as http:
            error = await refused(http, url=server.url(), response="json")
            assert (error.code, error.error_class, error.retry_after) == ("http_status", f"http.{status[:3]}", seconds)
            assert error.output["body"] == "<html>"

    run(scenario())


def test_json_that_was_asked_for_and_did_not_come():
    async def scenario() -> None:
        async with running(lambda got: answer(b"<html>", "200 OK", "Content-Type: application/json")) as server, client() as http:
            error = await refused(http, url=server.url(), response="json")
            assert (error.code, error.error_class) == ("invalid_response", None)
            assert (await request(http, url=server.url()))["body"] == "<html>"

    run(scenario())


# --- connections that fail -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_dropped_connection_is_reported_and_nothing_is_sent_twice(method):
    async def scenario() -> None:
        async with running(lambda got: None if got.path == "/drop" else answer()) as server, client() as http:
            error = await refused(http, method=method, url=server.url("/drop"))
            assert (error.code, error.error_class) == ("connection_failed", "connection")
            assert len(server.requests) == 1
            await request(http, url=server.url("/warm"))
            await refused(http, method=method, url=server.url("/drop"))  # over a connection used before
            assert [got.path for got in server.requests] == ["/drop", "/warm", "/drop"]
            assert server.connections == 2

    run(scenario())


def test_nobody_listens():
    async def scenario() -> None:
        async with running(ok) as server:
            port = server.port
        async with client() as http:
            error = await refused(http, url=f"http://127.0.0.1:{port}/path?token=s3cret")
            assert (error.code, error.error_class) == ("connection_failed", "connection")
            assert f"GET http://127.0.0.1:{port}" in error.message
            assert "s3cret" not in error.message

    run(scenario())


def test_a_name_without_an_address():
    async def lookup(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    async def scenario() -> None:
        async with client(lookup=lookup) as http:
            error = await refused(http, url="https://nowhere.example/x?token=s3cret")
            assert (error.code, error.error_class) == ("connection_failed", "connection")
            assert "https://nowhere.example" in error.message

    run(scenario())


@pytest.mark.parametrize(
    ("reply", "code", "error_class"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", "connection_failed", "connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "connection_failed", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-", "connection_failed", "connection"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "invalid_response", None),
        (b"HTTP/1.1 abc OK\r\n\r\n", "invalid_response", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "invalid_response", None),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n", "invalid_response", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", "invalid_response", None),
        (b"HTTP/1.1 200 " + b"y" * 20_000 + b"\r\n\r\n", "invalid_response", None),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"y" * 8000) for n in range(20)) + b"\r\n", "invalid_response", None),
        (answer(b"not gzip at all", "200 OK", "Content-Encoding: gzip"), "invalid_response", None),
        (answer(gzip.compress(b"x" * 1000)[:-4], "200 OK", "Content-Encoding: gzip"), "invalid_response", None),
        (answer(b"x", "200 OK", "Content-Encoding: br"), "invalid_response", None),
        (answer(gzip.compress(gzip.compress(b"x")), "200 OK", "Content-Encoding: gzip, gzip"), "invalid_response", None),
        (answer(b"", "302 Found", "Location: http://[::1"), "invalid_response", None),
    ],
    ids=["cut", "cut-chunk", "cut-head", "ssh", "bad-status", "two-lengths", "many-headers", "long-header", "long-reason", "big-headers"]
    + ["not-gzip", "cut-gzip", "brotli", "gzip-twice", "bad-location"],
)
def test_broken_answers(reply, code, error_class):
    async def reply_and_close(got: Request) -> AsyncIterator[bytes]:
        yield reply
        raise ConnectionError

    async def scenario() -> None:
        async with running(lambda got: reply_and_close(got)) as server, client() as http:
            error = await refused(http, url=server.url("/?token=s3cret"))
            assert (error.code, error.error_class) == (code, error_class), error.message
            assert "s3cret" not in error.message

    run(scenario())


async def _endless(first: bytes, piece: bytes, sent: list[int], pause: float = 0.0) -> AsyncIterator[bytes]:
    yield first
    while True:
        sent[0] += len(piece)
        yield piece
        await asyncio.sleep(pause)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b"x" * 10_000),
        (CHUNKED, b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000),
    ],
    ids=["announced", "chunked", "until-close"],
)
def test_endless_bodies_are_cut_at_the_limit_and_the_connection_is_closed(first, piece):
    async def scenario() -> None:
        sent = [0]
        async with running(lambda got: _endless(first, piece, sent)) as server, client() as http:
            with pytest.raises(CallFailed) as caught:
                await http.call("GET", server.url(), max_bytes=100_000)
            assert (caught.value.code, caught.value.error_class) == ("response_too_large", None)
            while not server.closed:
                await asyncio.sleep(0.01)
            assert sent[0] < 20_000_000  # what socket buffers hold, not more

    run(scenario())


def test_a_compression_bomb_is_cut_at_the_limit():
    bomb = gzip.compress(b"\0" * 30_000_000)
    assert len(bomb) < 40_000

    async def scenario() -> None:
        async with running(lambda got: answer(bomb, "200 OK", "Content-Encoding: gzip")) as server, client() as http:
            error = await refused(http, url=server.url())
            assert (error.code, error.error_class) == ("response_too_large", None)
            assert "10000000" in error.message

    run(scenario())


def test_silence_and_dripping_end_in_a_timeout():
    async def silence(got: Request) -> bytes:
        await asyncio.sleep(60)
        return b""

    async def scenario() -> None:
        for handler in (silence, lambda got: _endless(CHUNKED, b"1\r\nx\r\n", [0], 0.02), lambda got: _endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", [0], 0.02)):
            async with running(handler) as server, client() as http:
                error = await refused(http, 0.3, url=server.url("/?token=s3cret"))
                assert (error.code, error.error_class) == ("timeout", "timeout")
                assert error.message == f"GET http://127.0.0.1:{server.port} did not answer within 0.3 seconds"

    run(scenario())


def test_cancelling_closes_the_connection():
    async def scenario() -> None:
        arrived = asyncio.Event()

        async def hang(got: Request) -> bytes:
            if got.path == "/hang":
                arrived.set()
                await asyncio.sleep(0.05)
            return answer(b"late" if got.path == "/hang" else b"fresh", "200 OK", "Content-Type: text/plain")

        async with running(hang) as server, client() as http:
            task = asyncio.create_task(request(http, url=server.url("/hang")))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The late answer must not be taken for the next call's.
            assert (await request(http, url=server.url("/next")))["body"] == "fresh"
            assert server.connections == 2
            while not server.closed:
                await asyncio.sleep(0.01)

    run(scenario())


class Watched(Guard):
    """A guard that keeps the sockets it opened."""

    def __init__(self, allow: Allow) -> None:
        super().__init__(allow)
        self.sockets: list[socket.socket] = []

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        self.sockets.append(super().open_socket(info))
        return self.sockets[-1]


def test_a_connection_with_half_a_request_on_it_is_not_used_again_and_closes_at_once():
    guard = Watched(parse_allow(["127.0.0.1"]))
    connections = []

    async def answer_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append((reader, writer))
        head = await reader.readuntil(b"\r\n\r\n")
        stuck = 0
        while head.startswith(b"POST") and stuck < 5:
            # Until every buffer between the two is full.
            stuck = 0 if select.select([], [guard.sockets[0]], [], 0)[1] else stuck + 1
            await asyncio.sleep(0.02)
        writer.write(answer(b"too long", "413 Payload Too Large", "Content-Type: text/plain"))
        await writer.drain()

    async def scenario() -> None:
        listening = await asyncio.start_server(answer_early, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        http = HttpClient(guard)
        error = await refused(http, method="POST", url=url, body="x" * 50_000_000)
        assert (error.error_class, error.output and error.output["body"]) == ("http.413", "too long"), error.message
        assert (await request(http, url=url, fail_on_status=False))["body"] == "too long"
        assert len(connections) == 2
        await asyncio.wait_for(http.close(), 5)
        # The other side never reads the rest; nothing waits for it to.
        assert [sock.fileno() for sock in guard.sockets] == [-1, -1]
        for _, writer in connections:
            writer.close()
        listening.close()

    run(scenario())


# --- TLS -------------------------------------------------------------------------------------------------------------------------------------------------


def _server_tls() -> ssl.SSLContext:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(CERTIFICATE)
    return tls


def test_certificates_are_checked():
    async def scenario() -> None:
        async with running(ok, tls=_server_tls()) as server:
            async with client() as http:
                error = await refused(http, url=server.url(scheme="https"))
                assert (error.code, error.error_class) == ("tls_error", None)
                assert "certificate" in error.message
                assert not server.requests
            trusting = ssl.create_default_context(cafile=str(CERTIFICATE))
            async with client("localhost", ssl_context=trusting) as http:
                assert (await request(http, url=server.url(scheme="https")))["body"] == {"ok": True}
                assert (await request(http, url=server.url(scheme="https", host="localhost")))["body"] == {"ok": True}
            async with client(lookup=_answers(["127.0.0.1"]), ssl_context=trusting) as http:
                error = await refused(http, url=server.url(scheme="https", host="other.example"))
                assert error.code == "tls_error"  # trusted, but another name

    run(scenario())


def test_https_to_a_port_that_speaks_http():
    async def scenario() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(plain, "127.0.0.1", 0)
        async with client() as http:
            error = await refused(http, url=f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")
            assert (error.code, error.error_class) == ("tls_error", None)
        listening.close()

    run(scenario())


# --- the guard -------------------------------------------------------------------------------------------------------------------------------------------


def _answers(*answers: list[str]) -> egress.Lookup:
    """A DNS that gives these answers in turn, the last one for ever."""
    left = list(answers)

    async def lookup(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return lookup


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0", "127.0.0.1.", "LOCALHOST.", "①②⑦.⓪.⓪.①"])
def test_nothing_private_is_reached_unless_allowed(host):
    async def scenario() -> None:
        async with running(ok) as server, client("10.99.99.99") as http:
            error = await refused(http, url=server.url("/x?token=s3cret", host=host))
            assert (error.code, error.error_class) == ("egress_denied", None)
            assert "s3cret" not in error.message
            assert server.connections == 0

    run(scenario())


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "localhost", "localhost:{port}", "127.0.0.1:{port}"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost."])
def test_what_the_operator_allows_is_reached(allow, host):
    async def scenario() -> None:
        async with running(ok) as server, client(allow.format(port=server.port)) as http:
            assert (await request(http, url=server.url(host=host)))["status"] == 200

    run(scenario())


def test_a_name_that_turns_inside_after_the_check_is_refused_at_the_next_connection():
    async def scenario() -> None:
        async with running(lambda got: answer(b"", "200 OK", "Connection: close")) as server, running(ok, "127.0.0.2", server.port) as inside:
            asked = []
            answers = _answers(["127.0.0.1"], ["127.0.0.2"])

            async def lookup(host: str, port: int) -> list[str]:
                asked.append(host)
                return await answers(host, port)

            async with client("127.0.0.1", lookup=lookup) as http:
                await request(http, url=server.url(host="turns.example"))
                assert asked == ["turns.example"]  # once: what was checked is what was connected to
                http._session.connector.clear_dns_cache()
                error = await refused(http, url=server.url(host="turns.example"))
                assert error.code == "egress_denied"
                assert (server.connections, inside.connections) == (1, 0)

    run(scenario())


def test_an_address_that_was_not_checked_gets_no_socket():
    class Fooled(Guard):
        async def resolve(self, host: str, port: int) -> list[egress.Address]:
            return [ip_address("127.0.0.2")]

    async def scenario() -> None:
        async with running(ok, "127.0.0.2") as inside:
            http = HttpClient(Fooled(parse_allow(["127.0.0.1"])))
            error = await refused(http, url=inside.url(host="fooled.example"))
            assert error.code == "connection_failed"
            assert inside.connections == 0
            await http.close()

    run(scenario())


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/", "http://inside.example:{port}/", "file:///etc/passwd", "http://u:p@127.0.0.1:{port}/", "http://0x7f.0.0.2:{port}/"])
def test_every_redirect_is_checked(target):
    async def scenario() -> None:
        def away(got: Request) -> bytes:
            return answer(b"", "302 Found", "Location: " + target.format(port=got.headers["host"].split(":")[1]))

        inside_dns = _answers(["127.0.0.2"])
        async with running(away) as server, running(ok, "127.0.0.2", server.port) as inside, client("127.0.0.1", lookup=inside_dns) as http:
            error = await refused(http, url=server.url())
            assert (error.code, error.error_class) == ("egress_denied", None)
            assert (len(server.requests), inside.connections) == (1, 0)

    run(scenario())


def test_redirects_keep_or_change_the_method_and_drop_secrets_across_origins():
    async def scenario() -> None:
        async with running(ok) as other:

            def handler(got: Request) -> bytes:
                if got.path == "/same":
                    return answer(b"moved", "307 Temporary Redirect", "Location: /end?x=1")
                if got.path == "/other":
                    return answer(b"moved", "308 Permanent Redirect", f"Location: {other.url('/landed')}")
                if got.path == "/see":
                    return answer(b"x" * 100_000, "303 See Other", "Location: end")
                return answer(b"end", "200 OK", "Content-Type: text/plain")

            async with running(handler) as server, client() as http:
                sent = {"method": "POST", "body": {"a": 1}, "headers": {"Authorization": "Bearer s3cret", "Cookie": "a=b", "X-Api-Key": "s3cret"}}
                assert (await request(http, url=server.url("/same"), **sent))["body"] == "end"
                end = server.requests[-1]
                assert (end.line, end.body, end.headers["authorization"]) == ("POST /end?x=1 HTTP/1.1", b'{"a":1}', "Bearer s3cret")

                await request(http, url=server.url("/other"), **sent)
                [landed] = other.requests
                assert (landed.method, landed.path, landed.body) == ("POST", "/landed", b'{"a":1}')
                assert landed.headers["idempotency-key"] == "key-1"
                assert not {"authorization", "cookie", "x-api-key"} & set(landed.headers)

                await request(http, url=server.url("/see"), **sent)
                end = server.requests[-1]
                assert (end.line, end.body, end.headers.get("content-type")) == ("GET /end HTTP/1.1", b"", None)
                assert end.headers["authorization"] == "Bearer s3cret"

    run(scenario())


def test_redirect_loops_end():
    async def scenario() -> None:
        async with running(lambda got: answer(b"", "302 Found", f"Location: {got.path}x")) as server, client() as http:
            error = await refused(http, url=server.url())
            assert (error.code, error.error_class) == ("too_many_redirects", None)
            assert len(server.requests) == 11

    run(scenario())


# --- the process's own client ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def allowing(monkeypatch):
    """Sets MILLRACE_EGRESS_ALLOW for this test."""

    def allow(value: str) -> None:
        monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", value)
        settings.cache_clear()
        egress.guard.cache_clear()

    yield allow
    settings.cache_clear()
    egress.guard.cache_clear()


def test_without_a_client_of_the_home_the_loop_has_its_own(allowing):
    allowing("localhost")
    seen = []

    async def scenario() -> None:
        async with running(ok) as server:
            assert (await request(None, url=server.url()))["status"] == 200
            assert (await request(None, url=server.url()))["status"] == 200
            assert server.connections == 1
            assert http_client() is http_client()
            seen.append(http_client())
            await close_http_client()
            await close_http_client()

    run(scenario())
    run(scenario())
    assert seen[0] is not seen[1]


def test_a_setting_that_cannot_be_read_allows_nothing(allowing):
    allowing("http://localhost")

    async def scenario() -> None:
        async with running(ok) as server:
            error = await refused(None, url=server.url())
            assert error.code == "egress_denied"
            assert "MILLRACE_EGRESS_ALLOW: 'http://localhost'" in error.message
            assert server.connections == 0

    run(scenario())


def test_a_client_can_be_called_again_after_close():
    async def scenario() -> None:
        async with running(ok) as server, client() as http:
            await http.call("GET", server.url())
            await http.close()
            assert (await http.call("GET", server.url())).status == 200
            with pytest.raises(EgressDenied):
                await http.call("GET", "http://10.0.0.1/")

    run(scenario())
