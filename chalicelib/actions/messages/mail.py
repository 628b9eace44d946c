"""A mail as bytes: headers that cannot be broken out of, text and HTML, attachments. Pure; the same node run always gives the same mail."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Annotated, Any

from pydantic import Field

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.html_filter import clean_html, safe_url, text_of_html
from chalicelib.registry.spec import Config

MAX_MAIL_BYTES = 20_000_000
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,100}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}\Z")
_HEADER = re.compile(r"(?:X-[A-Za-z0-9-]{1,60}|List-[A-Za-z-]{1,40}|Auto-Submitted|Importance|Priority|Precedence|References|In-Reply-To|Feedback-ID)\Z", re.IGNORECASE)


class Attachment(Config):
    """A file: `content` is text, or base64 with `encoding: base64`."""

    filename: str = Field(min_length=1, max_length=255, description="Its name.")
    content: str = Field(description="Text, or base64.")
    encoding: str = Field(default="text", pattern=r"^(text|base64)$", description="`text` or `base64`.")
    content_type: str = Field(default="", max_length=200, description="Such as application/pdf; without it text/plain, or application/octet-stream for base64.")
    inline_id: str = Field(default="", max_length=100, pattern=r"^[A-Za-z0-9._-]*$", description="Shown within the HTML as cid:<id>.")


class MailItem(Config):
    """An entry of a list: an order's line, one of many events."""

    title: str = Field(min_length=1, max_length=500, description="Its name.")
    text: str = Field(default="", max_length=5_000, description="A line below it.")
    url: str = Field(default="", max_length=2_000, description="Where its name leads: http or https.")


class MailTemplate(Config):
    """A mail laid out from parts, from a short notice to a receipt or a digest: every field is text, and parts that are left out are not shown."""

    brand: str = Field(default="", max_length=200, description="Who it is from, above everything.")
    logo_url: str = Field(default="", max_length=2_000, description="A picture in the brand's place, with its name as words: http or https.")
    colour: str = Field(default="#1f5fbf", pattern=r"^#[0-9a-fA-F]{6}$", description="The button's and links' colour.")
    heading: str = Field(default="", max_length=500, description="The heading.")
    lines: list[Annotated[str, Field(max_length=10_000)]] = Field(default_factory=list, max_length=200, description="Paragraphs.")
    facts: dict[str, str] = Field(default_factory=dict, max_length=100, description="Names and values, in two columns.")
    items: list[MailItem] = Field(default_factory=list, max_length=200, description="A list, such as an order's lines or a digest's events.")
    button_label: str = Field(default="", max_length=200, description="The button's words.")
    button_url: str = Field(default="", max_length=2_000, description="Where the button leads: http or https.")
    footer: str = Field(default="", max_length=1_000, description="Small print.")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who it is from and who gets it, as bare addresses, and the bytes."""

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    body: bytes


def address(text: str, field: str) -> Address:
    """One address, with or without a name. Raises ActionError `invalid_config`, which does not repeat it."""
    if _CONTROL.search(text):
        raise invalid(f"{field}: an address may not hold line breaks or other control characters")
    bare = text.strip()
    name, found = ("", bare) if "<" not in bare else parseaddr(bare, strict=True)
    local, at, domain = found.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if domain and not domain.isascii() else domain
    except UnicodeError:
        domain = ""
    if not at or not _LOCAL.match(local) or not _DOMAIN.match(domain) or len(local) > 64 or len(found) > 254:
        raise invalid(f"{field}: write one address as name@example.com or Name <name@example.com>; several go in a list")
    return Address(one_line(name), local, domain)


def one_line(text: str) -> str:
    """A header's text: line breaks and control characters become spaces, so that it cannot become two."""
    return " ".join(_CONTROL.sub(" ", text).split())


def bare(found: Address) -> str:
    """name@example.com."""
    return f"{found.username}@{found.domain}"


