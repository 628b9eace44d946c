"""Names: every address they lead to is checked, once, and sockets go nowhere else."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from chalicelib.core import egress
from chalicelib.core.config import settings
from chalicelib.core.egress import EgressDenied, Guard, parse_allow


def guard_with(answers: dict[str, list[str]], *allow: str) -> Guard:
    """A guard that asks this table instead of DNS."""

    async def lookup(host: str, port: int) -> list[str]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers[host]

    return Guard(parse_allow(allow), lookup)


def resolve(guard: Guard, host: str, port: int = 443) -> list[str]:
    return [str(ip) for ip in asyncio.run(guard.resolve(host, port))]


def test_public_answers_pass_in_order_without_repeats():
    guard = guard_with({"a.example": ["8.8.8.8", "2606:4700::1111", "8.8.8.8"]})
    assert resolve(guard, "a.example") == ["8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fd00:ec2::254"])
def test_a_name_that_leads_inside_is_refused_and_the_address_is_not_told(address):
    with pytest.raises(EgressDenied) as caught:
        resolve(guard_with({"evil.example": [address]}), "evil.example")
    assert "evil.example leads to" in caught.value.detail
    assert address not in caught.value.detail


def test_of_a_mixed_answer_only_the_allowed_addresses_are_connected_to():
    guard = guard_with({"mixed.example": ["10.0.0.1", "8.8.8.8", "127.0.0.1"]})
    assert resolve(guard, "mixed.example") == ["8.8.8.8"]


def test_an_unknown_name_is_an_os_error():
    with pytest.raises(OSError, match="not known"):
        resolve(guard_with({}), "nowhere.example")
    with pytest.raises(OSError, match="no address"):
        resolve(guard_with({"empty.example": []}), "empty.example")


def test_a_name_in_the_list_allows_what_it_leads_to_but_metadata():
    answers = {"db.internal": ["10.0.0.5", "fd12::5"], "other.internal": ["10.0.0.5"], "meta.internal": ["169.254.169.254"]}
    guard = guard_with(answers, "db.internal:5432", "meta.internal")
    assert resolve(guard, "db.internal", 5432) == ["10.0.0.5", "fd12::5"]
    for host, port in [("db.internal", 443), ("other.internal", 5432), ("meta.internal", 80)]:
        with pytest.raises(EgressDenied):
            resolve(guard, host, port)
    # The name was allowed, the address was not.
    with pytest.raises(EgressDenied):
        guard.check_url("http://10.0.0.5:5432/")


def test_localhost_is_refused_with_words_for_a_laptop_user():
    with pytest.raises(EgressDenied) as caught:
        resolve(Guard(), "localhost", 9000)
    assert "localhost leads to a loopback address" in caught.value.detail
    assert "start Millrace with MILLRACE_EGRESS_ALLOW=localhost" in caught.value.detail
    assert set(resolve(Guard(parse_allow(["localhost"])), "localhost", 9000)) <= {"127.0.0.1", "::1"}
    assert resolve(Guard(parse_allow(["127.0.0.1"])), "localhost", 9000) == ["127.0.0.1"]


def _row(address: str, port: int) -> tuple[object, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))


def test_no_socket_is_opened_to_an_address_that_was_not_checked():
    guard = guard_with({"db.internal": ["10.0.0.5"]}, "db.internal", "127.0.0.1:9000")
    for address, port in [("10.0.0.5", 443), ("127.0.0.1", 80), ("::1", 9000), ("169.254.169.254", 80)]:
        with pytest.raises(PermissionError, match="not checked"):
            guard.open_socket(_row(address, port))
    resolve(guard, "db.internal", 443)
    for address, port in [("10.0.0.5", 443), ("127.0.0.1", 9000), ("8.8.8.8", 443)]:
        guard.open_socket(_row(address, port)).close()
    with pytest.raises(PermissionError):
        guard.open_socket(_row("10.0.0.5", 80))


def test_the_process_guard_reads_the_setting(monkeypatch):
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "10.0.0.0/8, localhost:9000")
    settings.cache_clear()
    egress.guard.cache_clear()
    try:
        guard = egress.guard()
        assert guard.check_url("http://10.1.2.3/").host == "10.1.2.3"
        assert guard.check_url("http://127.0.0.1:9000/").port == 9000
        with pytest.raises(EgressDenied):
            guard.check_url("http://127.0.0.1:9001/")
    finally:
        settings.cache_clear()
        egress.guard.cache_clear()


def test_scoped_answers_of_the_system_are_still_link_local():
    assert egress.check_address(ip_address("fe80::1%eth0")) == "a link-local address"
