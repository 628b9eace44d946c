"""A real SMTP server (aiosmtpd) on a free port, with TLS and sign-in where a test wants them, that misbehaves where it is told to."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

CERTIFICATE = Path(__file__).parent.parent / "integration" / "localhost_for_tests.pem"


@dataclass
class MailServer:
    """What it got; `on_rcpt` and `on_data` may answer in its place (a reply line), and `on_data` may drop the connection by returning None.

    `on_sign_in` refuses everybody who signs in with a reply line made of the password.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    on_mail: Callable[[str], str] | None = None
    on_rcpt: Callable[[str], str] | None = None
    on_data: Callable[[], str | None] | None = None
    on_sign_in: Callable[[str], str] | None = None
    dialogues: int = 0

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.dialogues += 1
        reply = self.on_mail(address) if self.on_mail else "250 OK"
        if reply.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = self.on_rcpt(address) if self.on_rcpt else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        reply = self.on_data() if self.on_data else "250 OK"
        if reply is None:  # it acts, and is never heard of again
            self._keep(envelope)
            server.transport.abort()
            return "250 OK"
        if reply.startswith("250"):
            self._keep(envelope)
        return reply

    def _keep(self, envelope: Any) -> None:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@contextmanager
def mail_server(security: str = "none", password: str | None = None) -> Iterator[MailServer]:
    """Serve with `none`, `starttls` or `tls`."""
    server = MailServer()

    def sign_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        if server.on_sign_in is not None and isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False, message=server.on_sign_in(data.password.decode()))
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == (password or "").encode(), handled=False)

    class Serving(Controller):
        def factory(self) -> SMTP:
            tls = _context() if security == "starttls" else None
            return SMTP(
                server, hostname="localhost", tls_context=tls, require_starttls=tls is not None, authenticator=sign_in,
                auth_required=password is not None, auth_require_tls=security == "starttls", enable_SMTPUTF8=False,
            )  # fmt: skip

    controller = Serving(server, hostname="127.0.0.1", port=_free_port(), ssl_context=_context() if security == "tls" else None, ready_timeout=20)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
