"""The master key is changed while workflows run: none of them fails, and the old key is not needed afterwards."""

from __future__ import annotations

import threading

import psycopg
import pytest

from chalicelib.core import config
from chalicelib.core.config import Settings
from chalicelib.credentials import vault
from chalicelib.credentials.keys import Keyring, key_file, write_keys
from infra.host import master_key
from tests.support.http_server import answer, serving
from tests.support.oauth_server import CLIENT_ID, CLIENT_SECRET, oauth_server
from tests.support.runs import run_node

TOKEN = "rotation-canary-token-1"


@pytest.fixture
def with_key_file(settings_env: Settings, monkeypatch, tmp_path) -> Settings:
    """An installation that keeps its master key in the data folder, as ./run does."""
    monkeypatch.delenv("MILLRACE_MASTER_KEY")
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path))
    config.settings.cache_clear()
    vault.forget_all()
    return config.settings()


def key_ids(database_url: str) -> set[str]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT key_id FROM credentials UNION SELECT key_id FROM credential_tokens WHERE key_id IS NOT NULL")
        return {row[0] for row in rows}


def test_rotation_while_workflows_run(with_key_file, api, worker, database_url, capsys, tmp_path):
    with serving(lambda request: answer(b"", "200 OK" if request.headers.get("authorization") == f"Bearer {TOKEN}" else "401 No")) as server, oauth_server() as (
        _,
        tokens,
    ):
        for number in range(3):
            assert api.post("/credentials", {"name": f"Pay {number}", "type": "bearer", "data": {"token": TOKEN}}).status == 201
        data = {"token_url": tokens.url("/token"), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        api.post("/credentials", {"name": "App", "type": "oauth2_client_credentials", "data": data})
        run_node(api, "http.request", {"url": tokens.url("/api"), "auth": {"credential": "app"}})
        before = key_ids(database_url)
        assert len(before) == 1
        rotated = threading.Event()
        done: list[str] = []

        def keep_running() -> None:
            after = 3
            while after:
                after -= rotated.is_set()
                vault.forget_all()  # every run opens the credential anew
                node = run_node(api, "http.request", {"url": server.url(), "auth": {"credential": f"pay-{len(done) % 3}"}})
                done.append(node["status"] if node["error"] is None else node["error"]["code"])

        runner = threading.Thread(target=keep_running)
        runner.start()
        assert master_key.main(["rotate", "--data", str(tmp_path)]) == 0
        rotated.set()
        runner.join()
        assert set(done) == {"succeeded"}
        assert len(done) >= 3
        assert "data keys are wrapped by the present master key" in capsys.readouterr().out
        after = key_ids(database_url)
        assert len(after) == 1
        assert not after & before

        lines = key_file(with_key_file).read_text().split()
        assert len(lines) == 2
        write_keys(key_file(with_key_file), [bytes.fromhex(lines[0])])  # the old key is gone
        vault.forget_all()
        assert run_node(api, "http.request", {"url": server.url(), "auth": {"credential": "pay-1"}})["status"] == "succeeded"
        assert run_node(api, "http.request", {"url": tokens.url("/api"), "auth": {"credential": "app"}})["status"] == "succeeded"


def test_rotation_may_be_repeated_and_other_sources_of_keys_are_told(with_key_file, api, monkeypatch, capsys, tmp_path):
    api.post("/credentials", {"name": "Pay", "type": "bearer", "data": {"token": TOKEN}})
    for _ in range(2):
        assert master_key.main(["rotate", "--data", str(tmp_path)]) == 0
    assert master_key.main(["rewrap", "--data", str(tmp_path)]) == 0
    assert "0 data keys" in capsys.readouterr().out
    assert len(Keyring(with_key_file).current.id) > 10
    monkeypatch.setenv("MILLRACE_MASTER_KEY", "9" * 64)
    config.settings.cache_clear()
    assert master_key.main(["rotate", "--data", str(tmp_path)]) == 1
    assert "not from a file" in capsys.readouterr().err
    assert master_key.main(["rewrap", "--data", str(tmp_path)]) == 0
    vault.forget_all()
    assert api.post("/credentials/pay/test", {"url": "http://127.0.0.1:9/"}).json["code"] == "connection_failed"
