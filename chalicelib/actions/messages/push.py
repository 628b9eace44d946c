"""What push messages have in common: the recipients' forms, and the message's fields within each service's limits. Pure."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.text import cut, link, plain

MAX_PAYLOAD_BYTES = 3_900  # of 4096 bytes, everywhere


def recipient_key(to: Any) -> str:
    """A recipient as one text: a device's token, or a browser's subscription as JSON with its fields in order. Raises ActionError `invalid_config`."""
    if isinstance(to, str):
        return to
    keys = to.get("keys")
    if not isinstance(to.get("endpoint"), str) or not isinstance(keys, dict) or not all(isinstance(keys.get(name), str) for name in ("p256dh", "auth")):
        raise invalid("to: a browser's subscription has endpoint and keys {p256dh, auth}, as PushSubscription.toJSON() gives them")
    link(to["endpoint"], "to/endpoint")
    return json.dumps({"endpoint": to["endpoint"], "keys": {name: keys[name] for name in ("auth", "p256dh")}}, sort_keys=True)


def subscription_of(recipient: str) -> dict[str, Any]:
    """The subscription in a recipient's text. Raises ActionError `invalid_config` for a token."""
    try:
        found = json.loads(recipient)
        return {"endpoint": found["endpoint"], "keys": found["keys"]}
    except (ValueError, KeyError, TypeError):
        raise invalid("to: Web Push sends to subscriptions ({endpoint, keys}), not to tokens") from None


def token_of(recipient: str) -> str:
    """A device's token. Raises ActionError `invalid_config`."""
    if not recipient or len(recipient) > 4_096 or not recipient.isascii() or not recipient.isprintable() or recipient.startswith("{") or " " in recipient:
        raise invalid("to: this service sends to device tokens")
    return recipient


def texts(config: Any) -> dict[str, str]:
    """Title, body and link, plain."""
    found = {"title": cut(plain(config.title), 500), "body": cut(plain(config.body), 2_000)}
    return {**found, **({"url": link(config.url, "url")} if config.url else {}), **({"image": link(config.image, "image")} if config.image else {})}


def within(payload: Any) -> bytes:
    """The payload's bytes. Raises ActionError `invalid_config` when no service would carry them."""
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(data) > MAX_PAYLOAD_BYTES:
        raise invalid(f"the message has {len(data)} bytes; push services carry at most {MAX_PAYLOAD_BYTES}")
    return data
