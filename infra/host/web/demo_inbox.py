"""What the demo's senders have sent: mail, text messages, chat and push messages, newest first. Kept in memory, a few hundred at most, gone with the process."""

from __future__ import annotations

import email
import email.policy
import threading
from collections import deque
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qsl

from aiosmtpd.controller import Controller

from chalicelib.core import jsontext
from chalicelib.core.clock import to_text, utc_now
from chalicelib.core.errors import MillraceError
from chalicelib.core.ids import new_id

KEPT = 300
MAX_MAIL_BYTES = 10 * 1024 * 1024
_TEXT_CHARS = 100_000


class Inbox:
    """Keeps messages. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def add(self, kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Keep one; returns it with its id and time. A repeat of the same idempotency key is the message of before."""
        kept = {"id": new_id("msg"), "at": to_text(utc_now()), "kind": kind, **message}
        with self._lock:
            key = message.get("idempotency_key")
            known = next((each for each in self._messages if key and each.get("idempotency_key") == key and each["kind"] == kind), None)
            if known is not None:
                return known
            self._messages.append(kept)
        return kept

    def newest(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All of a kind, newest first."""
        with self._lock:
            return [each for each in reversed(self._messages) if kind in (None, each["kind"])]

    def find(self, message_id: str) -> dict[str, Any] | None:
        """One message."""
        with self._lock:
            return next((each for each in self._messages if each["id"] == message_id), None)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._messages.clear()


class MailDoor:
    """A mail server on this machine that delivers everything to the inbox and nothing to anybody else."""

    def __init__(self, inbox: Inbox, port: int) -> None:
        self._inbox = inbox
        self._controller = Controller(self, hostname="127.0.0.1", port=port, data_size_limit=MAX_MAIL_BYTES, ready_timeout=10)

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._controller.start()

    def stop(self) -> None:
        """Listen no more."""
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Keep a mail; the server's answer."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = self._inbox.add("mail", mail_fields(message, envelope.mail_from, envelope.rcpt_tos))
        return f"250 2.0.0 {kept['id']} is in the demo inbox"


def mail_fields(message: EmailMessage, sender: str, recipients: list[str]) -> dict[str, Any]:
    """A mail as the inbox shows it: its fields, its texts, and its attachments by name and size."""
    attachments = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        attachments.append({"name": part.get_filename(), "type": part.get_content_type(), "bytes": len(content) if isinstance(content, bytes) else 0})
    return {
        "from": str(message.get("From", sender)),
        "to": recipients,
        "subject": str(message.get("Subject", "")),
        "text": _part(message, "plain"),
        "html": _part(message, "html"),
        "attachments": attachments,
        "headers": {name: str(value) for name, value in message.items()},
        "idempotency_key": str(message.get("Idempotency-Key", "")) or None,
    }


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    try:
        return str(part.get_content())[:_TEXT_CHARS] if part is not None else None
    except (LookupError, UnicodeError):
        return "(in an encoding that cannot be read)"


def posted_fields(kind: str, name: str, content_type: str, text: str, key: str) -> dict[str, Any]:
    """A text, chat or push message that came as an HTTP body, JSON or a form."""
    body: Any = text
    if "json" in content_type:
        try:
            body = jsontext.loads(text or "null")
        except MillraceError:
            body = text
    elif "form-urlencoded" in content_type:
        body = dict(parse_qsl(text, keep_blank_values=True))
    fields = body if isinstance(body, dict) else {}
    said = next((fields[each] for each in ("text", "content", "Body", "message", "summary") if isinstance(fields.get(each), str)), None)
    to = next((fields[each] for each in ("to", "To", "channel") if fields.get(each)), None)
    sender = next((fields[each] for each in ("from", "From", "username") if fields.get(each)), None)
    return {"channel": name if kind == "chat" else None, "from": sender, "to": to, "text": said, "body": body, "idempotency_key": key or None}
