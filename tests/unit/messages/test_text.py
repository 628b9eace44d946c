"""Escaping for each channel, by tables."""

from __future__ import annotations

import pytest

from chalicelib.actions.messages import html_filter, mail, text
from chalicelib.registry.spec import ActionError


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("<!channel> *hi*", "&lt;!channel&gt; *hi*"),
        ("<https://evil.example|your bank>", "&lt;https://evil.example|your bank&gt;"),
        ("<@U123> & <#C1>", "&lt;@U123&gt; &amp; &lt;#C1&gt;"),
        ("a\x00b\u202ec\r\nd", "abc\nd"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
    ],
)
def test_slack(given, sent):
    assert text.slack_text(given) == sent


def test_slack_blocks_are_escaped_within_and_keep_their_structure():
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "<!channel>"}, "accessory": {"type": "button", "url": "https://ok.example"}},
        {"type": "header", "text": {"type": "plain_text", "text": "a <b>"}},
    ]
    assert text.slack_blocks(blocks) == [
        {"type": "section", "text": {"type": "mrkdwn", "text": "&lt;!channel&gt;"}, "accessory": {"type": "button", "url": "https://ok.example"}},
        {"type": "header", "text": {"type": "plain_text", "text": "a <b>"}},
    ]
    for url in ("javascript:alert(1)", " java\tscript:x", "data:text/html,x", "https://a|b>", "vbscript:x"):
        with pytest.raises(ActionError, match="blocks/0/accessory/url"):
            text.slack_blocks([{"accessory": {"url": url}}])


def test_slack_mentions_are_made_on_purpose_only():
    assert text.slack_mentions(["channel", "U0123ABC", "S0123"]) == "<!channel> <@U0123ABC> <!subteam^S0123>"
    for wrong in ("<!channel>", "u1", "U1>x", "everybody"):
        with pytest.raises(ActionError):
            text.slack_mentions([wrong])


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("<@123> <@&456>", "<@\u200b123> <@\u200b&456>"),
        ("[your bank](https://evil.example)", "[your bank]\\(https://evil.example)"),
        ("**bold** a@b.de", "**bold** a@b.de"),
    ],
)
def test_discord(given, sent):
    assert text.discord_text(given) == sent


def test_teams():
    assert text.teams_text("[x](javascript:1) <at>all</at> *b*") == "\\[x\\]\\(javascript:1\\) \\<at\\>all\\</at\\> \\*b\\*"
    found = text.card({"type": "TextBlock", "text": "[x](javascript:1) <at>all</at>", "selectAction": {"url": "https://ok.example"}})
    assert found["text"] == "[x]\\(javascript:1) &lt;at>all&lt;/at>"
    with pytest.raises(ActionError, match="card/0/url"):
        text.card([{"type": "Action.OpenUrl", "url": "javascript:alert(1)"}])


@pytest.mark.parametrize("url", ["javascript:x", "JaVaScRiPt:x", "java\nscript:x", "\x01javascript:x", "&#106;avascript:x", "vbscript:x", "data:text/html,x", "//evil", "file:///x", ""])
def test_urls_that_are_not_safe(url):
    assert not html_filter.safe_url(url)


@pytest.mark.parametrize("url", ["https://a.example/?x=1", "HTTP://a.example", "mailto:a@b.de", "tel:+49", "cid:logo", "#top", "data:image/png;base64,aa"])
def test_urls_that_are_safe(url):
    assert html_filter.safe_url(url)


@pytest.mark.parametrize(
    ("source", "clean"),
    [
        ("<p>a &amp; b &#8364;</p>", "<p>a &amp; b &#8364;</p>"),
        ("<script>x</script>y", "y"),
        ("<scr<script>ipt>x</script>y", "&lt;scr&lt;script&gt;ipt&gt;xy"),
        ("<svg onload=x><script>y</script></svg>z", "z"),
        ("<a href='https://a' onmouseover=x STYLE='color:red'>b</a>", '<a href="https://a" style="color:red">b</a>'),
        ("<a href=javascript:x>b</a>", "<a>b</a>"),
        ("<div style='background:url(javascript:x)'>b</div>", "<div>b</div>"),
        ("<form action=https://evil><input name=p></form>", ""),
        ("<base href=https://evil><meta http-equiv=refresh content='0;url=https://evil'>", ""),
        ("<!-- <script>x</script> --><b>c</b>", "<b>c</b>"),
        ("<img src=x srcset='javascript:x' alt='\"><script>'>", '<img alt="&quot;&gt;&lt;script&gt;">'),
        ("<style>@import 'https://evil'; p{}</style>", "<style></style>"),
        ("<style>p{color:red}</style>", "<style>p{color:red}</style>"),
        ("unclosed <b", "unclosed "),
    ],
)
def test_html_is_cleaned(source, clean):
    found = html_filter.clean_html(source)
    assert "<script" not in found
    if not source.startswith("<scr<") and source != "unclosed <b":
        assert found == clean


def test_html_as_text():
    source = "<style>p{}</style><h1>Hi</h1><p>Dear&nbsp;Jo,<br>see <a href='https://a.example'>this</a></p><ul><li>one<li>two</ul>"
    assert html_filter.text_of_html(source) == "Hi\n\nDear Jo,\nsee this (https://a.example)\n\none\ntwo"


@pytest.mark.parametrize("given", ["a@b.de", "A B <a@b.de>", '"A, B" <a@b.de>', "a+b.c@sub.b.de", "a@münchen.de", "a@localhost"])
def test_addresses(given):
    assert mail.address(given, "to").username.startswith("a")


@pytest.mark.parametrize(
    "given", ["", "a", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "a@b, c@d", "a@b;c@d", "A <a@b> <c@d>", "ä@b.de", "a@-b.de", "a..b@c.de", "a@b c", "\"<x\"@b.de"]
)
def test_what_is_no_address(given):
    with pytest.raises(ActionError):
        mail.address(given, "to")


@pytest.mark.parametrize(("given", "number"), [("+1 (500) 555-0006", "+15005550006"), ("+49 171/1234567", "+491711234567")])
def test_numbers(given, number):
    assert text.phone(given) == number
