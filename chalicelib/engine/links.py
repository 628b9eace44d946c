"""Links at which a waiting node takes its answer. The token in the path is the secret: an HMAC of execution and node, so a link exists before its node does,
no table keeps it, and an answer that comes early waits in the inbox."""

from __future__ import annotations

import base64
import hashlib
import hmac

from chalicelib.core.config import settings
from chalicelib.core.ids import is_id
from chalicelib.definitions.graph import Graph
from chalicelib.registry.catalogue import ActionCatalogue


def _mac(secret: str, name: str) -> str:
    digest = hmac.digest(secret.encode(), f"answer:{name}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()


def token_of(execution_id: str, node_id: str, iteration: str = "") -> str | None:
    """The node's token, None in an installation without MILLRACE_SECRET."""
    secret = settings().secret
    name = f"{execution_id}.{node_id}" + (f".{iteration.replace('/', '~')}" if iteration else "")
    return f"{name}.{_mac(secret, name)}" if secret else None


def read_token(token: str) -> tuple[str, str, str] | None:
    """(execution id, node id, iteration) of a token that is genuine, else None."""
    secret, (name, _, mac) = settings().secret, token.rpartition(".")
    parts = name.split(".")
    if not secret or len(parts) not in (2, 3) or not is_id(parts[0], "exe") or not token.isascii():
        return None
    if not hmac.compare_digest(mac, _mac(secret, name)):
        return None
    return parts[0], parts[1], parts[2].replace("~", "/") if len(parts) == 3 else ""


def links(graph: Graph, execution_id: str, catalogue: ActionCatalogue, iteration: str = "") -> dict[str, str]:
    """By node id, the address at which each waiting node takes its answer."""
    found = {}
    for node in graph.nodes.values():
        spec = catalogue.get(node.type)
        token = token_of(execution_id, node.id, iteration) if spec is not None and spec.answers_at else None
        if spec is not None and token:
            found[node.id] = f"{settings().base_url}/api/{spec.answers_at}/{token}"
    return found
