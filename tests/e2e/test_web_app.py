"""The web app in a real browser against the running product: one test for each flow of frontend/e2e, whose own lines say what was checked.

Pictures of every page, in both themes, go to `screenshots/` (ignored by git), to be looked at. Flows run side by side, each worker's
against a Millrace of its own.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.host.frontend_build import FrontendBuild
from tests.e2e.conftest import elsewhere, product_environment
from tests.support.chromium import chromium
from tests.support.issuer import issuer
from tests.support.product import CHECKOUT, Product
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(1200)  # a flow is many checks, and pictures of every page in both themes

FLOWS = ("types", "pages", "drawn", "builder", "trying", "starting", "workflows", "dashboard", "entrances", "drafts", "running", "analytics", "moves", "tenancy", "session")  # the longest first: the last one runs beside nothing
Record = Callable[[str, object], None]


@pytest.fixture(scope="session")
def web_app(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The web app is built as `./run` builds it, with the packages that its tests need; by one of the workers."""
    cache = CHECKOUT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "frontend-build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for _ in FrontendBuild(CHECKOUT, tmp_path_factory.mktemp("frontend") / "build.log", os.environ).run():
            pass


def run_flow(flow: str, product: Product, record: Record, *words: str) -> None:
    """Runs one flow in Chromium. What it measured is printed at the end of the run, all it printed when something failed."""
    command = ["node", "e2e/run.mjs", "--flow", flow, "--url", product.run["url"], "--key", product.run["api_key"]]
    command += ["--shots", str(CHECKOUT / "screenshots"), *words]
    environment = {**os.environ, "CHROMIUM": str(chromium())}
    done = subprocess.run(command, cwd=CHECKOUT / "frontend", env=environment, capture_output=True, text=True, timeout=900, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("figure: "):
            record("figure", line.removeprefix("figure: "))
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    assert " 0 failed" in done.stdout


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(flow: str, product: Product, recorder: Recorder, web_app: None, record_property: Record) -> None:
    topic = ["--topic", f"drawn-{uuid.uuid4().hex[:8]}"] if os.environ.get("MILLRACE_TEST_KAFKA") else []
    run_flow(flow, product, record_property, "--target", recorder.url, "--elsewhere", elsewhere(), *topic)


def test_people_sign_in_with_a_token(web_app: None, tmp_path: Path, record_property: Record) -> None:
    with issuer() as provider:
        oidc = {"ISSUER": "https://login.example", "AUDIENCE": "millrace", "JWKS_URL": provider.url}
        environment = product_environment() | {f"MILLRACE_OIDC_{name}": value for name, value in oidc.items()}
        product = Product(tmp_path / "data", environment=environment)
        try:
            token = provider.token(aud="millrace", sub="u-1", email="ada@example.com", email_verified=True, exp=time.time() + 1200)
            run_flow("people", product, record_property, "--token", token, "--email", "ada@example.com")
        finally:
            assert product.stop() == 0


def test_pulling_the_plug(web_app: None, tmp_path: Path, record_property: Record) -> None:
    product = Product(tmp_path / "data", "--demo", environment=product_environment())
    try:
        run_flow("plug", product, record_property)
    finally:
        assert product.stop() == 0
