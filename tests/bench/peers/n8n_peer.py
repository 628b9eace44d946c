"""n8n in one process, with its data in PostgreSQL and its executions kept, installed from npm, pinned, into a folder the first time (2 GB, some minutes)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.host.servers import free_port
from tests.bench.peers.peer import Peer, new_database, wait_for

N8N, NODE = "n8n@2.41.1", "node@24"
_UNFINISHED = "SELECT count(*) FROM execution_entity WHERE status IN ('new', 'running', 'waiting')"
_FINISHED = """
SELECT count(*), extract(epoch FROM max("stoppedAt") - min("startedAt")) FROM execution_entity WHERE status = 'success' AND "startedAt" >= to_timestamp(%(since)s)
"""
# It must talk to nobody but this machine, and save every execution with its data, as the others do.
_SETTINGS = {
    "N8N_DIAGNOSTICS_ENABLED": "false", "N8N_VERSION_NOTIFICATIONS_ENABLED": "false", "N8N_TEMPLATES_ENABLED": "false", "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false", "N8N_DYNAMIC_BANNERS_ENABLED": "false", "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all", "N8N_EXPRESSION_ENGINE": "legacy",
    "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost", "N8N_LOG_LEVEL": "error",
}  # fmt: skip


@contextlib.contextmanager
def n8n(folder: Path, echo_url: str) -> Iterator[Peer]:
    """Serve Workload A; packages and data stand in `folder`."""
    program = _program(folder)
    database_url, port = new_database(f"n8n_{os.getpid()}"), free_port()
    environment = {**os.environ, **_SETTINGS, **_database(database_url), "N8N_USER_FOLDER": str(folder / f"data-{os.getpid()}"), "N8N_PORT": str(port)}
    environment |= {"N8N_LISTEN_ADDRESS": "127.0.0.1", "N8N_RUNNERS_BROKER_PORT": str(free_port())}
    workflow = folder / "workflow.json"
    workflow.write_text(json.dumps([_workflow(echo_url)]))
    for words in (["import:workflow", f"--input={workflow}"], ["publish:workflow", "--id=bench"]):
        subprocess.run([*program, *words], env=environment, check=True)
    process = subprocess.Popen([*program, "start"], env=environment)
    try:
        url = f"http://127.0.0.1:{port}/webhook/bench"
        wait_for(url, 120, json.dumps({"total": 60.5, "customer": "ada"}).encode())
        yield Peer("n8n", url, process.pid, database_url, _UNFINISHED, _FINISHED)
    finally:
        process.terminate()
        process.wait()


def _program(folder: Path) -> list[str]:
    """The command's first words; installs what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "ready").exists():
        npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix"]
        subprocess.run([*npm, str(folder / "node"), NODE], check=True)
        subprocess.run([*npm, str(folder), N8N, "--ignore-scripts", "--legacy-peer-deps"], check=True)
        (folder / "ready").touch()
    return [str(folder / "node" / "node_modules" / ".bin" / "node"), str(folder / "node_modules" / "n8n" / "bin" / "n8n")]


def _database(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "DB_TYPE": "postgresdb", "DB_POSTGRESDB_HOST": parts.hostname or "", "DB_POSTGRESDB_PORT": str(parts.port), "DB_POSTGRESDB_DATABASE": parts.path[1:],
        "DB_POSTGRESDB_USER": parts.username or "", "DB_POSTGRESDB_PASSWORD": parts.password or "", "DB_POSTGRESDB_POOL_SIZE": "10",
    }  # fmt: skip


def _workflow(echo_url: str) -> dict[str, Any]:
    """Webhook, answered at once -> set -> HTTP request -> if -> set."""

    def node(name: str, type: str, version: float, **parameters: Any) -> dict[str, Any]:
        return {"id": name, "name": name, "type": f"n8n-nodes-base.{type}", "typeVersion": version, "position": [0, 0], "parameters": parameters}

    def assigned(**values: str) -> dict[str, Any]:
        return {"assignments": {"assignments": [{"id": name, "name": name, "type": "string" if name == "customer" else "number", "value": value} for name, value in values.items()]}}

    hook = {**node("hook", "webhook", 2, httpMethod="POST", path="bench", responseMode="onReceived", options={}), "webhookId": "bench"}
    cents = node("cents", "set", 3.4, **assigned(cents="={{ $json.body.total * 100 }}", customer="={{ $json.body.customer }}"), options={})
    charge = node("charge", "httpRequest", 4.2, method="POST", url=echo_url, sendBody=True, specifyBody="json", jsonBody="={{ JSON.stringify($json) }}", options={})
    compare = {"id": "c", "leftValue": "={{ $json.cents }}", "rightValue": 1000, "operator": {"type": "number", "operation": "gt"}}
    strictly = {"caseSensitive": True, "leftValue": "", "typeValidation": "strict", "version": 2}
    large = node("large", "if", 2.2, conditions={"options": strictly, "conditions": [compare], "combinator": "and"}, options={})
    done = node("done", "set", 3.4, **assigned(charged="={{ $json.cents }}"), options={})
    nodes = [hook, cents, charge, large, done]
    connections = {one["name"]: {"main": [[{"node": other["name"], "type": "main", "index": 0}]]} for one, other in zip(nodes, nodes[1:], strict=False)}
    return {"id": "bench", "name": "Bench", "active": False, "nodes": nodes, "connections": connections, "settings": {"executionOrder": "v1"}}
