"""The guard of every outbound connection: which hosts and addresses code that runs workflows may reach.

Public addresses are always allowed. Private, loopback, link-local, metadata and other special addresses are refused unless the operator lists them in
MILLRACE_EGRESS_ALLOW. A sender resolves a name once, through `Guard.resolve`, and connects to the very addresses that gave; there is no second lookup between
check and connection. `Guard.open_socket` is the second net: it opens no socket to an address that was not checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from chalicelib.core.config import VARIABLES, settings
from chalicelib.core.errors import MillraceError

VARIABLE = VARIABLES["egress_allow"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Awaitable[list[str]]]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_PORT = re.compile(r"[0-9]{1,5}")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_PORTS = {"http": 80, "https": 443}


class EgressDenied(MillraceError):
    """The guard refused a connection. The message says what was refused and which setting would allow it."""

    status, code, title = 422, "egress_denied", "This connection is not allowed"


class InvalidUrl(MillraceError):
    """The text is no http or https URL. The message never repeats the URL, which may hold secrets."""

    status, code, title = 422, "invalid_url", "This is not a usable URL"


# Where clouds hand credentials to whoever asks: allowed only when listed as that very address, never by a CIDR or a host name.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google, Azure, DigitalOcean, Oracle, OpenStack
        "169.254.170.2",  # AWS container credentials
        "169.254.170.23",  # AWS EKS pod identity
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's wire server, a public address
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS EKS pod identity
        "fd20:ce::254",  # Google
    )
)


def _networks(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ipaddress.ip_network(text), kind) for text, kind in rows)


# IANA's special-purpose registries, narrowest meaning first.
_SPECIAL_V4 = _networks(
    ("0.0.0.0/32", "the unspecified address"),
    ("0.0.0.0/8", "a reserved address"),
    ("127.0.0.0/8", "a loopback address"),
    ("10.0.0.0/8", "a private address"),
    ("172.16.0.0/12", "a private address"),
    ("192.168.0.0/16", "a private address"),
    ("100.64.0.0/10", "a carrier-grade NAT address"),
    ("169.254.0.0/16", "a link-local address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a 6to4 relay address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
)
# Of IPv6 only 2000::/3 is public; what is not named here and not in it is reserved.
_SPECIAL_V6 = _networks(
    ("::/128", "the unspecified address"),
    ("::1/128", "a loopback address"),
    ("::ffff:0:0/96", "an IPv4-mapped IPv6 address"),
    ("::ffff:0:0:0/96", "an IPv4-translated IPv6 address"),
    ("::/96", "an IPv4-compatible IPv6 address"),
    ("64:ff9b::/96", "a NAT64 address"),
    ("64:ff9b:1::/48", "a NAT64 address"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
    ("2001::/32", "a Teredo address"),
    ("2001:db8::/32", "a documentation address"),
    ("3fff::/20", "a documentation address"),
    ("2001::/23", "a reserved address"),
    ("2002::/16", "a 6to4 address"),
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_LOW_32_BITS = 0xFFFFFFFF
_ISATAP = (0x00005EFE, 0x02005EFE)


@lru_cache(maxsize=4096)
def _kind(ip: Address) -> str | None:
    """What makes this address special; None for a public one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return next((kind for network, kind in _SPECIAL_V4 if ip in network), None)
    for network, kind in _SPECIAL_V6:
        if ip in network:
            return kind
    if (int(ip) >> 32 & _LOW_32_BITS) in _ISATAP:
        return "an ISATAP address"
    return None if ip in _PUBLIC_V6 else "a reserved address"


