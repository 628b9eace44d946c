"""postgres: a database to ask."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chalicelib.core.egress import guard
from chalicelib.core.http import HttpClient
from chalicelib.core.postgres_client import QueryFailed, Server, query
from chalicelib.credentials.spec import CredentialData, CredentialSpec, Line, Secret, Tested


def _host(text: str) -> str:
    if "," in text or "/" in text or "=" in text:
        raise ValueError("one host, without https:// and the like")
    return text


class PostgresData(CredentialData):
    """A database."""

    host: Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)] = Field(description="The server's name or address.")
    port: int = Field(default=5432, ge=1, le=65535, description="Its port.")
    database: Line = Field(description="The database.")
    username: Line = Field(description="The user; give it no more rights than the workflows need.")
    password: Secret | None = Field(default=None, description="The password.")
    tls: Literal["verify-full", "require", "disable"] = Field(
        default="require", description="verify-full checks the certificate too; disable is for one's own network only."
    )
    ca: str | None = Field(default=None, max_length=65_536, description="For verify-full: the authority's certificate (PEM), when the system does not know it.")

    def server(self) -> Server:
        """As the client takes it."""
        return Server(self.host, self.port, self.database, self.username, self.password, self.tls, self.ca)


async def test(data: PostgresData, client: HttpClient) -> Tested:
    """Signs in and asks for the version."""
    try:
        found = await query(guard(), data.server(), "SHOW server_version", [], read_only=True, max_rows=1, seconds=10, key="test")
    except QueryFailed as error:
        return Tested("failed", error.message)
    return Tested("ok", f"PostgreSQL {found.rows[0][0]} lets {data.username} in")


SPEC = CredentialSpec(
    type="postgres",
    title="PostgreSQL",
    description="A database to ask.",
    icon="database",
    model=PostgresData,
    hosts=lambda data: [f"{data.host.lower()}:{data.port}"],
    test=test,
    example={"host": "db.example.com", "database": "shop", "username": "reports", "password": "the-password"},
)
