"""Text as each channel needs it: what somebody else wrote can neither call everyone, nor hide a link, nor start a markup of its own. Pure."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.html_filter import safe_url

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+~|<>!-])")
_AT = re.compile(r"@(?=everyone|here|[!&]?\d)", re.IGNORECASE)


def plain(text: str) -> str:
    """Without control characters and the marks that turn the direction of writing; line breaks and tabs stay."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def phone(text: str) -> str:
    """A number in E.164. Raises ActionError `invalid_config`, which does not repeat it."""
    digits = re.sub(r"[\s().\-/\u00a0]", "", text)
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        raise invalid("to: write a number with its country code, such as +15005550006")
    return digits


def slack_text(text: str) -> str:
    """Slack's mrkdwn with &, < and > escaped (Slack's own rule): no <!channel>, no <@user>, no link with other words. *bold* and bare links still work."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_mentions(mentions: list[str]) -> str:
    """What a node calls on purpose: `channel`, `here`, `everyone`, a member (U…, W…) or a group (S…)."""
    words = []
    for each in mentions:
        if each in ("channel", "here", "everyone"):
            words.append(f"<!{each}>")
        elif re.fullmatch(r"[UW][A-Z0-9]{2,30}", each):
            words.append(f"<@{each}>")
        elif re.fullmatch(r"S[A-Z0-9]{2,30}", each):
            words.append(f"<!subteam^{each}>")
        else:
            raise invalid(f"mentions: {each[:40]!r} is neither channel, here, everyone nor a member's or group's id")
    return " ".join(words)


def slack_blocks(value: Any, path: str = "blocks") -> Any:
    """Blocks with every mrkdwn text escaped and every link checked; the structure is the author's."""
    if isinstance(value, list):
        return [slack_blocks(each, f"{path}/{at}") for at, each in enumerate(value)]
    if not isinstance(value, dict):
        return plain(value) if isinstance(value, str) else value
    cleaned = {name: slack_blocks(inner, f"{path}/{name}") for name, inner in value.items()}
    for name in ("url", "image_url", "thumb_url", "video_url", "title_url", "author_link"):
        if isinstance(value.get(name), str):
            cleaned[name] = link(value[name], f"{path}/{name}")
    if value.get("type") == "mrkdwn" and isinstance(value.get("text"), str):
        cleaned["text"] = slack_text(value["text"])
    if value.get("type") == "plain_text" and isinstance(value.get("text"), str):
        cleaned["text"] = plain(value["text"])
    return cleaned


def discord_text(text: str) -> str:
    """Discord's markdown in which nobody is called and no link has other words than its address."""
    return _AT.sub("@\u200b", plain(text)).replace("](", "]\\(")


def teams_text(text: str) -> str:
    """Text for a card's TextBlock, which reads a little markdown: every mark is escaped."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def card(value: Any, path: str = "card") -> Any:
    """An adaptive card with every link checked, and no link in a text under other words."""
    if isinstance(value, list):
        return [card(each, f"{path}/{at}") for at, each in enumerate(value)]
    if isinstance(value, dict):
        found = {name: card(inner, f"{path}/{name}") for name, inner in value.items()}
        for name in ("url", "iconUrl", "backgroundImage"):
            if isinstance(value.get(name), str):
                found[name] = link(value[name], f"{path}/{name}")
        return found
    if isinstance(value, str):
        return re.sub(r"<(/?)at", r"&lt;\1at", plain(value).replace("](", "]\\("), flags=re.IGNORECASE)
    return value


def link(url: str, field: str) -> str:
    """A link that may be followed. Raises ActionError `invalid_config` for any other scheme than http, https, mailto and tel."""
    if not safe_url(url) or re.search(r"[\x00-\x20\x7f<>\"|]", url.strip()):
        raise invalid(f"{field}: a link begins with https:// or http:// and holds no white space, quotes, < or >")
    if url.strip().lower().startswith("data:"):
        raise invalid(f"{field}: a link begins with https:// or http://")
    return url.strip()


def cut(text: str, most: int) -> str:
    """At most so many characters, with an ellipsis where it was longer."""
    return text if len(text) <= most else text[: most - 1] + "…"
