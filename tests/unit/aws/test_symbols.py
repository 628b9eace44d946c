"""Compiled modules without symbols: smaller, and they load and work as before."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aws.symbols import strip, stripped

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shared objects here are ELF")


def a_compiled_module() -> Path:
    spec = importlib.util.find_spec("multidict._multidict")
    assert spec is not None
    assert spec.origin
    return Path(spec.origin)


def test_a_stripped_module_is_smaller_and_loads(tmp_path: Path) -> None:
    original = a_compiled_module()
    copy = tmp_path / original.name
    copy.write_bytes(original.read_bytes())
    assert strip(tmp_path) == original.stat().st_size - copy.stat().st_size > 0
    code = (
        "import sys, importlib.util; spec = importlib.util.spec_from_file_location('multidict._multidict', sys.argv[1]); "
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module); print(module.MultiDict([('a', 1), ('a', 2)]).getall('a'))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1, 2]"
    assert strip(tmp_path) == 0


def test_what_is_no_shared_object_stays_as_it_is(tmp_path: Path) -> None:
    assert stripped(b"import os\n") == b"import os\n"
    assert stripped(b"") == b""
    (tmp_path / "README.so.md").write_text("words")
    assert strip(tmp_path) == 0
