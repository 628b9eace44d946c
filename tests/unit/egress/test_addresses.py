"""One table of addresses that the guard must refuse, with what it calls them, and what the operator's list changes about it."""

from __future__ import annotations

import ipaddress

import pytest

from chalicelib.core.egress import NOTHING, check_address, parse_allow

HOSTILE = [
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("0.0.0.0", "unspecified"),
    ("0.1.2.3", "reserved"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("100.64.0.1", "carrier-grade NAT"),
    ("100.127.255.255", "carrier-grade NAT"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "metadata"),
    ("169.254.170.2", "metadata"),
    ("169.254.170.23", "metadata"),
    ("100.100.100.200", "metadata"),
    ("168.63.129.16", "metadata"),
    ("192.0.0.192", "metadata"),
    ("192.0.0.8", "reserved"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4"),
    ("198.18.0.1", "benchmarking"),
    ("198.19.255.255", "benchmarking"),
    ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "IPv4-compatible"),
    ("::127.0.0.1", "IPv4-compatible"),
    ("::8.8.8.8", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "IPv4-mapped"),
    ("::ffff:8.8.8.8", "IPv4-mapped"),
    ("::ffff:a9fe:a9fe", "IPv4-mapped"),
    ("::ffff:0:7f00:1", "IPv4-translated"),
    ("64:ff9b::7f00:1", "NAT64"),
    ("64:ff9b::808:808", "NAT64"),
    ("64:ff9b:1::a00:1", "NAT64"),
    ("100::1", "reserved"),
    ("2001::1", "Teredo"),
    ("2001:0:53aa:64c:0:fbff:80ff:fffe", "Teredo"),
    ("2001:2::1", "reserved"),
    ("2001:10::1", "reserved"),
    ("2001:db8::1", "documentation"),
    ("2002:7f00:1::", "6to4"),
    ("2002:808:808::1", "6to4"),
    ("3fff::1", "documentation"),
    ("2a00:1450:4001:80b:0:5efe:7f00:1", "ISATAP"),
    ("2a00:1450:4001:80b:200:5efe:a00:1", "ISATAP"),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fc00::1", "private"),
    ("fd12:3456:789a::1", "private"),
    ("fd00:ec2::254", "metadata"),
    ("fd00:ec2::23", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fe80::1", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
]

PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1", "198.17.0.1", "223.255.255.254"] + [
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2001:4860:4860::8888",
]


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


@pytest.mark.parametrize(("address", "kind"), HOSTILE)
def test_hostile_addresses_are_refused_by_their_kind(address, kind):
    reason = check_address(ip(address))
    assert reason is not None
    assert kind in reason


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address):
    assert check_address(ip(address)) is None


PLAIN = [address for address, kind in HOSTILE if kind not in ("metadata", "Teredo") and not kind.startswith(("IPv4-", "NAT64", "6to4", "ISATAP"))]


@pytest.mark.parametrize("address", PLAIN)
def test_the_address_in_the_list_allows_it_and_not_its_neighbours(address):
    allow = parse_allow([address])
    assert check_address(ip(address), allow) is None
    others = [other for other in PLAIN if ip(other) != ip(address)]
    assert all(check_address(ip(other), allow) for other in others)


@pytest.mark.parametrize("address", [address for address, kind in HOSTILE if kind == "metadata"])
def test_metadata_is_allowed_only_as_that_very_address(address):
    everything = parse_allow(["0.0.0.0/0", "::/0"])
    assert "metadata" in (check_address(ip(address), everything) or "")
    assert check_address(ip(address), parse_allow([address])) is None


def test_a_translation_prefix_does_not_open_the_networks_behind_it():
    nat64 = parse_allow(["64:ff9b::/96"])
    assert check_address(ip("64:ff9b::808:808"), nat64) is None
    assert check_address(ip("64:ff9b::7f00:1"), nat64) == "a NAT64 address that leads to a loopback address"
    assert check_address(ip("64:ff9b::7f00:1"), parse_allow(["64:ff9b::/96", "127.0.0.1"])) is None
    assert "metadata" in (check_address(ip("64:ff9b::a9fe:a9fe"), parse_allow(["64:ff9b::/96", "169.254.0.0/16"])) or "")
    assert "loopback" in (check_address(ip("2002:7f00:1::"), parse_allow(["2002::/16"])) or "")
    teredo_of_10_0_0_1 = "2001:0:4136:e378:8000:63bf:f5ff:fffe"
    assert "private" in (check_address(ip(teredo_of_10_0_0_1), parse_allow(["2001::/32"])) or "")
    assert "loopback" in (check_address(ip("::ffff:127.0.0.1"), parse_allow(["::ffff:0:0/96"])) or "")


@pytest.mark.parametrize(
    ("entry", "address", "port", "allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, True),  # public anyway
        ("10.0.0.0/8", "192.168.0.1", 443, False),
        ("10.0.0.7:9000", "10.0.0.7", 9000, True),
        ("10.0.0.7:9000", "10.0.0.7", 9001, False),
        ("10.0.0.7:9000", "10.0.0.7", None, False),
        ("[::1]:9000", "::1", 9000, True),
        ("[::1]:9000", "::1", 80, False),
        ("[fd00::]", "fd00::", 80, True),
        ("fd00::/8", "fd12::1", 80, True),
        ("10.0.0.0/8:443", "10.3.3.3", 443, True),
        ("10.0.0.0/8:443", "10.3.3.3", 80, False),
        ("localhost", "127.0.0.1", 80, True),
        ("localhost", "::1", 80, True),
        ("localhost", "127.0.0.2", 80, False),
        ("localhost:8000", "127.0.0.1", 8000, True),
        ("localhost:8000", "127.0.0.1", 8001, False),
        ("db.internal", "10.0.0.1", 5432, False),  # a name allows what it leads to, not addresses
    ],
)
def test_entries(entry, address, port, allowed):
    assert (check_address(ip(address), parse_allow([entry]), port) is None) is allowed


@pytest.mark.parametrize(
    "entry",
    ["http://localhost:9000", "*", "127.1", "0x7f.1", "2130706433", "10.1.2.3/8", "10.0.0.0/33", "host:0", "host:65536", "host:http", "a b", "-x", "", "[::1", "[]:80"],
)
def test_entries_that_cannot_be_read_are_errors_that_name_them(entry):
    with pytest.raises(ValueError, match="MILLRACE_EGRESS_ALLOW") as caught:
        parse_allow(["10.0.0.0/8", entry])
    assert repr(entry) in str(caught.value)


def test_names_are_compared_without_case_and_trailing_dot():
    allow = parse_allow(["DB.Internal.:5432"])
    assert allow.names_host("db.internal", 5432)
    assert not allow.names_host("db.internal", 5433)
    assert not allow.names_host("x.db.internal", 5432)
    assert not NOTHING.names_host("db.internal", 5432)
