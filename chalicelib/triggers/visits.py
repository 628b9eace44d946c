"""One request at a trigger's door, from its bytes to what is to be started. Everything that can be refused without writing is refused here."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from chalicelib.core.clock import utc_now
from chalicelib.core.errors import BadRequest, MethodNotAllowed, Unauthenticated, ValidationFailed
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps, is_clean
from chalicelib.engine.starts import StartRow
from chalicelib.triggers.bodies import parse_body
from chalicelib.triggers.doors import Door
from chalicelib.triggers.limits import Standing
from chalicelib.triggers.refusals import CannotCheck, refusal
from chalicelib.triggers.secrets import SECRET_FIELDS, needs_secret
from chalicelib.triggers.signatures import check_signature, same_text, stored_headers

MAX_KEY_LENGTH = 255
SIGNED = frozenset({"hmac", "standard_webhooks", "github", "stripe", "slack", "shopify"})

# Raises Unauthenticated or Forbidden unless the key (None: none was sent) may start workflows of the workspace.
Authorize = Callable[[str | None, str], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request at a door: header names in lower case, the body as it came."""

    path: str
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """What authentication found out: what stands for a signed message that must not come twice, and the claims of a token."""

    digest: str | None = None
    claims: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Visit:
    """A delivery at a door, and what is known of it by and by. `admitted`: its caller is allowed; `raw`: its body, parsed."""

    delivery: Delivery
    door: Door | None = None
    admitted: bool = False
    proof: Proof = field(default_factory=Proof)
    standing: Standing | None = None
    raw: Any = None


def check_method(door: Door, delivery: Delivery) -> None:
    """Raises MethodNotAllowed with the methods that are."""
    methods = door.config["methods"]
    if delivery.method not in methods:
        error = MethodNotAllowed(f"this trigger takes {', '.join(methods)}, not {delivery.method}")
        error.headers["Allow"] = ", ".join(methods)
        raise error


def check_caller(door: Door, delivery: Delivery, authorize: Authorize) -> Proof:
    """Raises Unauthenticated or Forbidden for a caller that the trigger's `auth` does not let in, CannotCheck when that cannot be told."""
    auth, kind = door.config["auth"], door.config["auth"]["type"]
    if door.problem is not None:
        raise CannotCheck(door.problem)
    if needs_secret(auth):
        raise Unauthenticated("this trigger has no secret yet, so nobody can be let in; set it")
    if kind == "open":
        return Proof()
    if kind in SIGNED:
        return Proof(digest=check_signature(auth, delivery.headers, delivery.body, time.time()))
    if kind == "api_key":
        _check_key(auth, delivery, authorize, door.row["workspace_id"])
        return Proof()
    if kind == "basic":
        _check_basic(auth, delivery.headers)
        return Proof()
    if kind == "jwt":
        from chalicelib.triggers.tokens import check_token

        return Proof(claims=check_token(auth, _bearer(delivery.headers)))
    raise Unauthenticated("this trigger asks for a kind of authentication that is not known here")  # unknown means no


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_key(auth: Mapping[str, Any], delivery: Delivery, authorize: Authorize, workspace_id: str) -> None:
    header = auth.get("header") or "x-api-key"
    offered = delivery.headers.get(header, "").strip()
    own = [auth[name] for name in SECRET_FIELDS if auth.get(name)]
    if not own:
        authorize(_bearer(delivery.headers) or offered or None, workspace_id)
        return
    if header == "authorization":
        offered = _bearer(delivery.headers) or offered
    if True not in [same_text(offered, key) for key in own]:
        raise Unauthenticated(f"send this trigger's key in the header {header}")


