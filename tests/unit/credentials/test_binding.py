"""Where a credential may be sent."""

from __future__ import annotations

import pytest

from chalicelib.credentials.binding import host_allowed, host_pattern, widened


@pytest.mark.parametrize(
    ("patterns", "host", "port", "allowed"),
    [
        (["*"], "anything.example", 443, True),
        ([], "api.example.com", 443, False),
        (["api.example.com"], "api.example.com", 443, True),
        (["api.example.com"], "api.example.com", 8443, True),
        (["api.example.com"], "evil-api.example.com", 443, False),
        (["api.example.com"], "api.example.com.evil.example", 443, False),
        (["api.example.com:8443"], "api.example.com", 443, False),
        (["api.example.com:8443"], "api.example.com", 8443, True),
        (["*.example.com"], "api.example.com", 443, True),
        (["*.example.com"], "a.b.example.com", 443, True),
        (["*.example.com"], "example.com", 443, False),
        (["*.example.com"], "evilexample.com", 443, False),
        (["127.0.0.1:9000"], "127.0.0.1", 9000, True),
        (["[::1]:9000"], "::1", 9000, True),
        (["::1"], "::1", 80, True),
    ],
)
def test_hosts(patterns, host, port, allowed):
    assert host_allowed([host_pattern(text) for text in patterns], host, port) is allowed


@pytest.mark.parametrize("text", ["https://api.example.com", "a b", "", "api.example.com/path", "user@host", "host:0", "host:99999", "*.", "**", "exa*mple.com"])
def test_what_is_no_host_is_refused_with_words(text):
    with pytest.raises(ValueError, match=r"no host|port"):
        host_pattern(text)


def test_patterns_are_kept_in_lower_case():
    assert host_pattern(" API.Example.com. ") == "api.example.com"


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        (["*"], ["a.example", "*"], []),
        (["a.example"], ["a.example"], []),
        (["a.example"], ["a.example:8443"], []),
        (["a.example:8443"], ["a.example"], ["a.example"]),
        (["a.example"], ["b.example"], ["b.example"]),
        (["a.example"], ["*"], ["*"]),
        (["*.example"], ["a.example", "*.a.example"], []),
        (["*.example"], ["example", "aexample"], ["example", "aexample"]),
        (["a.example"], ["*.a.example"], ["*.a.example"]),
        (["*.example:443"], ["a.example:443", "a.example"], ["a.example"]),
        (["a.example", "b.example"], ["b.example"], []),
        (["a.example"], [], []),
    ],
)
def test_what_goes_further_than_before_is_noticed(old, new, more):
    assert widened(old, new) == more
