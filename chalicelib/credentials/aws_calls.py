"""A call of an AWS API with a credential that was lent: to hosts it is bound to, and watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core import aws
from chalicelib.core.egress import Target
from chalicelib.core.http import HttpClient
from chalicelib.credentials.vault import Opened
from chalicelib.credentials.watched import watched
from chalicelib.registry.spec import NodeContext


async def call_aws(
    ctx: NodeContext, opened: Opened, client: HttpClient, service: str, operation: str, parameters: Mapping[str, Any], *, timeout: float, **options: Any
) -> Any:
    """One call, sent once, with the node's Idempotency-Key. Raises as core.aws.call does, and ActionError (credential_host_denied, circuit_open)."""
    from botocore.exceptions import ClientError

    with watched(ctx, opened.id) as watch:

        def check(target: Target) -> None:
            opened.check_host(target.host, target.port)
            watch.to(f"{target.host}:{target.port}")

        headers = {"Idempotency-Key": ctx.idempotency_key}
        try:
            found = await aws.call(client, opened.data.model_dump(), service, operation, parameters, headers=headers, timeout=timeout, check=check, **options)
        except ClientError as error:
            watch.answered(int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)))
            raise
        watch.answered()
        return found
