"""The web app in a real browser against the running product: one test for each flow of frontend/e2e, whose own lines say what was checked.

Pictures of every page, in both themes, go to `screenshots/` (ignored by git), to be looked at.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from infra.host.frontend_build import FrontendBuild
from tests.e2e.conftest import product_environment
from tests.support.chromium import chromium
from tests.support.product import CHECKOUT, Product
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(1200)  # a flow is many checks, and pictures of every page in both themes

FLOWS = ("session", "workflows", "builder", "drafts", "drawn", "running", "pages")


@pytest.fixture(scope="session")
def web_app(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The web app is built as `./run` builds it, with the packages that its tests need."""
    for _ in FrontendBuild(CHECKOUT, tmp_path_factory.mktemp("frontend") / "build.log", os.environ).run():
        pass


def run_flow(flow: str, product: Product, *words: str) -> None:
    """Runs one flow in Chromium; what it printed is shown when something failed."""
    command = ["node", "e2e/run.mjs", "--flow", flow, "--url", product.run["url"], "--key", product.run["api_key"]]
    command += ["--shots", str(CHECKOUT / "screenshots"), *words]
    environment = {**os.environ, "CHROMIUM": str(chromium())}
    done = subprocess.run(command, cwd=CHECKOUT / "frontend", env=environment, capture_output=True, text=True, timeout=900, check=False)
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    assert " 0 failed" in done.stdout


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(flow: str, product: Product, recorder: Recorder, web_app: None) -> None:
    topic = ["--topic", f"drawn-{uuid.uuid4().hex[:8]}"] if os.environ.get("MILLRACE_TEST_KAFKA") else []
    run_flow(flow, product, "--target", recorder.url, *topic)


def test_pulling_the_plug(web_app: None, tmp_path: Path) -> None:
    product = Product(tmp_path / "data", "--demo", environment=product_environment())
    try:
        run_flow("plug", product)
    finally:
        assert product.stop() == 0
