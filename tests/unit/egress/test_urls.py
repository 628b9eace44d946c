"""URLs: what is refused, what is not a URL, and what goes on the wire."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.egress import EgressDenied, Guard, InvalidUrl, Target, check_address, parse_allow, parse_url
from chalicelib.core.http import _yarl

DENIED = [
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "unix:/var/run/docker.sock",
    "ws://example.com/",
    "http://user:pass@example.com/",
    "http://user@example.com/",
    "http://@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0X7F.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://1.1.1.1.1/",
    "http://256.1.1.1/",
    "http://example.0x/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[2606:4700::1111%25eth0]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://０ｘ７ｆ.１/",
    "http://１２７.1/",
]

INVALID = [
    "",
    "example.com/path",
    "/path",
    "//example.com/",
    "localhost:8080/x",
    "http:",
    "http://",
    "http:///path",
    "http:/example.com",
    "http:example.com",
    "http:\\\\example.com",
    "http://:80/",
    "http://exa mple.com/",
    "http://example.com/a b",
    "http://example.com/a\r\nHost: x",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\x85",
    " http://example.com/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:80a/",
    "http://example.com:８０/",
    "http://example.com:80:80/",
    "http://exam%70le.com/",
    "http://127.0.0.1%2f/",
    "http://a..b/",
    "http://example.com../",
    "http://-a.com/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 127 + "com/",
    "http://[::1/",
    "http://::1/",
    "http://[::g]/",
    "http://[127.0.0.1]/",
    "http://[::1]x/",
    "http://exa<mple.com/",
    "http://good.com\\.evil.com/",
    "http://example.com/\ud800",
]


@pytest.mark.parametrize("url", DENIED)
def test_denied(url):
    with pytest.raises(EgressDenied):
        Guard().check_url(url)


@pytest.mark.parametrize("url", INVALID)
def test_not_a_url(url):
    with pytest.raises(InvalidUrl):
        Guard().check_url(url)


@pytest.mark.parametrize(
    ("url", "wire", "host", "port"),
    [
        ("http://example.com", "http://example.com/", "example.com", 80),
        ("HTTPS://Example.COM:443/A%7eb/../c?x=1+2&y=%2F#frag", "https://example.com/A%7eb/../c?x=1+2&y=%2F", "example.com", 443),
        ("http://example.com:8080?x", "http://example.com:8080/?x", "example.com", 8080),
        ("http://example.com:/x", "http://example.com/x", "example.com", 80),
        ("https://example.com./x", "https://example.com/x", "example.com", 443),
        ("https://bücher.example/straße?q=ü", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC", "xn--bcher-kva.example", 443),
        ("https://8.8.8.8/", "https://8.8.8.8/", "8.8.8.8", 443),
        ("https://[2606:4700:4700:0::1111]:8443/", "https://[2606:4700:4700::1111]:8443/", "2606:4700:4700::1111", 8443),
        ("http://my_service.example/a|b{c}", "http://my_service.example/a|b{c}", "my_service.example", 80),
        ("http://example.com/user@example.com", "http://example.com/user@example.com", "example.com", 80),
    ],
)
def test_what_goes_on_the_wire(url, wire, host, port):
    target = Guard().check_url(url)
    assert (target.text, target.host, target.port) == (wire, host, port)


@pytest.mark.parametrize("url", ["http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://user@127.0.0.1/", "file:///etc/passwd", "http://[::1%25lo]/"])
def test_no_setting_allows_what_is_ambiguous(url):
    with pytest.raises(EgressDenied):
        Guard(parse_allow(["0.0.0.0/0", "::/0", "localhost"])).check_url(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:9000/x?token=s3cret", ["127.0.0.1 is a loopback address", "start Millrace with MILLRACE_EGRESS_ALLOW=127.0.0.1"]),
        ("http://[::1]/", ["::1 is a loopback address", "MILLRACE_EGRESS_ALLOW=::1"]),
        ("http://10.0.0.5/x?token=s3cret", ["10.0.0.5 is a private address", "MILLRACE_EGRESS_ALLOW=10.0.0.5"]),
        ("http://169.254.169.254/", ["a cloud metadata address", "only MILLRACE_EGRESS_ALLOW=169.254.169.254"]),
        ("http://127.1/", ["'127.1'", "write it as 192.0.2.1"]),
        ("ftp://example.com/s3cret", ["'ftp'", "http and https only"]),
        ("https://user:s3cret@example.com/", ["user name or password", "header"]),
    ],
)
def test_messages_say_what_was_refused_and_what_would_allow_it(url, says):
    with pytest.raises(EgressDenied) as caught:
        Guard().check_url(url)
    for words in says:
        assert words in caught.value.detail
    assert "s3cret" not in caught.value.detail


@pytest.mark.parametrize("url", ["http://exa mple.com/s3cret", "http://example.com:99999/s3cret", "http://a..b/s3cret", "s3cret.example.com/x", "http://[s3cret]/"])
def test_messages_about_broken_urls_do_not_repeat_them(url):
    with pytest.raises(InvalidUrl) as caught:
        parse_url(url)
    assert "s3cret" not in caught.value.detail


def test_the_origin_has_neither_path_nor_query():
    assert parse_url("https://example.com:8443/path?token=x").origin == "https://example.com:8443"
    assert parse_url("http://[2606:4700::1111]/path").origin == "http://[2606:4700::1111]"


PIECES = ["http", "https", "://", ":", "/", "\\", "@", "[", "]", "%", "%25", "?", "#", ".", "0x7f", "127", "0", "1", "::1", "::ffff:", "xn--", "a", "é", "①", "。", "\ud800"]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: "http://" + "".join(parts))))
def test_any_text_is_refused_or_read_as_the_client_reads_it(text):
    try:
        target = Guard().check_url(text)
    except (EgressDenied, InvalidUrl):
        return
    url = _yarl(target)  # refuses when it reads another host or port
    assert target.text.isascii()
    assert url.raw_host == target.host
    assert not target.is_address or check_address(ipaddress.ip_address(target.host)) is None


@pytest.mark.parametrize("text", ["http://other.example/", "https://a.example/", "http://a.example:81/", "http://u@a.example/"])
def test_what_the_client_reads_differently_is_refused(text):
    assert _yarl(Target("http://a.example/", "http", "a.example", 80, False)).raw_host == "a.example"
    with pytest.raises(InvalidUrl, match="two ways"):
        _yarl(Target(text, "http", "a.example", 80, False))
