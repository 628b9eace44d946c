"""Builds `frontend/` with npm when its build is missing or older than its sources. Plain static files need no build."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.host.processes import Child, spawn
from infra.host.servers import ServerFailed, ServerUnavailable, Steps

_OLDEST_NODE = 20
_NOT_SOURCES = {"node_modules", "dist", "coverage", "playwright-report", "test-results"}


class FrontendBuild:
    """One look at `<checkout>/frontend`, and the build when it is needed."""

    def __init__(self, checkout: Path, log: Path, env: Mapping[str, str]) -> None:
        self._folder, self._log, self._env = checkout / "frontend", log, env
        self._stamp = checkout / ".cache" / "frontend-build"
        self.child: Child | None = None

    def run(self) -> Steps:
        """Brings `frontend/dist` up to date.

        Raises ServerUnavailable without a recent Node, ServerFailed when npm fails; an earlier build stays in use either way.
        """
        if not self._has_build_script():
            return
        if (self._folder / "dist").is_dir() and self._stamp.is_file() and self._stamp.read_text() == self._fingerprint():
            return
        npm = self._npm()
        if self._packages_missing():
            verb = "ci" if (self._folder / "package-lock.json").exists() else "install"
            yield from self._npm_run([npm, verb, "--include=dev", "--no-audit", "--no-fund"], "installing the web app's packages")
            self._packages_stamp().parent.mkdir(exist_ok=True)  # npm makes none when there is nothing to install
            self._packages_stamp().write_text(self._packages_mark())
        mark = self._fingerprint()  # of what is built: after npm wrote its lock file, before anybody edits on
        yield from self._npm_run([npm, "run", "build"], "building the web app")
        self._stamp.parent.mkdir(exist_ok=True)
        self._stamp.write_text(mark)

    def _has_build_script(self) -> bool:
        try:
            package = json.loads((self._folder / "package.json").read_text())
        except FileNotFoundError:
            return False
        except ValueError as error:
            raise ServerFailed(f"frontend/package.json is not JSON: {error}") from error
        return "build" in package.get("scripts", {})

    def _npm(self) -> str:
        path = self._env.get("PATH")
        node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
        if not node or not npm:
            raise ServerUnavailable(f"{self._consequence()}: Node.js {_OLDEST_NODE} or newer with npm is not installed")
        shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        found = re.match(r"v(\d+)", shown)
        if not found or int(found[1]) < _OLDEST_NODE:
            raise ServerUnavailable(f"{self._consequence()}: Node.js {_OLDEST_NODE} or newer is needed, {node} is {shown.strip()}")
        return npm

    def _consequence(self) -> str:
        built = (self._folder / "dist").is_dir()
        return "the web app stays as it was last built" if built else "no web app is served, only the API"

    def _npm_run(self, words: list[str], what: str) -> Steps:
        child = self.child = spawn("frontend-build", words, log=self._log, env=self._env, cwd=self._folder)
        try:
            while (status := child.poll()) is None:
                yield what
        finally:
            child.kill()
            self.child = None
        if status != 0:
            raise ServerFailed(f"{self._consequence()}: `npm {' '.join(words[1:])}` ended with {status}.\n{child.log_tail()}")

    def _fingerprint(self) -> str:
        """A hash over the names and contents of all sources."""
        digest = hashlib.sha256()
        for folder, inner, files in os.walk(self._folder):
            inner[:] = sorted(name for name in inner if name not in _NOT_SOURCES)
            for path in (Path(folder, name) for name in sorted(files)):
                content = path.read_bytes() if path.is_file() else b""
                digest.update(f"{path.relative_to(self._folder)}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _packages_stamp(self) -> Path:
        return self._folder / "node_modules" / ".millrace-installed"

    def _packages_mark(self) -> str:
        names = ("package.json", "package-lock.json")
        present = [path.read_bytes() for name in names if (path := self._folder / name).exists()]
        return hashlib.sha256(b"\0".join(present)).hexdigest()

    def _packages_missing(self) -> bool:
        stamp = self._packages_stamp()
        return not stamp.is_file() or stamp.read_text() != self._packages_mark()
