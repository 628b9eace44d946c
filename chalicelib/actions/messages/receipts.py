"""Receipts: what providers say later of messages they took. Verified, read, and matched to the ledger, which they move on and never back.

Twilio signs with the account's auth token (each message has an address of its own); SES and SNS speak through SNS topics, whose messages AWS signs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection

from chalicelib.core import jsontext
from chalicelib.core.egress import guard, parse_url
from chalicelib.core.errors import BadRequest, MillraceError, NotFound, Unauthenticated
from chalicelib.core.http import HttpClient
from chalicelib.credentials import vault
from chalicelib.credentials.vault import Opened
from chalicelib.deliveries import repository, service
from chalicelib.deliveries.links import read_token, url_of
from chalicelib.registry.spec import ActionError

FETCH_SECONDS = 10.0
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?\Z")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_certificates: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says of a message: of all its recipients, or of those named. Without a status it is a note beside what the ledger knows."""

    message_id: str
    status: str
    reason: str = ""
    detail: str = ""
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a receipt's address belongs to: a delivery (Twilio) or a credential (SES, SNS), and the credential that verifies it."""

    delivery: repository.Row | None
    credential: Opened


def addressee(connection: Connection, token: str) -> Addressee:
    """Raises NotFound for a token that is not ours, or whose credential is gone."""
    id = read_token(token)
    missing = NotFound("there is nothing at this path")
    if id is None:
        raise missing
    if id.startswith("dlv_"):
        row = repository.get(connection, id)
        if row is None or not row["credential_id"]:
            raise missing
        workspace_id, credential_id = row["workspace_id"], row["credential_id"]
    else:
        row, credential_id = None, id
        found = repository.workspace_of_credential(connection, id)
        if found is None:
            raise missing
        workspace_id = found
    try:
        return Addressee(row, vault.load(connection, workspace_id, credential_id))
    except (MillraceError, ActionError):
        raise missing from None


def apply(connection: Connection, to: Addressee, receipts: Sequence[Receipt]) -> int:
    """Move the ledger on; returns how many rows moved. A message the ledger does not know, or not of this credential, moves nothing."""
    moved = 0
    for receipt in receipts:
        rows: Sequence[repository.Row]
        if to.delivery is not None:
            known = to.delivery["message_id"]
            rows = [to.delivery] if known in (None, receipt.message_id) else []
        else:
            rows = repository.by_message(connection, ("ses", "sns"), to.credential.id, receipt.message_id)
        moved += service.settle_message(connection, rows, receipt.status, receipt.reason, receipt.detail, receipt.recipients)
    return moved


# -- Twilio --------------------------------------------------------------------------------------------------------------------------


def twilio(to: Addressee, headers: Mapping[str, str], body: bytes) -> list[Receipt]:
    """Verify and read a status callback. Raises Unauthenticated."""
    assert to.delivery is not None
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    signed = (url_of(to.delivery["id"]) or "") + "".join(f"{name}{value}" for name, value in sorted(fields))
    expected = base64.b64encode(hmac.digest(to.credential.data.auth_token.encode(), signed.encode(), hashlib.sha1)).decode()
    if not hmac.compare_digest(expected.encode(), headers.get("x-twilio-signature", "").encode()):
        raise Unauthenticated("the signature does not fit: it is not Twilio's, or the auth token has changed")
    given = dict(fields)
    status, message_id = given.get("MessageStatus", ""), given.get("MessageSid", "")
    if status == "delivered" or status == "read":
        return [Receipt(message_id, "delivered")]
    if status in ("undelivered", "failed"):
        code = given.get("ErrorCode", "")
        return [Receipt(message_id, "failed", f"twilio_{code}" if code.isdigit() else status, f"Twilio says {status} {code}".strip())]
    return []


# -- SNS -----------------------------------------------------------------------------------------------------------------------------


async def sns(to: Addressee, body: bytes) -> list[Receipt]:
    """Verify and read what an SNS topic sends; confirms a subscription. Raises BadRequest and Unauthenticated."""
    message = jsontext.loads(body)
    if not isinstance(message, dict) or message.get("Type") not in _SIGNED:
        raise BadRequest("this is no message of Amazon SNS")
    client = HttpClient(guard())
    try:
        await _verify(message, to.credential, client)
        if message["Type"] == "SubscriptionConfirmation":
            url = _own_url(message.get("SubscribeURL"), to.credential, "SubscribeURL")
            answer = await client.call("GET", url, timeout=FETCH_SECONDS, redirects=0)
            if answer.status != 200:
                raise BadRequest(f"the subscription could not be confirmed: SNS answered {answer.status}")
            return []
    finally:
        await client.close()
    return read_event(message.get("Message")) if message["Type"] == "Notification" else []


