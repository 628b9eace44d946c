"""An identity provider for tests: a local HTTP server that publishes a key, and tokens signed by it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class Issuer:
    """`url` is that of its keys; `status` what it answers with."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.status = 200
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())) | {"kid": "k1", "use": "sig"}
        document, issuer = json.dumps({"keys": [jwk]}).encode(), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - the library's name
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"

    def token(self, **claims: Any) -> str:
        """A token of five minutes."""
        body = {"iss": "https://login.example", "aud": "orders", "exp": time.time() + 300} | claims
        return jwt.encode(body, self.key, "RS256", headers={"kid": "k1"})


@contextmanager
def issuer() -> Iterator[Issuer]:
    """An issuer that answers until the end of the block."""
    made = Issuer()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
