"""Web Push: the message encrypted for one browser (RFC 8291, RFC 8188) and signed for by the site (VAPID, RFC 8292)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.http_api import of_status, post, text_of
from chalicelib.actions.messages.provider import Answer, Job, Taken, one_by_one
from chalicelib.actions.messages.push import subscription_of, texts, within
from chalicelib.core.jwt import b64url, from_b64url, point_of, public_point, sign_es256, vapid_key

RECORD_SIZE = 4096
VAPID_SECONDS = 12 * 3600


class WebPushProvider:
    """push.send to browsers."""

    name, channel, types = "web_push", "push", ("web_push",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message to each subscription."""
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        config, subscription = job.config, subscription_of(recipient)
        payload = within({**texts(config), "data": config.data, "tag": config.collapse_key or job.key_for(recipient)[-32:]})
        endpoint = subscription["endpoint"]
        signed = vapid(job.credential.data, endpoint)
        job.ctx.secrets.add([signed.partition(" t=")[2].partition(",")[0]])
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(config.ttl_seconds),
            "Urgency": "high" if config.priority == "high" else "normal",
            # Of two messages with one topic that still wait, the service keeps the later: an attempt that comes twice is shown once.
            "Topic": b64url(bytes.fromhex(job.key_for(config.collapse_key or recipient)[-16:])),
            "Authorization": signed,
        }
        body = encrypt(payload, subscription["keys"])
        response = await post(job, endpoint, body=body, headers=headers, secret=("authorization",))
        if response.status in (200, 201, 202):
            return Taken(response.header("location"))
        reason = "unregistered" if response.status in (404, 410) else None
        return of_status(response, "the push service", text_of(response), reason=reason)


def vapid(data: Any, endpoint: str) -> str:
    """The Authorization header: who sends, signed for this push service."""
    key = vapid_key(data.private_key)
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + VAPID_SECONDS, "sub": data.subject}
    return f"vapid t={sign_es256(key, {}, claims)}, k={public_point(key)}"


def encrypt(payload: bytes, keys: Mapping[str, str], salt: bytes | None = None, private: Any = None) -> bytes:
    """The body: header block and one record. `salt` and `private` are for tests with known answers. Raises ActionError for keys that are none."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        secret, theirs = from_b64url(keys["auth"]), from_b64url(keys["p256dh"])
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
        if len(secret) != 16:
            raise ValueError("auth")
    except ValueError:
        raise invalid("to: the subscription's keys cannot be read") from None
    mine = private or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    point = point_of(mine.public_key())
    shared = _derive(mine.exchange(ec.ECDH(), public), secret, b"WebPush: info\0" + theirs + point, 32)
    key = _derive(shared, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(shared, salt, b"Content-Encoding: nonce\0", 12)
    record = AESGCM(key).encrypt(nonce, payload + b"\x02", None)
    return salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(point)]) + point + record


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt, info).derive(secret)
