"""LocalStack in this process, on loopback only.

    python -m millrace_localstack.serve

LocalStack 4.14's server takes GATEWAY_LISTEN's port and listens on every interface whatever host it names (a TODO in `localstack/runtime/server/twisted.py`).
With an executor that runs code of whoever can reach that port, this is mended here.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from localstack.runtime import main as localstack
from localstack.runtime.server import twisted as server

LISTEN = "127.0.0.1"


def _on_loopback(reactor: Any, port: int, *arguments: Any, **options: Any) -> Any:
    return _endpoint(reactor, port, *arguments, **{**options, "interface": LISTEN})


_endpoint = server.endpoints.TCP4ServerEndpoint


def main() -> None:
    """Serve until SIGTERM or SIGINT. Threads that LocalStack leaves do not keep the process."""
    server.endpoints.TCP4ServerEndpoint = _on_loopback
    try:
        localstack.main()
    except SystemExit as ending:
        if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
            os._exit(int(ending.code or 0))
        raise


if __name__ == "__main__":
    main()