def _embedded(ip: Address, kind: str) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a transition address leads to, by its kind."""
    number = int(ip)
    if kind == "a 6to4 address":
        return ipaddress.IPv4Address(number >> 80 & _LOW_32_BITS)
    if kind == "a Teredo address":
        return ipaddress.IPv4Address(~number & _LOW_32_BITS)
    if kind.startswith("an IPv4-") or kind in ("a NAT64 address", "an ISATAP address"):
        return ipaddress.IPv4Address(number & _LOW_32_BITS)
    return None


@dataclass(frozen=True)
class Allow:
    """The parsed MILLRACE_EGRESS_ALLOW; a port of None means every port."""

    networks: tuple[tuple[Network, int | None], ...] = ()
    names: frozenset[tuple[str, int | None]] = frozenset()

    def covers(self, ip: Address, port: int | None) -> bool:
        """Whether an entry that is an address or CIDR holds this address."""
        return any(ip in network and allowed in (None, port) for network, allowed in self.networks)

    def lists(self, ip: Address, port: int | None) -> bool:
        """Whether an entry is this very address."""
        return any(
            network.num_addresses == 1 and network.network_address == ip and allowed in (None, port)
            for network, allowed in self.networks
        )

    def names_host(self, host: str, port: int) -> bool:
        """Whether an entry is this host name (lower case, no trailing dot)."""
        return (host, None) in self.names or (host, port) in self.names


NOTHING = Allow()


def parse_allow(entries: Iterable[str]) -> Allow:
    """Read entries: an address, a CIDR or a host name, each with or without `:port` (IPv6 in brackets then). `localhost` stands for 127.0.0.1 and ::1 too.

    Raises ValueError that names the entry and says how to write it.
    """
    networks: list[tuple[Network, int | None]] = []
    names: set[tuple[str, int | None]] = set()
    for entry in entries:
        host, port = _split_entry(entry)
        network = _network(entry, host)
        if network is not None:
            networks.append((network, port))
            continue
        name = host.lower().rstrip(".")
        if _NAME.fullmatch(name) is None or _NUMERIC.fullmatch(name):
            raise ValueError(
                f"{VARIABLE}: {entry!r} is no address, CIDR or host name; write for example localhost, 10.1.0.0/16 or db.internal:5432"
            )
        names.add((name, port))
        if name == "localhost":
            networks += [(ipaddress.ip_network("127.0.0.1"), port), (ipaddress.ip_network("::1"), port)]
    return Allow(tuple(networks), frozenset(names))


def _split_entry(entry: str) -> tuple[str, int | None]:
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", entry)
    if bracketed:
        host, port = bracketed.groups()
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    else:
        host, port = entry, None
    if port is None:
        return host, None
    return host, _port(port, ValueError(f"{VARIABLE}: {entry!r} must be a host and a port from 1 to 65535, such as localhost:8080, without http://"))


def _network(entry: str, host: str) -> Network | None:
    try:
        wider = ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None
    if wider.network_address == ipaddress.ip_address(host.partition("/")[0]):
        return wider
    raise ValueError(
        f"{VARIABLE}: {entry!r} has bits set beyond its prefix; write {wider} for the network, or the address without a prefix"
    )


def _port(text: str, error: Exception) -> int:
    if _PORT.fullmatch(text) and 0 < int(text) < 65536:
        return int(text)
    raise error


def check_address(ip: Address, allow: Allow = NOTHING, port: int | None = None) -> str | None:
    """None when this address may be reached, else what it is ("a loopback address").

    An address that carries an IPv4 address inside (NAT64, 6to4, mapped, …) needs both to be allowed: allowing the translation prefix does not open the
    networks behind it.
    """
    if ip in _METADATA:
        return None if allow.lists(ip, port) else "a cloud metadata address"
    kind = _kind(ip)
    if kind is None:
        return None
    if not allow.covers(ip, port):
        return kind
    inner = _embedded(ip, kind)
    behind = check_address(inner, allow, port) if inner is not None else None
    return f"{kind} that leads to {behind}" if behind else None


# What the name of a host that the operator trusts may lead to: everything but metadata.
_EVERYTHING = parse_allow(["0.0.0.0/0", "::/0"])


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL, pure ASCII, without fragment, as it goes on the wire. `host` is an address in canonical form or a lower-case name without trailing dot."""

    text: str
    scheme: str
    host: str
    port: int
    is_address: bool

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`: all of the URL that may appear in messages and logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


class Guard:
    """Decides about URLs, names and addresses. One per process will do; it keeps no connection."""

    def __init__(self, allow: Allow = NOTHING, lookup: Lookup | None = None) -> None:
        self._allow = allow
        self._lookup = lookup or system_lookup
        # Addresses allowed only because the operator named their host; socket addresses alone cannot tell.
        self._by_name: set[tuple[str, int]] = set()

    def check_url(self, url: str) -> Target:
        """Parse and check what can be known without asking DNS. Raises InvalidUrl and EgressDenied."""
        target = parse_url(url)
        if target.is_address:
            self._check(target.host, _address(target.host), target.port)
        return target

    async def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a host (name or literal) that may be connected to, at least one; connect to these and to nothing else.

        Raises EgressDenied when every address is refused, OSError when the name has none.
        """
        found = [ipaddress.ip_address(text) for text in await self._lookup(host, port)]
        allowed, denial = [], None
        for ip in dict.fromkeys(found):
            try:
                self._check(host, ip, port)
                allowed.append(ip)
            except EgressDenied as error:
                denial = error
        if not allowed:
            raise denial or OSError(f"{host} has no address")
        return allowed

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one getaddrinfo row, only when its address was checked; PermissionError otherwise."""
        family, kind, proto, _, address = info
        ip = ipaddress.ip_address(address[0])
        if check_address(ip, self._allow, address[1]) and (str(ip), address[1]) not in self._by_name:
            raise PermissionError(f"{ip} was not checked")
        return socket.socket(family=family, type=kind, proto=proto)

    def _check(self, host: str, ip: Address, port: int) -> None:
        reason = check_address(ip, self._allow, port)
        if reason is not None and self._allow.names_host(host, port):
            reason = check_address(ip, _EVERYTHING, port)
            if reason is None:
                self._by_name.add((str(ip), port))
        if reason is not None:
            raise _denied(host, ip, reason)


def _denied(host: str, ip: Address, reason: str) -> EgressDenied:
    # The address behind a name is not told: who writes workflows need not learn the inner network.
    literal = host == str(ip)
    what = f"{host} {'is' if literal else 'leads to'} {reason}, and actions may not connect there"
    if "metadata" in reason:
        return EgressDenied(f"{what}; only {VARIABLE}={host if literal else '<that very address>'} would allow it")
    who = "to allow it on your own computer, start Millrace with" if "loopback" in reason else "the operator can allow it with"
    return EgressDenied(
        f"{what}; {who} {VARIABLE}={host} (host names, addresses or CIDRs, with or without :port, separated by commas)"
    )


@lru_cache(maxsize=1024)
def _address(text: str) -> Address:
    return ipaddress.ip_address(text)


async def system_lookup(host: str, port: int) -> list[str]:
    """Ask the operating system, once, off the event loop. Raises OSError."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]).partition("%")[0] for info in infos]


@lru_cache(maxsize=1)
def guard() -> Guard:
    """The process's guard, by its settings. Raises ValueError for a MILLRACE_EGRESS_ALLOW that cannot be read."""
    return Guard(parse_allow(settings().egress_allow))


def parse_url(url: str) -> Target:
    """Take an http or https URL apart, refusing whatever two programs could read differently. Nothing in path or query is encoded anew but non-ASCII."""
    return _remembered(url) if len(url) <= 1000 else _parse(url)


@lru_cache(maxsize=1000)
def _remembered(url: str) -> Target:
    return _parse(url)


def _parse(url: str) -> Target:
    control = _CONTROL.search(url)
    if control:
        raise InvalidUrl(
            f"the URL has a space or control character (U+{ord(control.group()):04X}) at position {control.start() + 1}; encode it, or give it in 'query'"
        )
    try:
        parts = urlsplit(url)
        scheme, netloc = parts.scheme, parts.netloc
    except ValueError:
        raise InvalidUrl("the URL's host cannot be read; write for example https://api.example.com/path") from None
    if scheme not in _PORTS:
        if not scheme or re.match(r"[^/:]+:[0-9]+(?:/|$)", url):
            raise InvalidUrl("the URL must begin with http:// or https://")
        raise EgressDenied(
            f"the scheme {scheme[:20]!r} is refused: actions may use http and https only, and no setting allows others"
        )
    if "@" in netloc:
        raise EgressDenied(
            "the URL has a user name or password before its host, which is refused; send credentials in a header instead"
        )
    host, port_text = _split_netloc(netloc)
    host, is_address = _canonical_host(host)
    port = _port(port_text, InvalidUrl("the URL's port must be a number from 1 to 65535")) if port_text else _PORTS[scheme]
    shown = f"[{host}]" if ":" in host else host
    place = shown if port == _PORTS[scheme] else f"{shown}:{port}"
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(f"{scheme}://{place}{_ascii(rest)}", scheme, host, port, is_address)


def _split_netloc(netloc: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::(.*))?", netloc)
    if match is None or not match.group(1):
        raise InvalidUrl("the URL has no host that can be read; write for example https://api.example.com/path")
    return match.group(1), match.group(2) or ""


@lru_cache(maxsize=1024)
def _canonical_host(host: str) -> tuple[str, bool]:
    """An address in canonical form (True), or a plain lower-case name (False)."""
    if host.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host[1:-1].partition("%")[0])), _no_zone(host)
        except ValueError:
            raise InvalidUrl("the URL's IPv6 address cannot be read") from None
    name = host.lower() if host.isascii() else _idna(host)
    name = name.removesuffix(".")
    if _NUMERIC.fullmatch(name):
        try:
            return str(ipaddress.IPv4Address(name)), True
        except ValueError:
            raise EgressDenied(
                f"the host {name[:60]!r} is a number that programs read as different IPv4 addresses; write it as 192.0.2.1 is written"
            ) from None
    if _NAME.fullmatch(name) is None or len(name) > 253:
        raise InvalidUrl("the URL's host is no host name: letters, digits, hyphens and dots, 63 characters a label and 253 in all")
    return name, False


def _no_zone(host: str) -> bool:
    if "%" in host:
        raise EgressDenied("the URL's IPv6 address has a zone (%...), which is refused: it names a link of this machine")
    return True


def _idna(host: str) -> str:
    import idna  # comes with yarl; needed for foreign names only

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        raise InvalidUrl("the URL's host is no valid international name") from None


def _ascii(text: str) -> str:
    """Percent-encodes what is not ASCII, as browsers do, and nothing else."""
    try:
        return text if text.isascii() else _NOT_ASCII.sub(lambda match: quote(match.group()), text)
    except UnicodeEncodeError:
        raise InvalidUrl("the URL has a lone surrogate, which no text can hold") from None
