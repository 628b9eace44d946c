"""The sandbox's own artifact: what is in it, and the function started by AWS's runtime client from it alone, fed with honest and hostile code."""

from __future__ import annotations

import importlib.metadata
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.manifest import function
from infra.aws.package import CHECKOUT, LIMIT_BYTES, Artifact
from tests.contract.runtime import NOTES, Environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_it_holds_the_sandbox_and_nothing_else_of_ours(sandbox_artifact: Artifact) -> None:
    NOTES.append(sandbox_artifact.report())
    with zipfile.ZipFile(sandbox_artifact.path) as packed:
        inside = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}
    ours = {name for name in inside if name.split("/")[0] in ("chalicelib", "functions", "infra", "app.py") and "__pycache__" not in name}
    assert {name for name in ours if not name.startswith("chalicelib/core/sandbox/")} == {
        "chalicelib/__init__.py",
        "chalicelib/core/__init__.py",
        "functions/__init__.py",
        "functions/sandbox.py",
    }
    assert not [name for name in inside if re.match(r"boto3|botocore|psycopg|chalice/", name)]
    assert inside["bin/monty"] & 0o111
    assert sandbox_artifact.unzipped < LIMIT_BYTES
    assert sandbox_artifact.key.startswith("sandbox/")


def test_its_list_is_complete_and_the_hosts_is_the_same(sandbox_unpacked: Path) -> None:
    found = {each.name.lower().replace("_", "-"): each.version for each in importlib.metadata.distributions(path=[str(sandbox_unpacked)])}
    listed = re.findall(r"^([a-z0-9-]+)==(\S+)$", (CHECKOUT / "requirements-sandbox.txt").read_text(), re.MULTILINE)
    assert found == dict(listed)
    assert "-r requirements-sandbox.txt" in (CHECKOUT / "requirements-host.txt").read_text()


@pytest.fixture(scope="module")
def sandbox(sandbox_unpacked: Path) -> Iterator[Environment]:
    environment = Environment(function("sandbox"), sandbox_unpacked, {"AWS_SESSION_TOKEN": "the-token-of-the-role"})
    NOTES.append(f"sandbox: ready under the runtime client {environment.init_seconds:.2f} s after its start")
    yield environment
    environment.stop()


def run(environment: Environment, language: str, source: str, given: Any = None) -> dict[str, Any]:
    outcome = environment.invoke({"language": language, "source": source, "input": json.dumps(given)}, seconds=50)
    assert outcome.error is None, outcome.error
    answer: dict[str, Any] = outcome.payload
    return answer


def test_both_languages_run_from_the_artifact(sandbox: Environment) -> None:
    answer = run(sandbox, "python", "def main(input):\n    print('n', input['n'])\n    return input['n'] * 2", {"n": 21})
    assert answer == {"output": "42", "failure": None, "console": [{"level": "log", "text": "n 21"}]}
    assert run(sandbox, "javascript", "const main = ({ n }) => n * 2", {"n": 21})["output"] == "42"
    assert "line 2" in run(sandbox, "python", "def main(input):\n    return input['gone']", {})["failure"]["message"]


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "import os\ndef main(i): return os.environ['AWS_SESSION_TOKEN']"),
        ("python", "def main(i): return open('/proc/self/environ').read()"),
        ("python", "import urllib.request\ndef main(i): return urllib.request.urlopen('http://127.0.0.1:9001/2018-06-01/runtime/invocation/next')"),
        ("javascript", "const main = () => process.env.AWS_SESSION_TOKEN"),
        ("javascript", "const main = () => fetch('http://127.0.0.1:9001/2018-06-01/runtime/invocation/next')"),
    ],
)
def test_neither_the_role_nor_the_runtime_api_can_be_had(sandbox: Environment, language: str, source: str) -> None:
    answer = run(sandbox, language, source)
    assert answer["failure"] is not None
    assert "the-token" not in json.dumps(answer)