def _own_url(url: Any, credential: Opened, field: str) -> str:
    """The URL, when it is SNS's own, or of the endpoint that the credential names. Raises Unauthenticated."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    own = getattr(credential.data, "endpoint_url", None)
    if own and parse_url(own).origin == f"{parts.scheme}://{parts.netloc}":
        return str(url)
    if parts.scheme != "https" or not _SNS_HOST.match(parts.netloc):
        raise Unauthenticated(f"{field} does not lead to Amazon SNS")
    return str(url)


async def _verify(message: Mapping[str, Any], credential: Opened, client: HttpClient) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    url = _own_url(message.get("SigningCertURL"), credential, "SigningCertURL")
    names = [name for name in _SIGNED[message["Type"]] if message.get(name) is not None]
    text = "".join(f"{name}\n{message[name]}\n" for name in names)
    hashed: Any = SHA256() if message.get("SignatureVersion") == "2" else SHA1()  # noqa: S303 - what AWS signs version 1 with
    try:
        key = await _public_key(url, client)
        key.verify(base64.b64decode(str(message.get("Signature"))), text.encode("utf-8", "surrogatepass"), PKCS1v15(), hashed)
    except (InvalidSignature, ValueError):
        raise Unauthenticated("the signature does not fit: it is not Amazon SNS's") from None


async def _public_key(url: str, client: HttpClient) -> Any:
    from cryptography.x509 import load_pem_x509_certificate

    if url not in _certificates:
        try:
            answer = await client.call("GET", url, timeout=FETCH_SECONDS, max_bytes=100_000, redirects=0)
        except MillraceError as error:
            raise Unauthenticated(f"SNS's certificate cannot be fetched: {error.detail}") from None
        if answer.status != 200:
            raise Unauthenticated(f"SNS's certificate cannot be fetched: answer {answer.status}")
        key = load_pem_x509_certificate(answer.body).public_key()
        if len(_certificates) > 100:
            _certificates.clear()
        _certificates[url] = key
    return _certificates[url]


def read_event(text: Any) -> list[Receipt]:
    """The receipts in an event of SES or of SNS's text messages. What tells nothing of a delivery gives none. Pure."""
    try:
        event = jsontext.loads(text) if isinstance(text, str) else None
    except MillraceError:
        event = None  # SNS sends plain text too, such as its own test message
    if not isinstance(event, dict):
        return []
    if isinstance(event.get("mail"), dict):
        return _of_ses(event, str(event["mail"].get("messageId", "")))
    if isinstance(event.get("notification"), dict):
        answer = str(event.get("delivery", {}).get("providerResponse", "")) if isinstance(event.get("delivery"), dict) else ""
        return _of_sms(str(event["notification"].get("messageId", "")), {"SUCCESS": "delivered", "FAILURE": "failed"}.get(str(event.get("status"))), answer)
    if str(event.get("eventType", "")).startswith("TEXT_"):
        final = {"DELIVERED": "delivered", "SUCCESSFUL": "delivered"}.get(str(event.get("messageStatus")), "failed" if event.get("isFinal") else None)
        return _of_sms(str(event.get("messageId", "")), final, str(event.get("messageStatusDescription", "")))
    return []


def _of_sms(message_id: str, status: str | None, said: str) -> list[Receipt]:
    if status is None or not message_id:
        return []
    reason = "" if status == "delivered" else re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")[:60] or "undelivered"
    return [Receipt(message_id, status, reason, said[:200])]


def _of_ses(event: Mapping[str, Any], message_id: str) -> list[Receipt]:
    kind = str(event.get("eventType") or event.get("notificationType"))
    part: Any = event.get(kind[:1].lower() + kind[1:])
    part = part if isinstance(part, dict) else {}
    if kind == "Delivery":
        return [Receipt(message_id, "delivered", recipients=_addresses(part.get("recipients")))]
    if kind == "Bounce":
        reason = "bounced" if part.get("bounceType") == "Permanent" else "bounced_for_now"
        return [Receipt(message_id, "failed", reason, f"{part.get('bounceType')} {part.get('bounceSubType')}", _addresses(part.get("bouncedRecipients")))]
    if kind == "Complaint":  # it arrived, and was not wanted
        recipients = _addresses(part.get("complainedRecipients"))
        return [Receipt(message_id, "delivered", recipients=recipients), Receipt(message_id, "failed", "complaint", str(part.get("complaintFeedbackType") or ""), recipients)]
    if kind in ("Reject", "Rendering Failure"):
        return [Receipt(message_id, "failed", "rejected", str(part.get("reason") or part.get("errorMessage") or "")[:200])]
    return []


def _addresses(value: Any) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else []
    return tuple(str(each.get("emailAddress", "")) if isinstance(each, dict) else str(each) for each in entries)
