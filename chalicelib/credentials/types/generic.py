"""generic: any number of headers and query parameters, for APIs that want more than one secret."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from chalicelib.credentials.spec import CredentialData, CredentialSpec, Outgoing, Secret


def _header_names(headers: dict[str, Any]) -> dict[str, Any]:
    import re

    from chalicelib.credentials.types.header import HEADER_NAME

    if not all(re.fullmatch(HEADER_NAME, name) for name in headers):
        raise ValueError("a header's name has characters that header names may not have")
    return headers


class GenericData(CredentialData):
    """Headers and query parameters."""

    headers: Annotated[dict[str, Secret], AfterValidator(_header_names)] = Field(default_factory=dict, max_length=20, description="Headers to send.")
    query: dict[str, Secret] = Field(default_factory=dict, max_length=20, description="Query parameters to add.")

    @model_validator(mode="after")
    def _something(self) -> GenericData:
        if not self.headers and not self.query:
            raise ValueError("give at least one header or query parameter")
        return self


def apply(request: Outgoing, data: GenericData, token: str | None = None) -> None:
    """All of them."""
    for name, value in data.headers.items():
        request.set_header(name, value)
    for name, value in data.query.items():
        request.add_query(name, value)


SPEC = CredentialSpec(
    type="generic",
    title="Headers and query parameters",
    description="Several secrets at once, each in a header or query parameter of its own.",
    icon="forms",
    model=GenericData,
    apply=apply,
    example={"headers": {"X-App-Id": "the-app", "X-App-Key": "the-key"}},
)