def message_id(key: str, domain: str) -> str:
    """The same for every attempt of a node run, so that a mail that arrives twice is seen to be one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def build(config: Any, sender: str | None, key: str, now: datetime) -> Envelope:
    """The mail of an email.send config. Raises ActionError `invalid_config`."""
    given = config.sender or sender
    if not given:
        raise invalid("from: say who the mail is from, here or in the mail server's credential")
    origin = address(given, "from")
    fields = {name: [address(each, name) for each in getattr(config, name)] for name in ("to", "cc", "bcc", "reply_to")}
    message = EmailMessage(policy=SMTP)
    message["From"] = origin
    for header, name in (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to")):
        if fields[name]:
            message[header] = fields[name]
    if not fields["to"] and not fields["cc"]:
        message["To"] = "undisclosed-recipients:;"
    message["Subject"] = one_line(config.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(key, origin.domain)
    message["Idempotency-Key"] = key
    _own_headers(message, config.headers)
    _content(message, config)
    body = message.as_bytes()
    if len(body) > MAX_MAIL_BYTES:
        raise invalid(f"the mail has {len(body)} bytes; the most is {MAX_MAIL_BYTES}")
    everyone = (*fields["to"], *fields["cc"], *fields["bcc"])
    return Envelope(bare(origin), tuple(dict.fromkeys(bare(each) for each in everyone)), str(message["Message-ID"]), body)


def recipients(config: Any) -> list[str]:
    """The bare addresses that a config sends to, each once. Raises ActionError `invalid_config`."""
    return list(dict.fromkeys(bare(address(each, name)) for name in ("to", "cc", "bcc") for each in getattr(config, name)))


def _own_headers(message: EmailMessage, headers: dict[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER.match(name):
            raise invalid(f"headers: {name[:60]!r} cannot be set; there are X-…, List-…, Auto-Submitted, Importance, Precedence, References and In-Reply-To")
        if name in message:
            raise invalid(f"headers: {name!r} is given twice")
        message[name] = one_line(value)


def _content(message: EmailMessage, config: Any) -> None:
    text, source = config.text, config.html
    if config.template is not None:
        text, source = text or template_text(config.template), template_html(config.template)
    if source:
        source = clean_html(source)
    if not text and not source:
        raise invalid("the mail has no content; give text, html or template")
    message.set_content(_storable(text or text_of_html(source)))
    if source:
        message.add_alternative(_storable(source), subtype="html")
    for each in config.attachments:
        _attach(message, each, within_html=bool(source))


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _attach(message: EmailMessage, file: Attachment, *, within_html: bool) -> None:
    media_type = (file.content_type.strip().lower() or ("text/plain" if file.encoding == "text" else "application/octet-stream")).partition(";")[0].strip()
    if not _MEDIA_TYPE.match(media_type) or media_type.startswith(("multipart/", "message/")):
        raise invalid("attachments: a content type is written as application/pdf")
    try:
        data = base64.b64decode(file.content, validate=True) if file.encoding == "base64" else file.content.encode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise invalid(f"attachments: the content of {one_line(file.filename)[:60]!r} is not base64") from None
    kind, _, subtype = media_type.partition("/")
    name = one_line(file.filename).replace("/", "_").replace("\\", "_")
    if file.inline_id and within_html:
        alternatives: Any = message.get_payload()
        if message.get_content_type() == "multipart/mixed":
            alternatives = alternatives[0].get_payload()
        page: Any = alternatives[-1]
        page.add_related(data, kind, subtype, cid=f"<{file.inline_id}>", filename=name, disposition="inline")
        return
    charset: dict[str, Any] = {"params": {"charset": "utf-8"}} if kind == "text" else {}
    message.add_attachment(data, kind, subtype, filename=name, **charset)


def template_text(template: MailTemplate) -> str:
    """The notice as text."""
    button = f"{template.button_label or 'Open'}: {template.button_url}" if template.button_url and safe_url(template.button_url) else ""
    facts = "\n".join(f"{name}: {value}" for name, value in template.facts.items())
    items = ("\n".join(part for part in (f"* {each.title}", each.text, each.url if safe_url(each.url) else "") if part) for each in template.items)
    return "\n\n".join(part for part in (template.brand, template.heading, *template.lines, facts, *items, button, template.footer) if part)


def template_html(template: MailTemplate) -> str:
    """The notice as HTML that mail programs show alike. Every value is escaped."""
    e = html.escape
    parts = [_brand(template)] if template.brand or template.logo_url else []
    parts += [f'<h1 style="font-size:20px;margin:0 0 16px">{e(template.heading)}</h1>'] if template.heading else []
    parts += [f'<p style="margin:0 0 12px">{e(line)}</p>' for line in template.lines]
    if template.facts:
        cell = "padding:6px 12px 6px 0;border-bottom:1px solid #e4e7ec;vertical-align:top"
        rows = (f'<tr><td style="{cell};color:#667085">{e(name)}</td><td style="{cell}">{e(value)}</td></tr>' for name, value in template.facts.items())
        parts.append(f'<table role="presentation" style="border-collapse:collapse;margin:0 0 16px">{"".join(rows)}</table>')
    parts += [_item(each, template.colour) for each in template.items]
    if template.button_url and safe_url(template.button_url):
        style = f"display:inline-block;padding:10px 18px;background:{template.colour};color:#ffffff;text-decoration:none;border-radius:6px"
        parts.append(f'<p style="margin:20px 0"><a href="{e(template.button_url)}" style="{style}">{e(template.button_label or "Open")}</a></p>')
    if template.footer:
        parts.append(f'<p style="margin:24px 0 0;font-size:12px;color:#667085">{e(template.footer)}</p>')
    frame = "font-family:-apple-system,Segoe UI,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;color:#101828;max-width:560px;margin:0 auto;padding:24px"
    return f'<!doctype html><html><head><meta charset="utf-8"></head><body><div style="{frame}">{"".join(parts)}</div></body></html>'


def _brand(template: MailTemplate) -> str:
    name = html.escape(template.brand)
    if template.logo_url and safe_url(template.logo_url):
        return f'<p style="margin:0 0 20px"><img src="{html.escape(template.logo_url)}" alt="{name}" style="max-height:40px"></p>'
    return f'<p style="margin:0 0 20px;font-weight:600">{name}</p>' if name else ""


def _item(item: MailItem, colour: str) -> str:
    title, text = html.escape(item.title), html.escape(item.text)
    if item.url and safe_url(item.url):
        title = f'<a href="{html.escape(item.url)}" style="color:{colour}">{title}</a>'
    return f'<p style="margin:0 0 12px"><strong>{title}</strong>{f"<br>{text}" if text else ""}</p>'
