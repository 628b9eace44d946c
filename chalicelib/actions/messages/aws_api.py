"""Messages by AWS: a job's credential as boto3 wants it, and what AWS's errors mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.http_api import of_failure, words
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Problem, Taken
from chalicelib.core.egress import EgressDenied, InvalidUrl
from chalicelib.core.http import CallFailed
from chalicelib.credentials.aws_calls import call_aws

_LATER = frozenset(
    ("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "LimitExceededException", "RequestThrottled", "Throttled", "SlowDown")
)
_NOT_ALLOWED = frozenset(("AccessDenied", "AccessDeniedException", "AuthorizationError", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "ExpiredToken"))


async def call(job: Job, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
    """One call with the job's credential. Raises NotTaken."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return await call_aws(job.ctx, job.credential, job.client, service, operation, parameters, timeout=job.seconds)
    except ClientError as error:
        raise NotTaken(of_client_error(error)) from None
    except (CallFailed, EgressDenied, InvalidUrl) as error:
        raise NotTaken(of_failure(error)) from None
    except BotoCoreError as error:
        raise NotTaken(Problem("invalid_config", f"AWS cannot be asked this: {words(str(error))}", "invalid_config")) from None


def taken(found: Mapping[str, Any]) -> Answer:
    """What an answer with a message's id means; one without may mean anything."""
    if found.get("MessageId"):
        return Taken(str(found["MessageId"]))
    return Problem("provider_error", "AWS answered without a message's id", "invalid_response", unsure=True)


def of_client_error(error: Any) -> Problem:
    """What an error answer of AWS means."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = str(error.response.get("Error", {}).get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = f"AWS refuses this ({code}): {words(said)}"
    if code in _LATER or status == 429:
        return Problem("rate_limited", message, "rate_limited", "rate_limited")
    if code in _NOT_ALLOWED or status in (401, 403):
        return Problem("provider_error", message, "unauthorized")
    return Problem("provider_error", message, code or f"http_{status}", f"http.{status}" if status >= 500 else None, unsure=status in (502, 504))
