"""smtp: a mail server to send through."""

from __future__ import annotations

import asyncio
import base64
from typing import Literal

from pydantic import Field, model_validator

from chalicelib.core.egress import guard
from chalicelib.core.http import HttpClient
from chalicelib.core.smtp import open_smtp
from chalicelib.credentials.spec import CredentialData, CredentialSpec, Line, Secret, Tested

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class SmtpData(CredentialData):
    """A mail server."""

    host: str = Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:\-]+$", description="The server's name or address.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Default: 587 with starttls, 465 with tls, 25 with none.")
    security: Literal["starttls", "tls", "none"] = Field(default="starttls", description="How the connection is protected; none only within one's own network.")
    username: Line | None = Field(default=None, description="Leave out for a server that asks for none.")
    password: Secret | None = Field(default=None, description="The password.")
    sender: Line | None = Field(default=None, description="The address mail comes from, unless a node says otherwise.")

    @model_validator(mode="after")
    def _both(self) -> SmtpData:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both a user name and a password, or neither")
        return self

    @property
    def real_port(self) -> int:
        """The port to connect to."""
        return self.port or PORTS[self.security]


async def test(data: SmtpData, client: HttpClient) -> Tested:
    """Connects, protects the connection and signs in; hands in nothing."""
    session = await open_smtp(
        guard(), data.host, data.real_port, data.security, username=data.username, password=data.password, timeout=10.0
    )
    await asyncio.to_thread(session.quit)
    signed_in = f" and lets {data.username} in" if data.username else ""
    return Tested("ok", f"{data.host}:{data.real_port} answers{signed_in}")


def _sasl(data: SmtpData) -> list[str]:
    """What AUTH PLAIN sends."""
    if data.password is None:
        return []
    return [base64.b64encode(f"\0{data.username}\0{data.password}".encode()).decode("ascii")]


SPEC = CredentialSpec(
    type="smtp",
    title="Mail server (SMTP)",
    description="Where mail is handed in.",
    icon="mail",
    model=SmtpData,
    hosts=lambda data: [f"{data.host.lower()}:{data.real_port}"],
    derived=_sasl,
    test=test,
    destinations=("host", "port", "security"),
    example={"host": "smtp.example.com", "username": "robot@example.com", "password": "the-password"},
)
