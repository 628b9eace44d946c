"""query: an API key in the URL's query."""

from __future__ import annotations

from pydantic import Field

from chalicelib.credentials.spec import CredentialData, CredentialSpec, Line, Outgoing, Secret


class QueryData(CredentialData):
    """A query parameter."""

    name: Line = Field(description="The parameter's name, such as api_key.")
    value: Secret = Field(description="Its value.")


def apply(request: Outgoing, data: QueryData, token: str | None = None) -> None:
    """…?<name>=<value>, encoded."""
    request.add_query(data.name, data.value)


SPEC = CredentialSpec(
    type="query",
    title="API key in the query",
    description="One query parameter, added to every request's URL.",
    icon="question-mark",
    model=QueryData,
    apply=apply,
    example={"name": "api_key", "value": "the-key"},
)
