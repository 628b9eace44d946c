"""Connections to mail servers, through the egress guard: the address that is connected to is the one that was checked."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from chalicelib.core.egress import Guard
from chalicelib.core.http import CallFailed

CONNECT_SECONDS = 10.0
# Sessions block their thread for as long as a server takes; threads of their own keep everybody else's free.
_threads = ThreadPoolExecutor(32, "smtp")
T = TypeVar("T")

Session = smtplib.SMTP
ERRORS = (OSError, smtplib.SMTPException)
DataRefused = smtplib.SMTPDataError
Disconnected = smtplib.SMTPServerDisconnected


async def in_smtp_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run what blocks on a mail server."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)


async def open_smtp(
    guard: Guard,
    host: str,
    port: int,
    security: str,
    *,
    username: str | None = None,
    password: str | None = None,
    timeout: float = 30.0,
    ssl_context: ssl.SSLContext | None = None,
) -> smtplib.SMTP:
    """A session that is connected, protected (`starttls`, `tls` or `none`) and signed in. Use it, and end it, by `in_smtp_thread`: it blocks.

    Raises EgressDenied, and CallFailed (connection_failed, timeout, tls_error, smtp_error) without the server's words, which may repeat what was sent.
    """
    try:
        addresses = await guard.resolve(host.lower().rstrip("."), port)
    except OSError:
        raise CallFailed("connection_failed", f"{host}:{port}: the host name has no address", "connection") from None
    arguments = (guard, [str(ip) for ip in addresses], host, port, security, username, password, timeout, ssl_context)
    return await in_smtp_thread(_open, *arguments)


def _open(
    guard: Guard,
    addresses: list[str],
    host: str,
    port: int,
    security: str,
    username: str | None,
    password: str | None,
    timeout: float,
    ssl_context: ssl.SSLContext | None,
) -> smtplib.SMTP:
    context = ssl_context or ssl.create_default_context()
    where = f"{host}:{port}"

    class Connected(smtplib.SMTP):
        """smtplib over a socket of ours."""

        def _get_socket(self, _host: str, _port: int, _timeout: float) -> Any:
            raw = _connect(guard, addresses, port, timeout)
            return context.wrap_socket(raw, server_hostname=host) if security == "tls" else raw

    session = None
    try:
        session = Connected(timeout=timeout)
        session._host = host  # type: ignore[attr-defined]  # what STARTTLS checks the certificate against
        session.connect(host, port)
        session.ehlo_or_helo_if_needed()
        if security == "starttls":
            session.starttls(context=context)
            session.ehlo()
        if username is not None and password is not None:
            session.login(username, password)
        return session
    except ssl.SSLError as error:
        raise _closed(session, CallFailed("tls_error", f"{where}: no protected connection: {(error.reason or 'the handshake failed').lower()}")) from None
    except smtplib.SMTPAuthenticationError as error:
        raise _closed(session, CallFailed("smtp_error", f"{where} refuses user name or password ({error.smtp_code})")) from None
    except smtplib.SMTPNotSupportedError:
        raise _closed(session, CallFailed("smtp_error", f"{where} offers no {'STARTTLS' if security == 'starttls' else 'sign-in'}; choose another security")) from None
    except smtplib.SMTPException as error:
        raise _closed(session, CallFailed("smtp_error", f"{where} does not speak SMTP as expected ({type(error).__name__})", "connection")) from None
    except TimeoutError:
        raise _closed(session, CallFailed("timeout", f"{where} did not answer within {timeout:g} seconds", "timeout")) from None
    except OSError as error:
        raise _closed(session, CallFailed("connection_failed", f"{where}: {(error.strerror or 'no connection').lower()}", "connection")) from None


def _closed(session: smtplib.SMTP | None, error: CallFailed) -> CallFailed:
    if session is not None:
        session.close()
    return error


def _connect(guard: Guard, addresses: list[str], port: int, timeout: float) -> socket.socket:
    """The first of the checked addresses that takes a connection."""
    problem: OSError | None = None
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = guard.open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)))
        try:
            opened.settimeout(min(CONNECT_SECONDS, timeout))
            opened.connect((address, port))
            opened.settimeout(timeout)
            return opened
        except OSError as error:
            opened.close()
            problem = error
    raise problem or OSError("no address")
