"""The README's first workflow, by copy and paste."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.support.product import CHECKOUT, Product


def test_the_first_workflow_works_as_the_readme_says(product: Product, tmp_path: Path) -> None:
    text = (CHECKOUT / "README.md").read_text()
    section = text.split("## Your first workflow in five minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 5
    (tmp_path / ".millrace").symlink_to(product.data)
    script = "set -e\n" + "\necho ---\n".join(blocks)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    _, _, publishing, starting, looking = done.stdout.split("---\n")
    assert '"version":1' in publishing.replace(" ", "")
    lines = starting.strip().splitlines()
    assert json.loads(lines[0][: lines[0].index("}") + 1])["status"] == "queued"
    assert "HTTP/1.1 201" in starting
    assert '{"total":121.0,"checked":true}' in starting
    answers = re.findall(r'"duplicate":(true|false)', starting)
    assert answers == ["false", "false", "true"]
    history = json.loads(looking)
    assert history["status"] in ("queued", "running", "waiting", "succeeded")
    assert {run["node_id"] for run in history["nodes"]} <= {"total", "large", "think", "answer"}
