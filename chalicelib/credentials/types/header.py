"""header: an API key in a header of any name."""

from __future__ import annotations

from pydantic import Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, Outgoing, Secret

HEADER_NAME = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}$"


class HeaderData(CredentialData):
    """A header."""

    name: str = Field(pattern=HEADER_NAME, description="The header's name, such as X-API-Key.")
    value: Secret = Field(description="Its value.")


def apply(request: Outgoing, data: HeaderData, token: str | None = None) -> None:
    """<name>: <value>."""
    request.set_header(data.name, data.value)


SPEC = CredentialSpec(
    type="header",
    title="API key in a header",
    description="One header, sent with every request.",
    icon="heading",
    model=HeaderData,
    apply=apply,
    example={"name": "X-API-Key", "value": "the-key"},
)
