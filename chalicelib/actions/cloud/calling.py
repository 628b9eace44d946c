"""One call of an AWS API by a node: with the credential it names, through the guard, and with AWS's errors as nodes know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core import jsontext
from chalicelib.core.egress import EgressDenied, InvalidUrl
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import CallFailed, http_client
from chalicelib.credentials.aws_calls import call_aws
from chalicelib.credentials.vault import borrow
from chalicelib.registry.references import credential_field
from chalicelib.registry.spec import ActionError, Config, NodeContext

_LATER = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "ProvisionedThroughput", "LimitExceeded")
MAX_WORDS = 500


class AwsConfig(Config):
    """Whose key is used. Its `region` and, where set, its `endpoint_url` say where the API is."""

    credential: str = credential_field("aws")


async def call(ctx: NodeContext, config: AwsConfig, service: str, operation: str, parameters: Mapping[str, Any], **options: Any) -> Any:
    """The answer. Raises ActionError: aws_error (classes rate_limited and http.5xx), aws_not_allowed, not_found, invalid_config, and those of the vault and of
    connections."""
    from botocore.exceptions import BotoCoreError, ClientError

    opened = await borrow(ctx, config.credential, ("aws",))
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    try:
        client = ctx.clients.get("http") or http_client()
        return await call_aws(ctx, opened, client, service, operation, given, timeout=ctx.timeout_seconds, **options)
    except ClientError as error:
        raise of_client_error(error, service, operation) from None
    except CallFailed as error:
        raise ActionError(error.code, error.detail, error_class=error.error_class) from None
    except (EgressDenied, InvalidUrl) as error:
        raise ActionError(error.code, error.detail) from None
    except BotoCoreError as error:
        raise ActionError("invalid_config", f"{service}: {str(error)[:MAX_WORDS]}") from None


def of_client_error(error: Any, service: str, operation: str) -> ActionError:
    """What an error answer of AWS means."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", ""))[:MAX_WORDS]
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = f"{service} {operation}: {code}" + (f": {said}" if said and said != code else "")
    if status == 429 or any(code.startswith(word) for word in _LATER):
        return ActionError("aws_error", message, error_class="rate_limited")
    if status >= 500:
        return ActionError("aws_error", message, error_class=f"http.{status}")
    if status in (401, 403):
        return ActionError("aws_not_allowed", message)
    return ActionError("not_found" if status == 404 or "NotFound" in code or code.startswith("NoSuch") else "aws_error", message)


def text_of(value: Any, field: str) -> str:
    """A value as a message's text: strings as they are, everything else as JSON."""
    try:
        return value if isinstance(value, str) else jsontext.dumps(value)
    except (ValueError, MillraceError):
        raise ActionError("invalid_config", f"{field} holds a number that is not finite") from None


def attributes(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Message attributes of SQS and SNS, the node's Idempotency-Key among them."""
    found: dict[str, Any] = {}
    for name, value in {"Idempotency-Key": key, **given}.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        found[name] = {"DataType": "Number" if number else "String", "StringValue": text_of(value, f"attributes/{name}")}
    return found
