"""aws: requests signed with AWS Signature Version 4, by botocore's own signer."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from chalicelib.core.http import HttpClient
from chalicelib.credentials.spec import CredentialData, CredentialSpec, HttpUrl, Line, Outgoing, Secret, Tested


class AwsData(CredentialData):
    """An access key."""

    access_key_id: Line = Field(description="AKIA… or ASIA…")
    secret_access_key: Secret = Field(description="The secret key.")
    session_token: Secret | None = Field(default=None, description="For temporary keys.")
    region: Line = Field(description="Such as eu-central-1.")
    service: Line = Field(default="execute-api", description="The service's signing name: execute-api, s3, lambda, sqs, …")
    endpoint_url: HttpUrl | None = Field(default=None, description="Where AWS's APIs are reached, when not at AWS: LocalStack, or a VPC endpoint.")
    sts_url: HttpUrl | None = Field(default=None, description="Where the test asks who the key belongs to (default: STS of the region).")


def apply(request: Outgoing, data: AwsData, token: str | None = None) -> None:
    """Adds Authorization, X-Amz-Date and, where they belong, the session token and the body's hash."""
    sign(request, data, data.service)


def sign(request: Outgoing, data: AwsData, service: str) -> None:
    """Sign method, URL, host, date, content type and body for one service."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    logging.getLogger("botocore.auth").setLevel(logging.WARNING)  # at DEBUG it tells all that it signs, the session token too
    # Only what no hop changes is signed; an answer that repeats the signature repeats no key.
    signed = {name: value for name, value in request.headers.items() if name.lower() in ("content-type", "x-amz-target")}
    made = AWSRequest(method=request.method, url=request.url, headers=signed, data=request.body or b"")
    made.context["payload_signing_enabled"] = True
    signer: Any = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(data.access_key_id, data.secret_access_key, data.session_token), service, data.region).add_auth(made)
    for name, value in made.headers.items():
        if name.lower() not in signed:
            request.set_header(name, value)
    request.headers.pop("Host", None)


async def test(data: AwsData, client: HttpClient) -> Tested:
    """Asks STS who the key belongs to."""
    domain = "amazonaws.com.cn" if data.region.startswith("cn-") else "amazonaws.com"
    url = data.sts_url or data.endpoint_url or f"https://sts.{data.region}.{domain}/"
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    request = Outgoing("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, body)
    sign(request, data, "sts")
    answer = await client.call(request.method, request.url, headers=request.headers, body=body, timeout=15.0, secret_headers=request.secret_headers)
    if answer.status == 200:
        return Tested("ok", f"{urlsplit(url).hostname} accepts the key")
    return Tested("failed", f"{urlsplit(url).hostname} answered {answer.status}; check the key, its secret and the region")


SPEC = CredentialSpec(
    type="aws",
    title="AWS access key",
    description="Requests to AWS APIs, signed with Signature Version 4.",
    icon="brand-aws",
    model=AwsData,
    apply=apply,
    test=test,
    destinations=("sts_url",),
    example={"access_key_id": "AKIAEXAMPLE", "secret_access_key": "the-secret", "region": "eu-central-1", "service": "s3"},
)
