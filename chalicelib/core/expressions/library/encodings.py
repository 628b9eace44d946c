"""Functions that write values another way: JSON, base64, hexadecimal, addresses, hashes, UUIDs. Text means UTF-8 where bytes are wanted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError
from chalicelib.core.expressions.library.declare import SMALL, Category, kind_of
from chalicelib.core.expressions.values import duration_text, timestamp_text

ENCODINGS = Category("encoding")
HASHES = Category("hashing")
UUIDS = Category("uuid")
_NAMESPACES = {"dns": uuid.NAMESPACE_DNS, "url": uuid.NAMESPACE_URL, "oid": uuid.NAMESPACE_OID, "x500": uuid.NAMESPACE_X500}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z")


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{what} does not hold UTF-8 text") from None


def json_value(value: Any) -> Any:
    """A CEL value in JSON's forms: times and durations as text, bytes in base64."""
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"an object's name must be a string in JSON, not {kind_of(key)}")
        return {key: json_value(value[key]) for key in sorted(value)}
    return value


def _encode_json(value: Any) -> str:
    try:
        return json.dumps(json_value(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(str(error) if "JSON" in str(error) else "NaN and infinity have no form in JSON") from None


def _decode_json(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except MillraceError as error:
        raise ValueError(f"the text is not JSON: {error.detail}") from None


def _decode_base64(text: str, what: str) -> bytes:
    if not _BASE64.match(text):
        raise ValueError(f"the text is not {what}")
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"the text is not {what}") from None


def _decode_base64_text(text: str) -> str:
    return _text(_decode_base64(text, "base64"), "the base64")


def _encode_base64_url(value: str | bytes) -> str:
    return base64.urlsafe_b64encode(_bytes(value)).decode("ascii").rstrip("=")


def _decode_base64_url(text: str) -> str:
    if "+" in text or "/" in text:
        raise ValueError("the text is not base64 for addresses, which has - and _")
    return _text(_decode_base64(text.translate({45: "+", 95: "/"}), "base64 for addresses"), "the base64")


def _decode_hex(text: str) -> bytes:
    if not re.fullmatch(r"([0-9A-Fa-f]{2})*", text):
        raise ValueError("the text is not pairs of hexadecimal digits")
    data = bytes.fromhex(text)
    if b"\0" in data:  # the library would cut it there
        raise ValueError("the bytes hold a zero byte, which a function of an expression cannot hand on; keep them as text")
    return data


def _decode_url(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError("the text has a % that no two hexadecimal digits follow")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("the percent signs do not give UTF-8 text") from None


def _query(values: dict[str, Any]) -> str:
    pairs: list[str] = []
    for name in sorted(values):
        for value in values[name] if isinstance(values[name], list) else [values[name]]:
            if isinstance(value, dict | list):
                raise ValueError(f"the value of '{name}' is {kind_of(value)}, which a query cannot hold")
            if value is not None:
                text = value if isinstance(value, str) else _encode_json(value)
                pairs.append(f"{quote(name, safe='')}={quote(text, safe='')}")
    return "&".join(pairs)


def _escape_html(text: str) -> str:
    return html.escape(text, quote=True).replace("&#x27;", "&#39;")


add = ENCODINGS.add
add("json.encode", "A value as compact JSON, names sorted.", {"dyn -> string": _encode_json}, ("json.encode({'b': [1, 2.5, null], 'a': 'ä'})", '{"a":"ä","b":[1,2.5,null]}'), growth=7)
add("json.decode", "The value of JSON text.", {"string -> dyn": _decode_json}, ("""json.decode('{"a": [1, 2.5]}').a[1]""", 2.5), growth=9)
add("base64.encode", "Text or bytes in base64.", {"string -> string": lambda text: base64.b64encode(text.encode()).decode()}, ("base64.encode('hi')", "aGk="), growth=6)
add("base64.decodeText", "The text that base64 stands for.", {"string -> string": _decode_base64_text}, ("base64.decodeText('aGk=')", "hi"))
add("base64.encodeUrl", "In base64 for addresses: with - and _, without =.", {"text -> string": _encode_base64_url}, ("base64.encodeUrl('a?>')", "YT8-"), growth=6)
add("base64.decodeUrl", "The text that base64 for addresses stands for.", {"string -> string": _decode_base64_url}, ("base64.decodeUrl('YT8-')", "a?>"))
add("hex.encode", "Text or bytes as hexadecimal digits.", {"text -> string": lambda value: _bytes(value).hex()}, ("hex.encode('hi')", "6869"), growth=8)
add("hex.decode", "The bytes of hexadecimal digits.", {"string -> bytes": _decode_hex}, ("string(hex.decode('6869'))", "hi"))
add("url.encode", "Percent-encoded, for a part of an address.", {"string -> string": lambda text: quote(text, safe="")}, ("url.encode('a b/ä')", "a%20b%2F%C3%A4"), growth=12)
add("url.decode", "Percent-encoding undone.", {"string -> string": _decode_url}, ("url.decode('a%20b')", "a b"))
add("url.query", "An object as a query: names sorted, lists repeated, nulls left out.", {"map -> string": _query}, ("url.query({'q': 'a b', 'n': [1, 2]})", "n=1&n=2&q=a%20b"), growth=14)
add("html.escape", "Text that stands as it is in HTML.", {"string -> string": _escape_html}, ("""html.escape('<a href="x">')""", "&lt;a href=&quot;x&quot;&gt;"), growth=6)


def _digest(name: str) -> Any:
    return {"text -> string": lambda value: hashlib.new(name, _bytes(value), usedforsecurity=False).hexdigest()}


def _hmac(key: str | bytes, message: str | bytes) -> bytes:
    return hmac.digest(_bytes(key), _bytes(message), "sha256")


add = HASHES.add
add("hash.md5", "MD5 in hexadecimal digits; for old interfaces only.", _digest("md5"), ("hash.md5('hi')", "49f68a5c8493ec2c0bf489821c21fc3b"), growth=SMALL)
add("hash.sha1", "SHA-1 in hexadecimal digits; for old interfaces only.", _digest("sha1"), ("hash.sha1('hi')", "c22b5f9178342609428d6f51b2c5af4c0bde6a42"), growth=SMALL)
add("hash.sha256", "SHA-256 in hexadecimal digits.", _digest("sha256"), ("hash.sha256('hi')", "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"), growth=SMALL)
add("hash.sha512", "SHA-512 in hexadecimal digits.", _digest("sha512"), growth=SMALL)
add("hash.hmacSha256", "HMAC with SHA-256: key, then message; hexadecimal digits.", {"text, text -> string": lambda key, message: _hmac(key, message).hex()}, ("hash.hmacSha256('key', 'hi').substring(0, 8)", "1c9dc82e"), growth=SMALL)
add("hash.hmacSha256Base64", "The same in base64.", {"text, text -> string": lambda key, message: base64.b64encode(_hmac(key, message)).decode()}, growth=SMALL)


def _uuid5(namespace: str, name: str) -> str:
    if namespace not in _NAMESPACES and not _UUID.match(namespace):
        raise ValueError("a namespace is a UUID, or one of dns, url, oid and x500")
    return str(uuid.uuid5(_NAMESPACES.get(namespace) or uuid.UUID(namespace), name))


UUIDS.note("uuid", "A new UUID (version 4), the same whenever the node is computed again.", "-> string")
UUIDS.add("uuid5", "The UUID (version 5) of a name in a namespace: dns, url, oid, x500 or a UUID; always the same.", {"string, string -> string": _uuid5}, ("uuid5('dns', 'example.com')", "cfbff0d1-9375-5685-968c-48ce8b15ae17"), growth=SMALL)
UUIDS.add("isUuid", "Whether the text is a UUID.", {"string -> bool": lambda text: bool(_UUID.match(text))}, ("isUuid('x')", False), growth=SMALL)
