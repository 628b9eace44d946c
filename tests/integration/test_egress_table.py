"""One table of hostile addresses, over every sender there is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from ipaddress import ip_address

import pytest

from chalicelib.core import egress
from chalicelib.core.config import settings
from chalicelib.registry.catalogue import catalogue
from tests.support.http_server import answer, serving
from tests.support.senders import NO_ADDRESS, SENDERS, outcome

# Host, as a user would write it.
HOSTILE = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.10.20", "192.0.0.8", "198.18.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255",
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254",
    "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:0:0:0:0:f5ff:fffe",
    "::ffff:0:127.0.0.1",
)  # fmt: skip
# Names, and what they lead to.
NAMES = {
    "inside.example": ["10.0.0.1"],
    "loop.example": ["127.0.0.1", "::1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "localhost": ["127.0.0.1", "::1"],
    "sub.localhost": ["127.0.0.1"],
}
# What only URLs can hold; senders of other kinds refuse or cannot find such hosts.
TRICKS = ("0177.0.0.1", "0x7f000001", "2130706433", "127.1", "①②⑦.⓪.⓪.①", "127.0.0.1.")
# A redirecting server and a proxy of the test stand on this machine.
OWN = "127.0.0.1"


@pytest.fixture
def lookups(monkeypatch):
    """What names lead to, in this test; a list of lists is answered one after the other."""
    table: dict[str, list] = dict(NAMES)

    async def lookup(host: str, port: int) -> list[str]:
        with suppress(ValueError):
            return [str(ip_address(host))]
        found = table.get(host)
        if found is None:
            raise OSError("no such name")
        return found.pop(0) if found and isinstance(found[0], list) else found

    monkeypatch.setattr(egress, "system_lookup", lookup)
    return table


@pytest.fixture
def allowing(monkeypatch, lookups):
    """Sets MILLRACE_EGRESS_ALLOW for this process."""

    def allow(text: str) -> None:
        monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", text)
        settings.cache_clear()
        egress.guard.cache_clear()

    allow("")
    yield allow
    settings.cache_clear()
    egress.guard.cache_clear()


def needs_own_server(name: str) -> bool:
    return name in ("http.request, a redirect", "http.request, behind a proxy")


def test_every_effect_is_in_the_table_or_has_no_address():
    effects = {name for name in catalogue().types() if catalogue().get(name).effect == "effect"}  # type: ignore[union-attr]
    covered = {sender.action for sender in SENDERS.values() if sender.action}
    missing = effects - covered - set(NO_ADDRESS)
    assert not missing, f"add {sorted(missing)} to SENDERS in tests/support/senders.py, or say in NO_ADDRESS why it reaches no address of a user's"


@pytest.mark.parametrize("name", list(SENDERS))
def test_every_hostile_address_is_refused(name, allowing):
    sender = SENDERS[name]
    with serving(lambda request: answer(b"reached")) as victim:
        allowing(OWN if needs_own_server(name) else "")
        for host in (*HOSTILE, *NAMES):
            if needs_own_server(name) and host in (OWN, "loop.example", "localhost", "sub.localhost"):
                continue  # where the test's own server stands, and so allowed
            said = asyncio.run(outcome(sender, host, victim.port))
            assert said.startswith("egress_denied"), (name, host, said)
        assert victim.requests == []
        assert victim.connections == 0


@pytest.mark.parametrize("name", [name for name, sender in SENDERS.items() if sender.speaks_first])
@pytest.mark.parametrize("host", TRICKS)
def test_addresses_in_disguise_are_refused(name, host, allowing):
    if needs_own_server(name):
        allowing(OWN)
        if host in ("①②⑦.⓪.⓪.①", "127.0.0.1."):
            return  # that is the allowed address, written otherwise
    with serving(lambda request: answer(b"reached")) as victim:
        said = asyncio.run(outcome(SENDERS[name], host, victim.port))
        assert said.startswith(("egress_denied", "invalid_url")), (name, host, said)
        assert victim.connections == 0


@pytest.mark.parametrize("name", [name for name in SENDERS if not needs_own_server(name)])
def test_a_refusal_tells_a_laptop_user_which_setting_allows_localhost(name, allowing):
    said = asyncio.run(outcome(SENDERS[name], "localhost", 9999))
    assert "start Millrace with MILLRACE_EGRESS_ALLOW=localhost" in said


@pytest.mark.parametrize("name", list(SENDERS))
def test_a_name_that_turns_inside_after_it_was_allowed_is_refused_then(name, allowing, lookups):
    """The first answer is allowed and reached; the next one, of the same name, is not."""
    sender = SENDERS[name]
    with serving(lambda request: answer(b'{"keys": [], "access_token": "t"}')) as victim:
        allowing("127.0.0.1")
        lookups["turning.example"] = [["127.0.0.1"], ["127.0.0.2"]] if name != "http.request, behind a proxy" else [["8.8.8.8"], ["127.0.0.2"]]
        if sender.speaks_first:
            first = asyncio.run(outcome(sender, "turning.example", victim.port))
            assert not first.startswith("egress_denied"), first
            assert victim.requests or name == "http.request, behind a proxy"
        else:
            lookups["turning.example"].pop(0)
        second = asyncio.run(outcome(sender, "turning.example", victim.port))
        assert second.startswith("egress_denied"), second


@pytest.mark.parametrize("name", [name for name, sender in SENDERS.items() if sender.speaks_first and not needs_own_server(name)])
def test_what_the_operator_allows_is_reached(name, allowing):
    with serving(lambda request: answer(b'{"keys": [], "access_token": "t"}')) as server:
        allowing(f"127.0.0.1:{server.port}")
        said = asyncio.run(outcome(SENDERS[name], "127.0.0.1", server.port))
        assert not said.startswith("egress_denied"), said
        assert len(server.requests) == 1