def _check_basic(auth: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    try:
        text = base64.b64decode(token.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        text = ""
    name, _, password = text.partition(":")
    known = same_text(name, auth["username"])
    fits = [same_text(password, auth[field]) for field in SECRET_FIELDS if auth.get(field)]
    if not (known and True in fits):
        error = Unauthenticated("send this trigger's user name and password (HTTP Basic)")
        error.headers["WWW-Authenticate"] = 'Basic realm="millrace", charset="UTF-8"'
        raise error


def context_of(door: Door, delivery: Delivery, proof: Proof) -> dict[str, Any]:
    """What expressions see as `trigger`. Raises BadRequest for a query that is no text."""
    query = {name: values[0] if len(values) == 1 else list(values) for name, values in delivery.query.items()}
    if not all(is_clean(text) for name, values in delivery.query.items() for text in (name, *values)):
        raise BadRequest("the query holds characters that are not text")
    context = {
        "type": "api",
        "id": door.row["id"],
        "method": delivery.method,
        "path": delivery.path,
        "headers": stored_headers(delivery.headers, door.config["auth"]),
        "query": query,
    }
    return context if proof.claims is None else {**context, "claims": dict(proof.claims)}


def wish_of(visit: Visit, door: Door) -> StartRow:
    """What an admitted delivery is to start. Raises Conflict (disabled, not published) and what `parse_body` and the mapping say."""
    delivery, proof = visit.delivery, visit.proof
    if door.closed:
        raise refusal(door.closed)
    raw = visit.raw = parse_body(delivery.headers, delivery.body)
    context = context_of(door, delivery, proof)
    execution_id = new_id("exe")
    key = start_key(door, delivery, raw, context, execution_id)
    if key is None and proof.digest is not None:
        key = "s:" + proof.digest  # the very same signed message again is one that was caught and sent once more
    return StartRow(
        workspace_id=door.row["workspace_id"],
        workflow_id=door.row["workflow_id"],
        input=_input(door, raw, context, execution_id),
        trigger=context,
        trigger_id=door.row["id"],
        trigger_revision=door.row["revision"],
        definition_id=door.row["definition_id"],
        version=door.row["version"],
        key=key,
        body_hash=fingerprint(delivery) if key is not None else "",
        execution_id=execution_id,
        delivery=log_line(delivery, context if kept_apart(door) else None, new_id("dlv")),
    )


def _input(door: Door, raw: Any, context: Mapping[str, Any], seed: str) -> Any:
    """What the trigger's mapping makes of the body, checked. Where there is nothing to map or to check, the libraries that would do it are not loaded."""
    if door.row["input"] is None and door.input_schema is None:
        return raw
    from chalicelib.triggers.mapping import prepare_input

    return prepare_input(door.row, raw, context, door.input_schema, seed=seed)


def kept_apart(door: Door) -> bool:
    """Whether an execution's input is not what came in, so that the log keeps the request itself."""
    return door.row["input"] is not None or door.config.get("debounce") is not None


def log_line(delivery: Delivery, context: Mapping[str, Any] | None, delivery_id: str) -> dict[str, Any]:
    """A line of the deliveries log. The request is kept when the execution does not hold it: with a `context`, whose headers are fit to be stored."""
    line = {"id": delivery_id, "method": delivery.method, "body_bytes": len(delivery.body)}
    if context is None:
        return line
    return line | {"request": request_text(delivery, context)}


def request_text(delivery: Delivery, context: Mapping[str, Any]) -> str:
    """A request as the log keeps it: without what authenticates its sender."""
    kept = {name: context.get(name) for name in ("method", "path", "headers", "query", "claims")}
    return dumps({**kept, "base64": base64.b64encode(delivery.body).decode("ascii")})


def start_key(door: Door, delivery: Delivery, raw: Any, context: Mapping[str, Any], seed: str) -> str | None:
    """What makes two deliveries one; None when nothing does. Keys of different kinds never meet."""
    for prefix, header in (("i:", "idempotency-key"), ("w:", "webhook-id")):
        sent = delivery.headers.get(header, "").strip()
        if len(sent) > MAX_KEY_LENGTH or not is_clean(sent):
            message = f"{header} may have at most {MAX_KEY_LENGTH} characters"
            raise ValidationFailed([{"path": f"/headers/{header}", "code": "invalid_key", "message": message}])
        if sent:
            return prefix + sent
    source = door.config.get("dedupe_key")
    if source is None:
        return None
    text = evaluated_key(source, raw, context, seed)
    return "k:" + text if text else None


def evaluated_key(source: str, raw: Any, context: Mapping[str, Any], seed: str) -> str:
    """The value of a key's expression as text of bounded length; empty for null."""
    from chalicelib.core.expressions import Scope  # loads CEL, which a trigger without expressions does not need

    value = Scope({"input": raw, "trigger": context}, now=utc_now(), seed=seed).evaluate(source)
    text = value if isinstance(value, str) else "" if value is None else dumps(value)
    if len(text) > MAX_KEY_LENGTH or not is_clean(text):
        text = "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return text


def fingerprint(delivery: Delivery) -> str:
    """What a second delivery with the same key must repeat. A request without a body is told by its query, apart from `wait`."""
    rest = ""
    if not delivery.body:
        rest = urlencode(sorted((name, values) for name, values in delivery.query.items() if name != "wait"), doseq=True)
    return hashlib.sha256(f"{delivery.method}\n{rest}\n".encode() + delivery.body).hexdigest()
