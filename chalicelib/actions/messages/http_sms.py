"""Any SMS gateway with an HTTP API: a request for each recipient, whose fields the node names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.http_api import of_status, parsed, post, text_of
from chalicelib.actions.messages.provider import Answer, Job, Taken, one_by_one
from chalicelib.actions.messages.text import plain
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.definitions.readings import value_at
from chalicelib.registry.spec import ActionError, Config


class HttpGateway(Config):
    """How the gateway wants its requests."""

    url: str = Field(min_length=1, max_length=2_000, description="Where messages are posted.")
    format: Literal["json", "form"] = Field(default="json", description="How the fields are written.")
    to_field: str = Field(default="to", min_length=1, max_length=100, description="The field for the number.")
    text_field: str = Field(default="text", min_length=1, max_length=100, description="The field for the text.")
    from_field: str = Field(default="from", min_length=1, max_length=100, description="The field for the sender.")
    fields: dict[str, Any] = Field(default_factory=dict, max_length=50, description="Further fields.")
    id_pointer: str = Field(default="/id", max_length=200, pattern=r"^/", description="Where in the answer the message's id stands (JSON Pointer).")


class HttpSmsProvider:
    """sms.send by a gateway of one's own."""

    name, channel, types = "http", "sms", ("http",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A request for each recipient, with an Idempotency-Key of its own."""
        if job.config.http is None:
            raise invalid("http: say how the gateway is called; a credential of this type is for one's own HTTP gateway")
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        gateway = job.config.http
        try:
            parse_url(gateway.url)
        except (EgressDenied, InvalidUrl) as error:
            raise ActionError(error.code, f"http/url: {error.detail}") from None
        fields = {**gateway.fields, gateway.to_field: recipient, gateway.text_field: plain(job.config.text)}
        if job.config.sender:
            fields[gateway.from_field] = job.config.sender
        as_json, as_form = (fields, None) if gateway.format == "json" else (None, fields)
        response = await post(job, gateway.url, json=as_json, form=as_form, headers={"Idempotency-Key": job.key_for(recipient)}, authenticate=True)
        if response.status >= 400:
            return of_status(response, "the gateway", text_of(response))
        found = value_at(parsed(response), gateway.id_pointer)
        return Taken(str(found) if isinstance(found, str | int) else None)
